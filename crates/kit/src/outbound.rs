//! Outbound HTTP by one call: the host's client in a component, a plain one in native tests.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use thiserror::Error;

/// No answer came, or not a whole one; whether the other side acted on the request is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no answer: {0}")]
pub struct NoAnswer(pub String);

/// Sends a request and reads at most `limit` bytes of its answer. The host holds it to the component's
/// `allowed_outbound_hosts`.
pub async fn send(request: Request<Bytes>, limit: usize) -> Result<Response<Bytes>, NoAnswer> {
    let response = exchange(request.map(Full::new)).await?;
    let (parts, body) = response.into_parts();
    let whole = Limited::new(body, limit)
        .collect()
        .await
        .map_err(|error| NoAnswer(error.to_string()))?;
    Ok(Response::from_parts(parts, whole.to_bytes()))
}

#[cfg(target_arch = "wasm32")]
async fn exchange(request: Request<Full<Bytes>>) -> Result<spin_sdk::http::Response, NoAnswer> {
    crate::entry::on_this_thread(spin_sdk::http::send(request))
        .await
        .map_err(|error| NoAnswer(error.to_string()))
}

#[cfg(not(target_arch = "wasm32"))]
async fn exchange(request: Request<Full<Bytes>>) -> Result<Response<hyper::body::Incoming>, NoAnswer> {
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    Client::builder(TokioExecutor::new())
        .build_http()
        .request(request)
        .await
        .map_err(|error| NoAnswer(error.to_string()))
}
