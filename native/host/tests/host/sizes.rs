//! Bodies of every size are transferred completely.

use bytes::Bytes;
use futures::stream;
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use nexus_host::{Body, Host};

use super::app::{App, ask, text};

const MIB: usize = 1 << 20;
const SIZES: [usize; 9] = [
    0,
    1,
    64 << 10,
    (64 << 10) + 1,
    MIB - 1,
    MIB,
    MIB + 1,
    10 * MIB,
    50 * MIB,
];

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index % 251) as u8).collect()
}

async fn flow() -> Host {
    App::one("flow", "").load().await
}

async fn read(host: &Host, request: http::request::Builder, body: impl Into<Bytes>) -> Bytes {
    let answer = ask(host, request, body).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body();
    // A framing layer calls these at any time.
    let hint = http_body::Body::size_hint(&body);
    let whole = body.collect().await.unwrap().to_bytes();
    let size = whole.len() as u64;
    assert!(
        hint.lower() <= size && hint.upper().is_none_or(|upper| size <= upper),
        "{hint:?} for {size}"
    );
    whole
}

/// Compares without printing megabytes.
fn assert_same(got: &[u8], expected: &[u8]) {
    assert_eq!(got.len(), expected.len());
    assert!(got == expected, "other bytes than were sent");
}

#[tokio::test]
async fn a_response_with_a_length_is_complete() {
    let host = flow().await;
    for size in SIZES {
        let got = read(&host, Request::get(format!("/whole?{size}")), "").await;
        assert_same(&got, &bytes(size));
    }
}

#[tokio::test]
async fn a_response_in_pieces_is_complete() {
    let host = flow().await;
    for size in SIZES {
        let got = read(&host, Request::get(format!("/streamed?{size}")), "").await;
        assert_same(&got, &bytes(size));
    }
}

#[tokio::test]
async fn a_body_that_is_passed_through_is_complete() {
    let host = flow().await;
    for size in SIZES {
        let got = read(&host, Request::post("/echo"), bytes(size)).await;
        assert_same(&got, &bytes(size));
    }
}

/// The fixture's checksum.
fn counted(body: &[u8]) -> String {
    let sum = body
        .iter()
        .fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    format!("{} {sum}", body.len())
}

#[tokio::test]
async fn a_request_body_is_complete() {
    let host = flow().await;
    for size in SIZES {
        let body = bytes(size);
        let got = read(&host, Request::post("/counted"), body.clone()).await;
        assert_eq!(String::from_utf8_lossy(&got), counted(&body));
    }
}

#[tokio::test]
async fn a_truncated_request_body_is_an_error() {
    let host = flow().await;
    let frames = [
        Ok(Frame::data(Bytes::from(bytes(MIB)))),
        Err("the sender is gone".into()),
    ];
    let body: Body = StreamBody::new(stream::iter(frames)).boxed_unsync();
    let request = Request::post("/counted").body(body).unwrap();
    let answer = host.handle(request, ([192, 0, 2, 7], 4711).into()).await;
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, format!("broken off after {MIB}"));
    assert_eq!(text(&host, "/waiting?0").await, "waited");
}

#[tokio::test]
async fn responses_of_more_than_a_mebibyte_pass_a_listener() {
    let host = flow().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(nexus_host::serve(host, listener, async {
        let _ = stopped.await;
    }));
    for path in ["whole", "streamed"] {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(format!("/{path}?{}", MIB + 1))
            .header("host", "localhost")
            .body(http_body_util::Empty::<Bytes>::new())
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_same(&answer.into_body().collect().await.unwrap().to_bytes(), &bytes(MIB + 1));
    }
    let _ = stop.send(());
    serving.await.unwrap().unwrap();
}
