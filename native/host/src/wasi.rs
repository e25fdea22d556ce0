//! WASI: output, environment, files and sockets of an instance.

pub mod config;
pub mod host;
pub mod logs;
