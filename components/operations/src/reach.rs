//! What this component reaches outside itself: its siblings, the relay, the key-value store.
//!
//! Natively (tests) there is nothing to reach, and every check says so.

/// Why something could not be reached; for the log and `detail`, never with addresses or secrets in it.
pub type Unreached = String;

#[cfg(target_arch = "wasm32")]
mod guest {
    use std::time::Duration;

    use http_body_util::{BodyExt, Limited};
    use nexus_kit::App;
    use nexus_kit::entry::{on_this_thread, within};
    use spin_sdk::http::{EmptyBody, send};
    use spin_sdk::key_value::Store;

    use super::Unreached;

    /// Documents and health answers are small; more than this is somebody else's answer.
    const LIMIT: usize = 4 * 1024 * 1024;
    /// Who asks whether the product is ready wants to know now.
    const TIMEOUT: Duration = Duration::from_secs(2);

    /// GETs a URL, signed as internal requests are, and gives the body of a 2xx.
    pub async fn get(app: &App, url: String) -> Result<Vec<u8>, Unreached> {
        let signature = sign(app, &url);
        on_this_thread(async move {
            let request = http::Request::get(&url)
                .header(nexus_protocol::headers::SIGNATURE, signature)
                .body(EmptyBody::new())
                .map_err(|error| error.to_string())?;
            let response = send(request).await.map_err(|error| format!("{error}"))?;
            if !response.status().is_success() {
                return Err(format!("answered {}", response.status().as_u16()));
            }
            let body = Limited::new(response.into_body(), LIMIT)
                .collect()
                .await
                .map_err(|error| error.to_string())?;
            Ok(body.to_bytes().to_vec())
        })
        .await
    }

    fn sign(app: &App, url: &str) -> String {
        let path = url
            .parse::<http::Uri>()
            .ok()
            .and_then(|uri| uri.path_and_query().map(ToString::to_string))
            .unwrap_or_default();
        let secrets = app.internal_secrets();
        let secret = secrets.first().copied().unwrap_or_default();
        nexus_protocol::signature::sign_request(secret, nexus_kit::clock::now().as_seconds(), "GET", &path, b"")
    }

    /// Writes a key: a store on a full disk, or a read-only one, still answers questions.
    pub async fn key_value() -> Result<(), Unreached> {
        // Another value each time: SQLite writes nothing where the value is the one that is there.
        let value = nexus_kit::clock::now().as_millis().to_string();
        let written = async { Store::open_default().await?.set("health", value.as_bytes()).await };
        match on_this_thread(within(TIMEOUT, written)).await {
            Some(written) => written.map_err(|error| format!("{error:?}")),
            None => Err("no answer".to_owned()),
        }
    }
}

#[cfg(target_arch = "wasm32")]
pub use guest::{get, key_value};

#[cfg(not(target_arch = "wasm32"))]
pub async fn get(_: &nexus_kit::App, _: String) -> Result<Vec<u8>, Unreached> {
    Err("there is no host".to_owned())
}

#[cfg(not(target_arch = "wasm32"))]
pub async fn key_value() -> Result<(), Unreached> {
    Err("there is no host".to_owned())
}
