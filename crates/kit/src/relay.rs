//! Tells the relay what happened, so that sockets hear of it.
//!
//! After the answer and best effort: what is lost here, relays find in the feed of the store two seconds later.

use bytes::Bytes;
use http::{Request, header};
use nexus_domain::relay::{RelayEvent, RelayEvents};
use nexus_domain::settings;
use nexus_domain::signature::sign_request;

use crate::log::{self, Level};
use crate::{App, clock, outbound};

const PATH: &str = "/relay/events";
const LARGEST_ANSWER: usize = 64 * 1024;

/// Posts events to the relay without keeping the caller waiting. Call it after the commit.
pub fn publish(app: &App, events: Vec<RelayEvent>) {
    if events.is_empty() {
        return;
    }
    match request(app, events) {
        Ok(Some(request)) => in_background(async move {
            match outbound::send(request, LARGEST_ANSWER).await {
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

fn request(app: &App, events: Vec<RelayEvent>) -> Result<Option<Request<Bytes>>, String> {
    let url = app
        .config()
        .get(&settings::RELAY_URL)
        .map_err(|problem| problem.cause().unwrap_or("RELAY_URL").to_owned())?;
    let Some(url) = url else { return Ok(None) };
    let body = serde_json::to_vec(&RelayEvents { events }).map_err(|error| error.to_string())?;
    let secrets = app.internal_secrets();
    let secret = secrets.first().ok_or("there is no internal secret")?;
    let signature = sign_request(secret, clock::now().as_seconds(), "POST", PATH, &body);
    Request::post(format!("{}{PATH}", url.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-nexus-signature", signature)
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
