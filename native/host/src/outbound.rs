//! `wasi:http` calls that components make: to the network, to each other, or to their own application.

pub mod application;
pub mod client;
pub mod config;
pub mod host;

use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use wasmtime_wasi_http::{Error, WasiBody};

/// Sends a request that a component was granted to make.
pub trait Egress: Send + Sync + 'static {
    /// Returns the response as soon as its head is there. The body reports later errors.
    fn send(&self, request: Request<WasiBody>, timeouts: Timeouts) -> BoxFuture<'_, Result<Response<WasiBody>, Error>>;
}

/// The longest duration of each step of a call.
#[derive(Clone, Copy)]
pub struct Timeouts {
    pub connect: Duration,
    pub first_byte: Duration,
    pub between_bytes: Duration,
}
