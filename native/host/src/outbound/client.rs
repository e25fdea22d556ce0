//! The HTTP client for outbound calls: pooled connections, TLS with the public roots, HTTP/1.1 or HTTP/2.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::client::legacy::{Client as Pooled, Error as PooledError};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::{Sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasmtime_wasi_http::{Error, WasiBody};

use super::Timeouts;

tokio::task_local! {
    /// The pooled client has no parameter for the timeout.
    static CONNECT_TIMEOUT: Duration;
}

#[derive(Clone)]
pub struct Client {
    pooled: Pooled<Connector, WasiBody>,
}

impl Client {
    pub fn new() -> Self {
        let roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.into(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|builder| {
                let mut config = builder.with_root_certificates(roots).with_no_client_auth();
                config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
                TlsConnector::from(Arc::new(config))
            })
            .ok();
        let pooled = Pooled::builder(TokioExecutor::new()).build(Connector { tls });
        Self { pooled }
    }

    pub async fn send(&self, request: Request<WasiBody>, timeouts: Timeouts) -> Result<Response<WasiBody>, Error> {
        let answer = CONNECT_TIMEOUT.scope(timeouts.connect, self.pooled.request(request));
        let response = timeout(timeouts.first_byte, answer)
            .await
            .map_err(|_| Error::ConnectionReadTimeout)?
            .map_err(|error| describe(&error))?;
        Ok(response.map(|body| {
            TimedBody {
                body: Some(body.map_err(Error::from)),
                limit: timeouts.between_bytes,
                sleep: None,
            }
            .boxed_unsync()
        }))
    }
}

/// Returns the connector's error, which the pooled client wraps.
fn describe(error: &PooledError) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(failed) = error.downcast_ref::<ConnectError>() {
            return failed.into();
        }
        cause = error.source();
    }
    if error.is_connect() {
        Error::ConnectionRefused
    } else {
        tracing::debug!(?error, "outbound call failed");
        Error::HttpProtocolError
    }
}

#[derive(Clone, Copy, Debug, thiserror::Error)]
enum ConnectError {
    #[error("the name has no address")]
    Dns,
    #[error("the address is not valid")]
    Uri,
    #[error("connection refused")]
    Refused,
    #[error("no connection in time")]
    Timeout,
    #[error("TLS failed")]
    Tls,
}

impl From<&ConnectError> for Error {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Dns => Self::DnsError {
                rcode: Some("address not available".into()),
                info_code: Some(0),
            },
            ConnectError::Uri => Self::HttpRequestUriInvalid,
            ConnectError::Refused => Self::ConnectionRefused,
            ConnectError::Timeout => Self::ConnectionTimeout,
            ConnectError::Tls => Self::TlsProtocolError,
        }
    }
}

#[derive(Clone)]
struct Connector {
    tls: Option<TlsConnector>,
}

impl tower_service::Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = self.tls.clone();
        let limit = CONNECT_TIMEOUT
            .try_with(|limit| *limit)
            .unwrap_or(Duration::from_secs(600));
        Box::pin(async move {
            timeout(limit, connect(uri, tls))
                .await
                .map_err(|_| ConnectError::Timeout)?
        })
    }
}

async fn connect(uri: Uri, tls: Option<TlsConnector>) -> Result<Stream, ConnectError> {
    let secure = uri.scheme() == Some(&http::uri::Scheme::HTTPS);
    let host = uri.host().ok_or(ConnectError::Uri)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let addresses: Vec<_> = tokio::net::lookup_host((bare, port))
        .await
        .map_err(|_| ConnectError::Dns)?
        .collect();
    let stream = TcpStream::connect(addresses.as_slice())
        .await
        .map_err(|_| ConnectError::Refused)?;
    // Small requests do not wait for the acknowledgement of earlier ones.
    let _ = stream.set_nodelay(true);
    if !secure {
        return Ok(Stream::Plain(TokioIo::new(stream)));
    }
    let name = rustls::pki_types::ServerName::try_from(bare.to_owned()).map_err(|_| ConnectError::Uri)?;
    let stream = tls
        .ok_or(ConnectError::Tls)?
        .connect(name, stream)
        .await
        .map_err(|error| {
            tracing::debug!(%error, "TLS handshake failed");
            ConnectError::Tls
        })?;
    Ok(Stream::Secure(Box::new(TokioIo::new(stream))))
}

enum Stream {
    Plain(TokioIo<TcpStream>),
    Secure(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Plain(_) => Connected::new(),
            Self::Secure(stream) => {
                let (_, session) = stream.inner().get_ref();
                match session.alpn_protocol() {
                    Some(b"h2") => Connected::new().negotiated_h2(),
                    _ => Connected::new(),
                }
            }
        }
    }
}

impl Read for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_read(cx, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

/// A body with a timeout for each piece. After a timeout the connection is closed.
struct TimedBody<B> {
    body: Option<B>,
    limit: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B: Body<Data = Bytes, Error = Error> + Unpin> Body for TimedBody<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let me = &mut *self;
        let Some(body) = &mut me.body else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(cx) {
            me.sleep = None;
            return Poll::Ready(frame);
        }
        let limit = me.limit;
        let sleep = me.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(sleep.as_mut().poll(cx));
        me.body = None;
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}
