//! A SendGrid that costs next to nothing, for measuring what the product costs: it takes every mail and counts. One
//! thread, a process of its own, no look at what a mail says (other tests hold requests against the published document).
//!
//! Prints its address; `GET /counts` tells how many mails came, how many of them were different, and over how many
//! connections.

// A tool of the tests: failing at once is what it is for.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::convert::Infallible;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

#[derive(Default)]
struct Counts {
    mails: Cell<u64>,
    different: RefCell<HashSet<Vec<u8>>>,
    connections: Cell<u64>,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, listen());
}

async fn listen() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("http://{}", listener.local_addr().expect("an address"));
    let counts = Rc::new(Counts::default());
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        counts.connections.set(counts.connections.get() + 1);
        let counts = counts.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(|request| answer(&counts, request));
            // An error is a connection that the other side broke.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(counts: &Counts, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let said = match request.uri().path() {
        "/v3/mail/send" => {
            let body = request.into_body().collect().await.map(|body| body.to_bytes());
            return Ok(take(counts, &body.unwrap_or_default()));
        }
        "/v3/scopes" => r#"{"scopes":["mail.send"]}"#.to_owned(),
        "/counts" => format!(
            r#"{{"mails":{},"different":{},"connections":{}}}"#,
            counts.mails.get(),
            counts.different.borrow().len(),
            counts.connections.get()
        ),
        _ => "{}".to_owned(),
    };
    Ok(Response::new(Full::new(said.into())))
}

fn take(counts: &Counts, body: &[u8]) -> Response<Full<Bytes>> {
    let id = mail_id(body);
    counts.mails.set(counts.mails.get() + 1);
    counts.different.borrow_mut().insert(id.to_vec());
    Response::builder()
        .status(202)
        .header("x-message-id", id)
        .body(Full::default())
        .expect("an answer")
}

/// Without parsing the rest.
fn mail_id(body: &[u8]) -> &[u8] {
    const BEFORE: &[u8] = br#""mail_id":""#;
    let at = body.windows(BEFORE.len()).position(|window| window == BEFORE);
    let rest = at.map_or(&[][..], |at| &body[at + BEFORE.len()..]);
    let end = rest.iter().position(|&byte| byte == b'"').unwrap_or(0);
    &rest[..end]
}
