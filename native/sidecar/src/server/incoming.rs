//! A request's body while the components read it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Version};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::backend::{Body, BoxError, boxed};

/// How much of a body that nobody wants is still taken, and for how long.
const MOST: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// Lets a client send to the end what was answered before, and perhaps refused: by HTTP/1 the connection would be reset while it
/// sends, and the answer lost. One that asks before it sends has nothing under way.
pub fn watch(request: Request<Incoming>) -> Request<Body> {
    let sends = request.version() <= Version::HTTP_11 && !request.headers().contains_key(EXPECT);
    if !sends || request.body().is_end_stream() {
        return request.map(boxed);
    }
    request.map(|body| boxed(Sent(Some(boxed(body)))))
}

/// `None` once it has ended.
struct Sent(Option<Body>);

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let frame = std::task::ready!(Pin::new(body).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if let Some(body) = self.0.take().filter(|body| !body.is_end_stream())
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(PATIENCE, discard(body)));
        }
    }
}

async fn discard(mut body: Body) {
    let mut taken = 0;
    while taken <= MOST
        && let Some(Ok(frame)) = body.frame().await
    {
        taken += frame.data_ref().map_or(0, Bytes::len);
    }
}
