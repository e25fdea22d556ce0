//! A SendGrid to test against, over real HTTP: takes mails, answers as it is told, remembers both.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it does with one mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Accept,
    Status(u16),
    /// 429 with `Retry-After`.
    Busy {
        seconds: u64,
    },
    /// The connection breaks before an answer; the mail is not taken.
    Reset,
    /// The mail is taken, after a while.
    AcceptSlowly {
        millis: u64,
    },
    /// The mail is taken, and the connection breaks before the answer.
    AcceptThenReset,
    /// The mail is taken, and no answer comes.
    AcceptThenSilence,
}

impl Reply {
    pub const fn takes(&self) -> bool {
        !matches!(self, Self::Status(_) | Self::Busy { .. } | Self::Reset)
    }

    /// Whether the one who asked can know what became of the mail.
    pub const fn answers(&self) -> bool {
        !matches!(self, Self::Reset | Self::AcceptThenReset | Self::AcceptThenSilence)
    }
}

/// One request, and what was made of it.
#[derive(Debug, Clone)]
pub struct Received {
    /// Milliseconds since 1970.
    pub at: u128,
    /// The id of the outbox row.
    pub mail_id: String,
    pub to: String,
    pub key: String,
    pub body: Value,
    pub reply: Reply,
}

type Script = Box<dyn FnMut(&Value) -> Reply + Send>;

struct State {
    script: Mutex<Script>,
    received: Mutex<Vec<Received>>,
    scopes: Mutex<Result<Vec<String>, u16>>,
    checks: AtomicUsize,
}

/// Stops taking connections when it is dropped.
pub struct FakeSendGrid {
    url: String,
    state: Arc<State>,
    listening: tokio::task::JoinHandle<()>,
}

impl Drop for FakeSendGrid {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl FakeSendGrid {
    /// Accepts everything until it is told otherwise.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State {
            script: Mutex::new(Box::new(|_| Reply::Accept)),
            received: Mutex::new(Vec::new()),
            scopes: Mutex::new(Ok(vec!["mail.send".to_owned()])),
            checks: AtomicUsize::new(0),
        });
        let listening = tokio::spawn(listen(listener, Arc::clone(&state)));
        Self { url, state, listening }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on `script` decides on each mail, given its body.
    pub fn answer(&self, script: impl FnMut(&Value) -> Reply + Send + 'static) {
        *self.state.script.lock().expect("a lock") = Box::new(script);
    }

    /// What `GET /v3/scopes` answers: the key's rights, or a failure.
    pub fn scopes(&self, scopes: Result<&[&str], u16>) {
        *self.state.scopes.lock().expect("a lock") = scopes.map(|list| list.iter().map(|&s| s.to_owned()).collect());
    }

    /// How often it was asked about the key.
    pub fn checks(&self) -> usize {
        self.state.checks.load(Ordering::Relaxed)
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().expect("a lock").clone()
    }

    /// Fails unless every request is one that Twilio's published document of the API allows.
    pub fn assert_requests_valid(&self) {
        let validator = published_schema();
        for request in self.received() {
            let errors: Vec<String> = validator
                .iter_errors(&request.body)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{errors:?} in {}", request.body);
        }
    }

    /// How often each mail was taken.
    pub fn taken(&self) -> HashMap<String, usize> {
        let mut taken = HashMap::new();
        for received in self.received().iter().filter(|received| received.reply.takes()) {
            *taken.entry(received.mail_id.clone()).or_insert(0) += 1;
        }
        taken
    }
}

/// Of the body of `POST /v3/mail/send`.
fn published_schema() -> jsonschema::Validator {
    let document: Value =
        serde_json::from_str(include_str!("../fixtures/sendgrid-mail-v3.openapi.json")).expect("JSON");
    let mut schema =
        document["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"].clone();
    schema["components"] = document["components"].clone();
    jsonschema::validator_for(&schema).expect("a schema")
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&state), request));
            // An error is a connection that we broke on purpose, or that the other side did.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn simple(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let body = if body.is_null() {
        Bytes::new()
    } else {
        body.to_string().into()
    };
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Full::new(body))
        .expect("an answer")
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/v3/scopes" => {
            state.checks.fetch_add(1, Ordering::Relaxed);
            let scopes = state.scopes.lock().expect("a lock").clone();
            return Ok(match scopes {
                Ok(scopes) => simple(200, &json!({ "scopes": scopes })),
                Err(status) => simple(status, &json!({ "errors": [{ "message": "authorization required" }] })),
            });
        }
        "/v3/user/profile" => return Ok(simple(200, &json!({ "first_name": "T" }))),
        "/v3/mail/send" => {}
        _ => return Ok(simple(404, &Value::Null)),
    }
    let key = request
        .headers()
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
        .to_owned();
    let body = request
        .into_body()
        .collect()
        .await
        .map_err(std::io::Error::other)?
        .to_bytes();
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let reply = (state.script.lock().expect("a lock"))(&body);
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let person = &body["personalizations"][0];
    state.received.lock().expect("a lock").push(Received {
        at: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis()),
        mail_id: text(&person["custom_args"]["mail_id"]),
        to: text(&person["to"][0]["email"]),
        key,
        body: body.clone(),
        reply: reply.clone(),
    });
    match reply {
        Reply::Accept | Reply::AcceptSlowly { .. } => {
            if let Reply::AcceptSlowly { millis } = reply {
                tokio::time::sleep(Duration::from_millis(millis)).await;
            }
            let mut response = simple(202, &Value::Null);
            let id = format!("x-{}", person["custom_args"]["mail_id"].as_str().unwrap_or(""));
            response
                .headers_mut()
                .insert("x-message-id", id.parse().expect("a header"));
            Ok(response)
        }
        Reply::Status(status) => Ok(simple(status, &json!({ "errors": [{ "message": "as told" }] }))),
        Reply::Busy { seconds } => {
            let mut response = simple(429, &json!({ "errors": [{ "message": "too many requests" }] }));
            response.headers_mut().insert("retry-after", seconds.into());
            Ok(response)
        }
        Reply::Reset | Reply::AcceptThenReset => Err(std::io::Error::other("broken on purpose")),
        Reply::AcceptThenSilence => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Err(std::io::Error::other("silence"))
        }
    }
}
