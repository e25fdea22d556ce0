//! A request on its way to an instance, and the reply to it.

use futures::channel::oneshot;
use http::{Request, Response};
use wasmtime_wasi_http::WasiBody;

pub type Answer = wasmtime::Result<Response<WasiBody>>;
pub type ReplySender = oneshot::Sender<Answer>;

pub struct Job {
    pub request: Request<WasiBody>,
    pub reply: ReplySender,
}

/// Why a component gave no answer.
#[derive(Debug)]
pub enum NoAnswer {
    /// No instance became free in time.
    Busy,
    /// The instance trapped, exceeded a limit, or answered with an error.
    Failed(wasmtime::Error),
}
