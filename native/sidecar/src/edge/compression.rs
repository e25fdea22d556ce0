//! Compression of what is worth it, as the client asked for.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, Ready, ready};
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Request, Response};
use http_body::Body as HttpBody;
use tower::{Service, ServiceExt};
use tower_http::CompressionLevel;
use tower_http::compression::Compression;
use tower_http::compression::predicate::{Predicate, SizeAbove};

use crate::backend::{Body, boxed, empty};

/// Below this the headers cost more than is saved, and the answer fits one packet anyway.
const WORTH_IT: u64 = 1_024;

pub fn compress(answer: Response<Body>, accepted: Option<HeaderValue>) -> BoxFuture<'static, Response<Body>> {
    let Some(accepted) = accepted else {
        return ready(answer).boxed();
    };
    let mut request = Request::new(empty());
    request.headers_mut().insert(ACCEPT_ENCODING, accepted);
    let service = Compression::new(Answered(Some(answer)))
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(WORTH_IT).and(CompressibleType));
    service
        .oneshot(request)
        .map(|answer| match answer {
            Ok(answer) => answer.map(boxed),
            Err(never) => match never {},
        })
        .boxed()
}

/// A service that gives the answer it was made with: the form in which `tower_http` takes one.
struct Answered(Option<Response<Body>>);

impl Service<Request<Body>> for Answered {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        // `oneshot` calls once.
        ready(Ok(self.0.take().unwrap_or_else(|| Response::new(empty()))))
    }
}

#[derive(Debug, Clone, Copy)]
struct CompressibleType;

impl Predicate for CompressibleType {
    fn should_compress<B: HttpBody>(&self, answer: &http::Response<B>) -> bool {
        let kind = answer
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .unwrap_or_default()
            .trim();
        // Not `text/event-stream`: events must not wait for a compressor's buffer to fill.
        (kind.starts_with("text/") && kind != "text/event-stream")
            || matches!(
                kind,
                "application/json"
                    | "application/problem+json"
                    | "application/javascript"
                    | "application/manifest+json"
                    | "application/wasm"
                    | "image/svg+xml"
            )
    }
}
