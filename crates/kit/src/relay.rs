//! Tells the relay what happened, so that sockets hear of it, and asks it what only it knows.
//!
//! Telling is done after the answer and best effort: what is lost here, relays find in the feed of the store two seconds
//! later.

use bytes::Bytes;
use http::{Request, Response, header};
use nexus_domain::settings;
use nexus_protocol::headers::SIGNATURE;
use nexus_protocol::relay::{EVENTS, RelayEvent, RelayEvents};
use nexus_protocol::signature::sign_request;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::log::{self, Level};
use crate::outbound::{self, NoAnswer};
use crate::{App, clock};

const MAX_ANSWER: usize = 64 * 1024;

/// Posts events to the relay without keeping the caller waiting. Call it after the commit.
pub fn publish(app: &App, events: Vec<RelayEvent>) {
    if events.is_empty() {
        return;
    }
    match request(app, EVENTS, &RelayEvents { events }) {
        Ok(Some(request)) => in_background(async move {
            match outbound::send(request, MAX_ANSWER).await {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => complain(&format!("the relay answered {}", answer.status())),
                Err(error) => complain(&error.to_string()),
            }
        }),
        // No relay: nobody is connected who could be told.
        Ok(None) => {}
        Err(reason) => complain(&reason),
    }
}

/// How long the relay may take for an answer: it only counts.
#[cfg(target_arch = "wasm32")]
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(3);

/// Asks the relay; `None` when there is none, or it gives no answer. The log says why.
pub async fn ask<A: DeserializeOwned>(app: &App, path: &str, question: &impl Serialize) -> Option<A> {
    let asked = match request(app, path, question) {
        Ok(asked) => asked?,
        Err(reason) => {
            complain(&reason);
            return None;
        }
    };
    answer_to(asked).await.unwrap_or_else(|reason| {
        complain(&reason);
        None
    })
}

#[cfg(target_arch = "wasm32")]
async fn answer_to<A: DeserializeOwned>(asked: Request<Bytes>) -> Result<Option<A>, String> {
    let answered = crate::entry::on_this_thread(crate::entry::within(TIMEOUT, outbound::send(asked, MAX_ANSWER)));
    match answered.await {
        Some(answered) => read(answered),
        None => Err("it does not answer".to_owned()),
    }
}

#[cfg(not(target_arch = "wasm32"))]
async fn answer_to<A: DeserializeOwned>(asked: Request<Bytes>) -> Result<Option<A>, String> {
    read(outbound::send(asked, MAX_ANSWER).await)
}

fn read<A: DeserializeOwned>(answered: Result<Response<Bytes>, NoAnswer>) -> Result<Option<A>, String> {
    let answer = answered.map_err(|error| error.to_string())?;
    if !answer.status().is_success() {
        return Err(format!("the relay answered {}", answer.status()));
    }
    serde_json::from_slice(answer.body())
        .map(Some)
        .map_err(|error| error.to_string())
}

fn request(app: &App, path: &str, body: &impl Serialize) -> Result<Option<Request<Bytes>>, String> {
    let url = app
        .config()
        .get(&settings::RELAY_URL)
        .map_err(|problem| problem.cause().unwrap_or("RELAY_URL").to_owned())?;
    let Some(url) = url else { return Ok(None) };
    let body = serde_json::to_vec(body).map_err(|error| error.to_string())?;
    let secrets = app.internal_secrets();
    let secret = secrets.first().ok_or("there is no internal secret")?;
    let signature = sign_request(secret, clock::now().as_seconds(), "POST", path, &body);
    Request::post(format!("{}{path}", url.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, "application/json")
        .header(SIGNATURE, signature)
        .body(Bytes::from(body))
        .map(Some)
        .map_err(|error| error.to_string())
}

fn complain(reason: &str) {
    log::write(
        Level::Warn,
        "relay",
        "events did not reach the relay",
        serde_json::json!({ "cause": reason }),
    );
}

#[cfg(target_arch = "wasm32")]
fn in_background(work: impl Future<Output = ()> + 'static) {
    spin_sdk::wasip3::spawn(work);
}

#[cfg(not(target_arch = "wasm32"))]
fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(work);
    }
}
