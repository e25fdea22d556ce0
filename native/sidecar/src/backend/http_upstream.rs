//! Components that run elsewhere, reached by HTTP: `nexus relay --upstream`.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::HOST;
use http::uri::{Authority, Parts, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use thiserror::Error;
use tokio::net::TcpStream;
use tower::Service;

use super::hop_by_hop::drop_hop_by_hop;
use super::quick_ack::QuickAckStream;
use super::{Backend, BackendError, Body, boxed};

/// Spin closes idle connections after about this long; we let go first.
const IDLE: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

pub struct HttpBackend {
    client: Client<Connector, Body>,
    authority: Authority,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum UpstreamError {
    #[error("`{0}` is not a URL of the form http://HOST:PORT")]
    NotAnOrigin(String),
}

impl HttpBackend {
    pub fn new(upstream: &str) -> Result<Self, UpstreamError> {
        let problem = || UpstreamError::NotAnOrigin(upstream.to_owned());
        let uri: Uri = upstream.parse().map_err(|_| problem())?;
        if uri.scheme() != Some(&Scheme::HTTP) || !matches!(uri.path(), "" | "/") {
            return Err(problem());
        }
        let authority = uri.authority().cloned().ok_or_else(problem)?;
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(256)
            .build(Connector);
        Ok(Self { client, authority })
    }

    fn address(&self, request: &mut Request<Body>) {
        let mut parts = Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = request.uri().path_and_query().cloned();
        if parts.path_and_query.is_none() {
            parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        }
        // All three parts are present and were valid before.
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        // The name by which the client called stays visible to the components, as without us between.
        if !request.headers().contains_key(HOST)
            && let Ok(host) = HeaderValue::from_str(self.authority.as_str())
        {
            request.headers_mut().insert(HOST, host);
        }
    }
}

impl Backend for HttpBackend {
    fn call(
        &self,
        mut request: Request<Body>,
        _client: SocketAddr,
    ) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        self.address(&mut request);
        *request.version_mut() = Version::HTTP_11;
        drop_hop_by_hop(request.headers_mut());
        let client = self.client.clone();
        async move {
            let answer = client
                .request(request)
                .await
                .map_err(|error| BackendError::Unreachable(error.into()))?;
            let mut answer = answer.map(boxed);
            drop_hop_by_hop(answer.headers_mut());
            *answer.version_mut() = Version::HTTP_11;
            Ok(answer)
        }
        .boxed()
    }
}

#[derive(Clone)]
struct Connector;

impl Service<Uri> for Connector {
    type Response = QuickAckStream;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<QuickAckStream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        async move {
            let host = uri.host().ok_or(io::ErrorKind::InvalidInput)?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let port = uri.port_u16().unwrap_or(80);
            let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect((host, port)))
                .await
                .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            QuickAckStream::new(stream)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
