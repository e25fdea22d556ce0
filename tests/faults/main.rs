//! What happens when things break: the provider, the process. The long forms run with `--ignored`.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

mod approvals;
mod cluster;
mod drain;
mod libsql;
mod mail;
mod outbox;
mod payments;
mod volley;
