//! Whether the components believe us, and the mail provider takes our key: asked once at the start.
//!
//! A wrong key is better found now than by those who wait for their mail. A provider that can't be reached is
//! no reason to stay down: mail waits in the outbox. Components that don't know our signature are one: every socket
//! and job would fail.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use nexus_sidecar::backend::Backend;
use nexus_sidecar::signature::{InternalClient, InternalError, Signer};

use crate::failure::Failure;

const PATH: &str = "/internal/mail/check?fresh=true";
const STRANGER: &str = "INTERNAL_SECRET: the components don't know this one; give this process the secret that they run with \
                        (and both machines the same time)";
const PATIENCE: Duration = Duration::from_secs(5);

/// Fails when the components don't know our signature, or the provider says that the key is no good.
pub async fn at_start(backend: Arc<dyn Backend>, signer: Signer) -> Result<(), Failure> {
    let answer = tokio::time::timeout(PATIENCE, InternalClient::new(backend, signer).get(PATH)).await;
    let reason = match answer {
        Err(_) => format!("no answer within {PATIENCE:?}"),
        // What isn't signed with their secret finds nothing there.
        Ok(Err(InternalError::Status(StatusCode::NOT_FOUND))) => return Err(Failure::configuration(STRANGER)),
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(body)) => {
            let check: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            let detail = check["detail"].as_str().unwrap_or("no reason given").to_owned();
            match check["status"].as_str() {
                Some("ok") => return Ok(()),
                Some("rejected") => return Err(Failure::configuration(rejected(&detail))),
                _ => detail,
            }
        }
    };
    tracing::warn!(
        reason,
        "it is not known whether mail can be sent; until then it waits in the outbox"
    );
    Ok(())
}

fn rejected(detail: &str) -> String {
    format!(
        "SENDGRID_API_KEY: {detail}; make a key with the right `mail.send` (for example SENDGRID_API_KEY=SG.…), or set \
         MAIL_TRANSPORT=dev to keep mails in the development mailbox"
    )
}
