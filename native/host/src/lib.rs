//! A small host for Spin applications, for one machine.
//!
//! It reads the same `spin.toml` and runtime configuration as Spin, runs the same `.wasm` files, keeps its state in
//! the same files, and refuses what Spin refuses. It has no feature of its own that a component could come to rely
//! on: what runs here runs on Spin unchanged.
//!
//! [`Host::load`] prepares an application and [`Host::handle`] answers a request; whoever embeds the host brings
//! the listener. [`serve()`] is one for trying and measuring.

mod allowed_hosts;
mod aside;
mod bindings;
mod build_commands;
mod client;
mod code_cache;
mod compile;
mod component;
mod compose;
mod config;
mod denied;
mod engine;
mod error;
mod files;
mod headers;
mod host;
mod instance;
mod key_value;
mod leaving;
mod load;
mod logs;
mod manifest;
mod memory;
mod noticed;
mod outbound;
mod pool;
mod routes;
mod runtime_config;
mod serve;
mod sqlite;
mod state;
mod template;
mod unfinished;
mod variables;
mod variables_host;
mod wasi;

pub use bindings::sqlite::Value as SqlValue;
pub use build_commands::build;
pub use compile::{Ahead, fingerprint};
pub use config::{HostConfig, Limits, LogLine, LogSink, LogStream, Preparing, ProgressSink};
pub use error::{BoxError, BuildError, LoadError};
pub use host::{Host, RouteInfo, Stats};
pub use key_value::put_key_value;
pub use load::compile_ahead;
pub use serve::serve;
pub use sqlite::{DatabasePlace, LibsqlClient};

/// A body of a request or an answer, as it streams.
pub type Body = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, BoxError>;
