//! Bodies on their way through the sidecar: whole and byte for byte, or broken off so that the client sees it. With the components
//! in the same process and behind a relay, by HTTP/1.0, HTTP/1.1 and HTTP/2.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{Request, Response, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use nexus_domain::settings::Settings;
use nexus_sidecar::Surroundings;
use nexus_sidecar::backend::{Backend, BackendError, Body, BoxError, HttpBackend, boxed, empty};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SECRET: &str = "a secret of at least thirty-two bytes, for tests";
const MIB: usize = 1 << 20;
const SIZES: [usize; 7] = [0, 64 << 10, MIB - 1, MIB, MIB + 1, 10 * MIB, 50 * MIB];
const PIECE: usize = 100_000;

/// `/api/v1/bytes/N` gives N bytes, `/api/v1/broken/N` N bytes and then an error, `/api/v1/echo` what it is sent.
struct Components;

impl Backend for Components {
    fn call(&self, request: Request<Body>, _: SocketAddr) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        let path = request.uri().path().to_owned();
        let number = |rest: &str| rest.parse::<usize>().unwrap();
        let body = if let Some(size) = path.strip_prefix("/api/v1/bytes/") {
            pieces(number(size), false)
        } else if let Some(size) = path.strip_prefix("/api/v1/broken/") {
            pieces(number(size), true)
        } else if path == "/api/v1/refused" {
            // Before any of the body is read.
            let answer = Response::builder().status(413).header(CONTENT_TYPE, "text/plain");
            return futures::future::ready(Ok(answer.body(pieces(9, false)).unwrap())).boxed();
        } else if path == "/api/v1/echo" {
            request.into_body()
        } else {
            empty()
        };
        let answer = Response::builder().header(CONTENT_TYPE, "text/plain").body(body);
        futures::future::ready(Ok(answer.unwrap())).boxed()
    }
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index % 251) as u8).collect()
}

fn pieces(size: usize, breaks: bool) -> Body {
    let frames = stream::unfold(0, move |sent| async move {
        if sent < size {
            let piece = (sent..size.min(sent + PIECE)).map(|index| (index % 251) as u8);
            return Some((Ok(Frame::data(Bytes::from_iter(piece))), size.min(sent + PIECE)));
        }
        // What came before is on its way to the client by then.
        tokio::time::sleep(Duration::from_millis(20)).await;
        breaks.then(|| (Err(BoxError::from("on purpose")), sent))
    });
    boxed(StreamBody::new(Box::pin(frames)))
}

fn serve(backend: Arc<dyn Backend>) -> SocketAddr {
    let given = [
        ("JWT_ACCESS_SECRET", SECRET),
        ("JWT_REFRESH_SECRET", SECRET),
        ("INTERNAL_SECRET", SECRET),
        ("MAIL_SEAL_KEY", SECRET),
        ("THROTTLE_LIMIT", "0"),
    ];
    let find = |name: &str| given.iter().find(|(known, _)| *known == name);
    let settings = Settings::read(|name| find(name).map(|(_, value)| (*value).to_owned())).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    // Of its own: it takes a thread as its own program does.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        let listener = TcpListener::from_std(listener).unwrap();
        let never = std::future::pending();
        let serving = nexus_sidecar::run(listener, backend, &settings, Surroundings::default(), never);
        runtime.block_on(serving).unwrap();
    });
    address
}

/// The components in the same process, and behind a relay.
fn both_ways() -> [SocketAddr; 2] {
    let direct = serve(Arc::new(Components));
    let upstream = HttpBackend::new(&format!("http://{direct}")).unwrap();
    [direct, serve(Arc::new(upstream))]
}

enum Client {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

impl Client {
    async fn connect(address: SocketAddr, version: Version) -> Self {
        let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
        if version == Version::HTTP_2 {
            let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                .await
                .unwrap();
            tokio::spawn(connection);
            Self::Http2(sender)
        } else {
            let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            Self::Http1(sender)
        }
    }

    async fn ask(&mut self, path: &str, encoding: &str, body: Option<Vec<u8>>) -> Response<Incoming> {
        let method = if body.is_some() { "POST" } else { "GET" };
        let mut request = Request::builder().method(method).uri(path);
        if !encoding.is_empty() {
            request = request.header(ACCEPT_ENCODING, encoding);
        }
        let body = Full::new(Bytes::from(body.unwrap_or_default()));
        match self {
            Self::Http1(sender) => {
                let request = request.header(HOST, "localhost").body(body).unwrap();
                sender.ready().await.unwrap();
                sender.send_request(request).await.unwrap()
            }
            Self::Http2(sender) => {
                let request = request.body(body).unwrap();
                let (mut parts, body) = request.into_parts();
                parts.uri = format!("http://localhost{path}").parse().unwrap();
                sender.send_request(Request::from_parts(parts, body)).await.unwrap()
            }
        }
    }
}

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_every_size_pass_whole_both_ways() {
    for address in both_ways() {
        for version in VERSIONS {
            let mut client = Client::connect(address, version).await;
            for size in SIZES {
                let answer = client.ask(&format!("/api/v1/bytes/{size}"), "", None).await;
                let got = answer.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(got.len(), size);
                assert!(got == bytes(size), "{version:?}: {size} bytes down are others");
                let answer = client.ask("/api/v1/echo", "", Some(bytes(size))).await;
                let got = answer.into_body().collect().await.unwrap().to_bytes();
                assert!(got == bytes(size), "{version:?}: {size} bytes up and down are others");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_larger_than_any_is_refused_at_its_head() {
    for address in both_ways() {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /api/v1/echo HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            64 * MIB + 1
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 413");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_still_sends_what_is_refused_gets_the_refusal() {
    for address in both_ways() {
        for version in VERSIONS {
            let mut client = Client::connect(address, version).await;
            for size in [10 * MIB, 50 * MIB] {
                let answer = client.ask("/api/v1/refused", "", Some(bytes(size))).await;
                assert_eq!(answer.status(), 413, "{version:?}: {size}");
                assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 9);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_never_ends_like_a_whole_one() {
    for address in both_ways() {
        for version in VERSIONS {
            for size in [0, 1, PIECE, MIB + 1, 10 * MIB] {
                for encoding in ["", "gzip", "br"] {
                    let mut client = Client::connect(address, version).await;
                    let answer = client.ask(&format!("/api/v1/broken/{size}"), encoding, None).await;
                    if encoding.is_empty() {
                        assert!(!answer.headers().contains_key(CONTENT_ENCODING));
                    }
                    let read = tokio::time::timeout(Duration::from_secs(30), answer.into_body().collect());
                    let read = read.await.expect("it ends");
                    assert!(read.is_err(), "{version:?} {encoding}: {size} bytes look whole");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_off_leaves_the_others_of_its_connection() {
    for address in both_ways() {
        let mut client = Client::connect(address, Version::HTTP_2).await;
        let sibling = client.ask(&format!("/api/v1/bytes/{}", 3 * MIB), "", None).await;
        let broken = client.ask(&format!("/api/v1/broken/{MIB}"), "", None).await;
        assert!(broken.into_body().collect().await.is_err());
        assert_eq!(sibling.into_body().collect().await.unwrap().to_bytes().len(), 3 * MIB);
        let later = client.ask("/api/v1/bytes/5", "", None).await;
        assert_eq!(later.into_body().collect().await.unwrap().to_bytes().len(), 5);
    }
}

/// Without chunks and a length, the end of the connection is the end of the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_http_1_0_sees_that_an_answer_broke_off() {
    for address in both_ways() {
        for (path, is_whole) in [("bytes", true), ("broken", false)] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("GET /api/v1/{path}/{MIB} HTTP/1.0\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut all = Vec::new();
            let read = stream.read_to_end(&mut all).await;
            assert_eq!(read.is_ok(), is_whole, "/{path} at {address}");
            if is_whole {
                assert!(all.ends_with(&bytes(MIB)));
            }
        }
    }
}

/// Longer than any step takes by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_pauses_gets_everything() {
    for address in both_ways() {
        for version in VERSIONS {
            let mut client = Client::connect(address, version).await;
            let answer = client.ask(&format!("/api/v1/bytes/{}", 10 * MIB), "", None).await;
            tokio::time::sleep(Duration::from_secs(2)).await;
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 10 * MIB);
        }
    }
}
