//! A small host for Spin applications on one machine.
//!
//! It reads the same `spin.toml` and runtime configuration as Spin, runs the same `.wasm` files, keeps its state in the same
//! files, and refuses what Spin refuses. It offers components nothing that Spin does not offer: a component that runs here
//! runs on Spin unchanged.
//!
//! [`Host::load`] prepares an application, and [`Host::handle`] answers a request. The embedder brings the listener;
//! [`serve()`] is one for tests and measurements.
//!
//! Each capability of a component is a module with the same parts: its types, `config` (what the manifest or the runtime
//! configuration grants) and `host` (the functions that the component calls).

mod application;
mod bindings;
mod body;
mod build_commands;
mod compile;
mod component;
mod config;
mod denied;
mod engine;
mod error;
mod files;
mod host;
mod inbound;
mod instance;
mod key_value;
mod load;
mod manifest;
mod outbound;
mod resident;
mod runtime_config;
mod serve;
mod sqlite;
mod state;
mod template;
mod variables;
mod wasi;

pub use bindings::sqlite::Value as SqlValue;
pub use body::Body;
pub use build_commands::build;
pub use compile::{Ahead, fingerprint};
pub use config::{HostConfig, Limits, LogLine, LogSink, LogStream, Preparing, ProgressSink};
pub use error::{BoxError, BuildError, LoadError};
pub use host::{Host, RouteInfo, Stats};
pub use key_value::administration::put_key_value;
pub use load::compile_ahead;
pub use serve::serve;
pub use sqlite::administration::{DatabasePlace, LibsqlClient};
