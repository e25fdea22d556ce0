//! The one seam between the sidecar and the components: a request goes in, an answer comes out.
//!
//! In one process with the embedded host it is a call (`EmbeddedBackend`, in the CLI); beside
//! `spin up` it is HTTP ([`HttpBackend`]). Nothing else knows which.

mod hop_by_hop;
mod http_upstream;
mod quick_ack;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body::Body as HttpBody;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use thiserror::Error;

pub(crate) use hop_by_hop::drop_hop_by_hop;
pub use http_upstream::{HttpBackend, UpstreamError};

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Bodies of requests and answers alike; the embedded host uses the same type.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

pub trait Backend: Send + Sync + 'static {
    /// Passes a request on for the client at this address.
    fn call(
        &self,
        request: Request<Body>,
        client: SocketAddr,
    ) -> BoxFuture<'static, Result<Response<Body>, BackendError>>;
}

#[derive(Debug, Error)]
pub enum BackendError {
    #[error("the components can't be reached: {0}")]
    Unreachable(#[source] BoxError),
    #[error("the components did not answer within {0:?}")]
    TimedOut(Duration),
}

pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The body as it is read whole, up to so many bytes.
///
/// A loop of our own: inside a boxed future the compiler can't prove the bounds that
/// `http_body_util::Limited` has on a body's error when that is itself a boxed trait object.
pub fn read_whole(mut body: Body, limit: usize) -> BoxFuture<'static, Result<Bytes, ReadError>> {
    async move {
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(ReadError::Broken)?.into_data() {
                if whole.len() + data.len() > limit {
                    return Err(ReadError::TooLarge);
                }
                whole.extend_from_slice(&data);
            }
        }
        Ok(whole.freeze())
    }
    .boxed()
}

#[derive(Debug, Error)]
pub enum ReadError {
    #[error("the body broke off: {0}")]
    Broken(#[source] BoxError),
    #[error("the body is larger than it may be")]
    TooLarge,
}

/// Any body as ours.
pub fn boxed<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(|error| error.into()).boxed_unsync()
}
