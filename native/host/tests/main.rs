//! Tests of the host with small components (`fixtures/`).
//!
//! One program for all tests, since linking the engine takes longer than running them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod host {
    mod app;
    mod cache;
    mod dependencies;
    mod given;
    mod key_value;
    mod limits;
    mod manifest;
    mod outbound;
    mod pieces;
    mod reload;
    mod routing;
    mod sizes;
    mod slow;
    mod sqlite;
}
