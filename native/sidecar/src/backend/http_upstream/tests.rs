use std::time::Instant;

use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::backend::empty;

/// A server like Spin's: Nagle on, headers and body in two writes, the connection kept.
async fn answers_in_two_writes() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while matches!(stream.read(&mut buffer).await, Ok(n) if n > 0) {
                    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: x-hop\r\nx-hop: 1\r\n\r\n";
                    if stream.write_all(head).await.is_err() || stream.write_all(b"ok").await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(empty()).expect("a request")
}

#[tokio::test]
async fn an_answer_in_two_writes_does_not_wait_for_a_delayed_acknowledgement() {
    let address = answers_in_two_writes().await;
    let backend = HttpBackend::new(&format!("http://{address}")).expect("an origin");
    let mut times = Vec::new();
    for _ in 0..50 {
        let started = Instant::now();
        let answer = backend.call(get("/x?y=1"), address).await.expect("an answer");
        assert!(!answer.headers().contains_key("x-hop") && !answer.headers().contains_key("connection"));
        answer.into_body().collect().await.expect("a body");
        times.push(started.elapsed());
    }
    times.sort_unstable();
    println!("median {:?}, max {:?}", times[25], times[49]);
    // A stalled answer takes 40 ms; the median tells, however busy the machine.
    assert!(times[25] < Duration::from_millis(20), "median {:?}", times[25]);
}

#[tokio::test]
async fn components_that_are_not_there_are_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let backend = HttpBackend::new(&format!("http://{address}")).expect("an origin");
    assert!(matches!(
        backend.call(get("/"), address).await,
        Err(BackendError::Unreachable(_))
    ));
}

#[test]
fn an_upstream_is_an_origin() {
    for bad in ["127.0.0.1:3000", "https://a", "http://a/b", "ftp://a", ""] {
        assert!(HttpBackend::new(bad).is_err(), "{bad}");
    }
}
