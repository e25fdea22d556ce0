//! Bodies of requests and responses, and their conversion between the host's and WASI's error types.

use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::error::BoxError;

/// The streaming body of a request or a response.
pub type Body = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, BoxError>;

/// Converts a body that a component writes.
pub fn into_host_body(body: WasiBody) -> Body {
    body.map_err(Into::into).boxed_unsync()
}

/// Converts a body that a component reads.
pub fn into_wasi_body(body: Body) -> WasiBody {
    body.map_err(|error| match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(error) => Error::InternalError(Some(error.to_string())),
    })
    .boxed_unsync()
}
