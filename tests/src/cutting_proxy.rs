//! Stands before a libSQL server and breaks a connection when it is told: in the middle of a transaction, before or after
//! the server has had the statement.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// Where a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// At this statement of a transaction; 0 is its `BEGIN`.
    pub at: usize,
    /// The server gets it, and only the answer is lost.
    pub server_has_it: bool,
}

#[derive(Default)]
struct State {
    cut: Option<Cut>,
    seen: Vec<String>,
}

pub struct CuttingProxy {
    url: String,
    state: Arc<Mutex<State>>,
    listening: tokio::task::JoinHandle<()>,
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl CuttingProxy {
    pub async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let listening = tokio::spawn(listen(listener, server.to_owned(), Arc::clone(&state)));
        Self { url, state, listening }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Once, in the transactions that begin from now on.
    pub fn cut(&self, cut: Cut) {
        *self.state.lock().expect("a lock") = State {
            cut: Some(cut),
            seen: Vec::new(),
        };
    }

    /// The statements of transactions since then, and whether the cut is still to come.
    pub fn mend(&self) -> (Vec<String>, bool) {
        let state = std::mem::take(&mut *self.state.lock().expect("a lock"));
        (state.seen, state.cut.is_some())
    }
}

async fn listen(listener: TcpListener, server: String, state: Arc<Mutex<State>>) {
    let client = reqwest::Client::new();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (client, server, state) = (client.clone(), server.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let service = service_fn(move |request| pass(client.clone(), server.clone(), Arc::clone(&state), request));
            // An error is a connection that was broken on purpose.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn pass(
    client: reqwest::Client,
    server: String,
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let url = format!("{server}{}", request.uri());
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?;
    let body = body.to_bytes();
    let cut = judge(&mut state.lock().expect("a lock"), &body);
    if cut.is_some_and(|cut| !cut.server_has_it) {
        return Err(std::io::Error::other("broken on purpose"));
    }
    let answer = client
        .post(url)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .map_err(std::io::Error::other)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(std::io::Error::other)?;
    if cut.is_some() {
        return Err(std::io::Error::other("broken on purpose"));
    }
    let response = Response::builder().status(status.as_u16()).body(Full::new(body));
    response.map_err(std::io::Error::other)
}

/// Notes a statement of a transaction, and says whether the connection is to break at it.
fn judge(state: &mut State, body: &[u8]) -> Option<Cut> {
    let cut = state.cut?;
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let sql = asked["requests"][0]["stmt"]["sql"].as_str()?;
    if asked["baton"].is_null() && !sql.starts_with("BEGIN") {
        return None;
    }
    state.seen.push(sql.to_owned());
    if state.seen.len() - 1 < cut.at {
        return None;
    }
    state.cut.take()
}
