//! Slow senders and readers, and truncated responses.

use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use nexus_host::{Body, BoxError, Host};

use super::app::{App, ask, get, text};

const DEADLINE: Duration = Duration::from_millis(400);
/// Longer than the request deadline.
const PAUSE: Duration = Duration::from_millis(900);
const MIB: usize = 1 << 20;

async fn flow() -> Host {
    App::one("flow", "")
        .limits(|limits| limits.request_deadline = DEADLINE)
        .load()
        .await
}

type Sender = mpsc::Sender<Result<Frame<Bytes>, BoxError>>;

/// Starts a request whose body the test sends in pieces.
fn upload(host: &Host, path: &str) -> (Sender, impl Future<Output = Response<Body>> + use<>) {
    let (sender, frames) = mpsc::channel(0);
    let body: Body = StreamBody::new(frames).boxed_unsync();
    let request = Request::post(path).body(body).unwrap();
    let host = host.clone();
    (sender, async move {
        host.handle(request, ([192, 0, 2, 7], 4711).into()).await
    })
}

async fn whole(answer: Response<Body>) -> Result<Bytes, BoxError> {
    Ok(answer.into_body().collect().await?.to_bytes())
}

/// Runs a second request in the same instance while the first one waits.
async fn beside<T>(host: &Host, first: impl Future<Output = T>) -> T {
    let second = async {
        tokio::time::sleep(DEADLINE / 4).await;
        let answer = get(host, "/waiting?100").await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "waited"));
        // Another request is in flight when the first one continues.
        get(host, "/waiting?1000").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((second.status, second.text.as_str()), (StatusCode::OK, "waited"));
    assert_eq!(host.stats().instances_made, 1);
    first
}

#[tokio::test]
async fn an_upload_may_pause_for_longer_than_the_request_deadline() {
    let host = flow().await;
    let (mut sender, answer) = upload(&host, "/counted");
    let send = async move {
        for _ in 0..2 {
            sender.send(Ok(Frame::data(Bytes::from_static(b"half")))).await.unwrap();
            tokio::time::sleep(PAUSE).await;
        }
    };
    let (answer, ()) = beside(&host, async { tokio::join!(answer, send) }).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(whole(answer).await.unwrap().starts_with(b"8 "));
}

#[tokio::test]
async fn a_reader_may_pause_for_longer_than_the_request_deadline() {
    let host = flow().await;
    let read = async {
        let mut body = ask(&host, Request::get(format!("/streamed?{}", 20 * MIB)), "")
            .await
            .into_body();
        let mut size = 0;
        for pause in [PAUSE, PAUSE, Duration::ZERO] {
            size += body.frame().await.unwrap().unwrap().into_data().unwrap().len();
            tokio::time::sleep(pause).await;
        }
        size + body.collect().await.unwrap().to_bytes().len()
    };
    assert_eq!(beside(&host, read).await, 20 * MIB);
}

#[tokio::test]
async fn a_truncated_response_ends_with_an_error() {
    let host = flow().await;
    for size in [1, 1000, 65 << 10, MIB, MIB + 1, 3 * MIB] {
        for path in ["failing", "trapping", "looping"] {
            let answer = ask(&host, Request::get(format!("/{path}?{size}")), "").await;
            if answer.status() != StatusCode::INTERNAL_SERVER_ERROR {
                assert!(whole(answer).await.is_err(), "/{path}?{size} looks whole");
            }
            // Late readers get the error as well.
            let answer = ask(&host, Request::get(format!("/{path}?{size}")), "").await;
            tokio::time::sleep(2 * DEADLINE).await;
            if answer.status() != StatusCode::INTERNAL_SERVER_ERROR {
                assert!(
                    whole(answer).await.is_err(),
                    "/{path}?{size} looks whole when it is read late"
                );
            }
        }
    }
    assert_eq!(text(&host, "/waiting?0").await, "waited");
}

#[tokio::test]
async fn a_complete_response_survives_its_instance() {
    let host = flow().await;
    // The guest has written this body completely, and its end is unread.
    let mut written = ask(&host, Request::get(format!("/streamed?{}", 70 << 10)), "").await;
    let first = written.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    let unwritten = ask(&host, Request::get(format!("/streamed?{}", 9 * MIB)), "").await;
    tokio::time::sleep(DEADLINE / 4).await;

    assert_eq!(get(&host, "/trap").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(host.stats().instances_made, 1, "all of them in one instance");

    let rest = whole(written).await.unwrap();
    assert_eq!(first.len() + rest.len(), 70 << 10);
    assert!(whole(unwritten).await.is_err());
}

#[tokio::test]
async fn a_truncated_wasi_0_2_response_ends_with_an_error() {
    let host = App::one("hello02", "").load().await;
    let answer = ask(&host, Request::get("/breaking"), "").await;
    assert!(answer.status() == StatusCode::INTERNAL_SERVER_ERROR || whole(answer).await.is_err());
    assert_eq!(text(&host, "/x").await, "Hello from 0.2 at /x");
}

#[tokio::test]
async fn requests_beside_a_trap_are_answered() {
    let host = flow().await;
    let siblings: Vec<_> = (0..8)
        .map(|_| {
            let host = host.clone();
            tokio::spawn(async move { get(&host, "/waiting?200").await.status })
        })
        .collect();
    tokio::time::sleep(DEADLINE / 4).await;
    assert_eq!(get(&host, "/trap").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    for sibling in futures::stream::iter(siblings)
        .then(|sibling| sibling)
        .collect::<Vec<_>>()
        .await
    {
        assert!(matches!(
            sibling.unwrap(),
            StatusCode::OK | StatusCode::INTERNAL_SERVER_ERROR
        ));
    }
}
