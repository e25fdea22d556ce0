//! Stands before a server as proxies do that pass HTTP on and spoil WebSockets, each in its own way; and counts what the
//! clients ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, UPGRADE};
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoil {
    /// It works.
    Nothing,
    /// The connection is closed at once.
    Drop,
    /// 502; the server hears nothing.
    BadGateway,
    /// No answer at all; the server hears nothing.
    NeverAnswer,
    /// The request goes on without its `Upgrade`.
    Strip,
    /// The server's answer stays with the proxy, which waits for its end as for any other's.
    KeepAnswer,
    /// Both sides believe that they are connected, and nothing gets through.
    BlackHole,
    /// The same, and both are reset.
    Reset,
    /// Cut as soon as the server has answered the probe.
    CutAfterProbe,
}

impl Spoil {
    pub const ALL: [Self; 8] = [
        Self::Drop,
        Self::BadGateway,
        Self::NeverAnswer,
        Self::Strip,
        Self::KeepAnswer,
        Self::BlackHole,
        Self::Reset,
        Self::CutAfterProbe,
    ];
}

pub struct SpoilingProxy {
    url: String,
    requests: Arc<AtomicU64>,
    listening: tokio::task::JoinHandle<()>,
}

impl Drop for SpoilingProxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl SpoilingProxy {
    /// Before the server at this URL.
    pub async fn before(server: &str, spoil: Spoil) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(AtomicU64::new(0));
        let passage = Passage {
            server: server.trim_start_matches("http://").to_owned(),
            spoil,
            requests: Arc::clone(&requests),
            client: Client::builder(TokioExecutor::new()).build_http(),
        };
        let listening = tokio::spawn(listen(listener, passage));
        Self {
            url,
            requests,
            listening,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// How many requests came, WebSockets among them.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

type Body = BoxBody<Bytes, hyper::Error>;
type Answer = Result<Response<Body>, std::io::Error>;

#[derive(Clone)]
struct Passage {
    server: String,
    spoil: Spoil,
    requests: Arc<AtomicU64>,
    client: Client<HttpConnector, Incoming>,
}

async fn listen(listener: TcpListener, passage: Passage) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let passage = passage.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let passage = passage.clone();
                async move { passage.pass(request).await }
            });
            // An error is a connection that was broken on purpose.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}

impl Passage {
    async fn pass(&self, mut request: Request<Incoming>) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if request.headers().contains_key(UPGRADE) {
            match self.spoil {
                Spoil::Drop => return Err(broken()),
                Spoil::BadGateway => return Ok(bare(StatusCode::BAD_GATEWAY)),
                Spoil::NeverAnswer => return std::future::pending().await,
                Spoil::Strip => {
                    request.headers_mut().remove(UPGRADE);
                    request.headers_mut().remove(CONNECTION);
                }
                _ => return self.upgrade(request).await,
            }
        }
        let uri = format!("http://{}{}", self.server, request.uri());
        *request.uri_mut() = uri.parse::<Uri>().map_err(std::io::Error::other)?;
        let answer = self.client.request(request).await.map_err(std::io::Error::other)?;
        Ok(answer.map(BodyExt::boxed))
    }

    async fn upgrade(&self, mut request: Request<Incoming>) -> Answer {
        let stream = TcpStream::connect(&self.server).await?;
        let _ = stream.set_nodelay(true);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(std::io::Error::other)?;
        tokio::spawn(connection.with_upgrades());
        let ours = hyper::upgrade::on(&mut request);
        let (head, _) = request.into_parts();
        let mut answer = sender
            .send_request(Request::from_parts(head, Empty::<Bytes>::new()))
            .await
            .map_err(std::io::Error::other)?;
        let theirs = hyper::upgrade::on(&mut answer);
        if self.spoil == Spoil::KeepAnswer {
            // Held for as long as the client waits.
            let _theirs = theirs.await;
            return std::future::pending().await;
        }
        let spoil = self.spoil;
        tokio::spawn(async move {
            if let (Ok(ours), Ok(theirs)) = tokio::join!(ours, theirs) {
                between(ours, theirs, spoil).await;
            }
        });
        let (head, _) = answer.into_parts();
        Ok(Response::from_parts(head, empty()))
    }
}

/// What passes between client and server once both have upgraded.
async fn between(ours: Upgraded, theirs: Upgraded, spoil: Spoil) {
    let (mut ours, mut theirs) = (TokioIo::new(ours), TokioIo::new(theirs));
    match spoil {
        Spoil::BlackHole => {
            let (mut nowhere, mut no_place) = (sink(), sink());
            let both = async { tokio::join!(copy(&mut ours, &mut nowhere), copy(&mut theirs, &mut no_place)) };
            let _ = tokio::time::timeout(Duration::from_secs(120), both).await;
        }
        Spoil::Reset => {
            reset(ours.into_inner());
            reset(theirs.into_inner());
        }
        Spoil::CutAfterProbe => {
            let mut probe = [0; 64];
            if let Ok(count) = ours.read(&mut probe).await
                && theirs.write_all(&probe[..count]).await.is_ok()
            {
                let _ = theirs.read(&mut probe).await;
            }
        }
        _ => {
            let _ = copy_bidirectional(&mut ours, &mut theirs).await;
        }
    }
}

fn reset(upgraded: Upgraded) {
    if let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() {
        let _ = parts.io.into_inner().set_zero_linger();
    }
}

fn broken() -> std::io::Error {
    std::io::Error::other("broken on purpose")
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(empty());
    *answer.status_mut() = status;
    answer
}
