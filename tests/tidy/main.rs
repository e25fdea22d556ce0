//! The house rules that a compiler can't keep (docs/ARCHITECTURE.md): each test names one.

// A test fails at once, where it went wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod contract;
mod names;
mod security_table;
mod sources;
mod walls;
