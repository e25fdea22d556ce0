//! Slow senders and readers: finished, or ended with an error that they see. Nobody else notices.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use nexus_tests::{Protocol, TestApp, Wire, WireBody};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::property::{Estate, estate};

/// Longer than a component may compute.
const PAUSE: Duration = Duration::from_secs(10);
const ROWS: usize = 20_000;

fn csv() -> String {
    let mut file = String::from("fullName,email,phone\n");
    for row in 0..ROWS {
        writeln!(file, "Resident {row},r{row}@example.org,+2010{row:08}").expect("a string takes it");
    }
    file
}

/// In three pieces, with a pause after the second.
fn pausing(content: Vec<u8>) -> WireBody {
    let third = content.len() / 3;
    let pieces = [&content[..third], &content[third..2 * third], &content[2 * third..]];
    let pieces: Vec<Bytes> = pieces.map(Bytes::copy_from_slice).into();
    let frames = futures::stream::iter(pieces.into_iter().enumerate()).then(|(index, piece)| async move {
        if index == 2 {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(Frame::data(piece))
    });
    StreamBody::new(frames).boxed_unsync()
}

async fn upload_with_a_pause(url: &str, protocol: Protocol, token: &str) {
    let mut wire = Wire::connect(url, protocol, token).await;
    let answer = wire
        .send(
            Method::POST,
            "/tenants/import?dryRun=true",
            &[("content-type", "text/csv")],
            pausing(csv().into_bytes()),
        )
        .await;
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("an answer").to_bytes();
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
}

async fn export_with_a_pause(url: &str, protocol: Protocol, token: &str, rows: usize) {
    let mut wire = Wire::connect(url, protocol, token).await;
    let nothing = Full::default().boxed_unsync();
    let answer = wire
        .send(Method::GET, "/tenants", &[("accept", "text/csv")], nothing)
        .await;
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    let first = body
        .frame()
        .await
        .expect("a frame")
        .expect("a piece")
        .into_data()
        .expect("data");
    tokio::time::sleep(PAUSE).await;
    let rest = body.collect().await.expect("the rest").to_bytes();
    let lines = [first, rest].concat();
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), rows + 1);
}

/// Others who use the same component meanwhile.
async fn others(place: &Estate) {
    for _ in 0..(PAUSE.as_secs() + 2) * 5 {
        place.admin.get("/apartments").await.expect(200);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pauses_for_ten_seconds_sends_and_gets_everything() {
    let app = TestApp::start().await;
    let relay = app.relay().await;
    let place = estate(&app, "haus").await;
    let token = place.admin.token();
    let kind = [("content-type", "text/csv")];
    let mut wire = Wire::connect(app.url(), Protocol::Http1, token).await;
    let imported = wire.ask(Method::POST, "/tenants/import", &kind, csv()).await;
    assert_eq!(imported.expect(200).json()["created"], ROWS);
    tokio::join!(
        upload_with_a_pause(app.url(), Protocol::Http1, token),
        upload_with_a_pause(app.url(), Protocol::Http2, token),
        upload_with_a_pause(relay.url(), Protocol::Http1, token),
        export_with_a_pause(app.url(), Protocol::Http1, token, ROWS + 1),
        export_with_a_pause(relay.url(), Protocol::Http1, token, ROWS + 1),
        export_with_a_pause(relay.url(), Protocol::Http2, token, ROWS + 1),
        others(&place),
    );
    let log = app.log();
    assert!(!log.contains("an instance ended early"), "{log}");
}

/// A small body of which a byte comes each second, and one that never comes to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_is_refused_with_an_answer() {
    let app = TestApp::start().await;
    let address = app.url().trim_start_matches("http://").to_owned();
    let body = br#"{"email":"ana@example.org","password":"Quiet-River-42"}"#;
    let trickle = |path: &'static str, pause: Duration| {
        let address = address.clone();
        async move {
            let mut stream = TcpStream::connect(&address).await.expect("a connection");
            let head = format!(
                "POST /api/v1{path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.expect("sent");
            let (mut read, mut write) = stream.into_split();
            let sending = tokio::spawn(async move {
                for byte in body {
                    // Until it is refused.
                    let _ = write.write_all(&[*byte]).await;
                    tokio::time::sleep(pause).await;
                }
            });
            let mut answer = vec![0; 1 << 10];
            let size = tokio::time::timeout(Duration::from_secs(50), read.read(&mut answer));
            let size = size.await.expect("an answer in time").expect("an answer");
            sending.abort();
            String::from_utf8_lossy(&answer[..size]).into_owned()
        }
    };
    let (login, refresh, silent) = tokio::join!(
        trickle("/auth/login", Duration::from_secs(1)),
        trickle("/auth/forgot-password", Duration::from_secs(1)),
        trickle("/auth/login", Duration::from_secs(3_600)),
    );
    assert!(login.starts_with("HTTP/1.1 400 "), "{login}");
    assert!(
        refresh.starts_with("HTTP/1.1 503 ") || refresh.starts_with("HTTP/1.1 400 "),
        "{refresh}"
    );
    assert!(silent.starts_with("HTTP/1.1 400 "), "{silent}");
}
