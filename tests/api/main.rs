//! The HTTP contract, against the running product: one folder per resource, one file per verb.

// A test fails at once, where it went wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod admin;
mod auth;
mod dist;
mod documents;
mod edge;
mod mail;
mod operators;
mod property;
mod sizes;
mod slow;
mod start;
mod webhooks;
