//! What tests against the running product share: [`TestApp`] starts it, [`Client`] calls it.
//!
//! Every app has its own folder, port and secrets, so tests run in any order and side by side.

// Nothing here outlives a test: failing at once, where it went wrong, is what it is for.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod account;
mod app;
mod artefacts;
mod backlog;
mod client;
mod cutting_proxy;
mod fake_send_grid;
mod lean_send_grid;
mod libsql_server;
mod mailbox;
mod plain_socket;
mod redis_server;
mod reference_server;
mod relay;
mod socket_io;
mod spoiling_proxy;
mod wire;
pub mod witness;

pub use account::Account;
pub use app::{TestApp, TestAppBuilder};
pub use artefacts::{binary, repository};
pub use client::{Answer, Client};
pub use cutting_proxy::{Cut, CuttingProxy};
pub use fake_send_grid::{FakeSendGrid, Received, Reply};
pub use lean_send_grid::{LeanCounts, LeanSendGrid};
pub use libsql_server::{LibsqlServer, stores_at};
pub use mailbox::Mail;
pub use plain_socket::PlainSocket;
pub use redis_server::RedisServer;
pub use reference_server::ReferenceServer;
pub use relay::Relay;
pub use socket_io::SocketIo;
pub use spoiling_proxy::{Spoil, SpoilingProxy};
pub use wire::{Protocol, Wire, WireBody};
pub use witness::Witness;
