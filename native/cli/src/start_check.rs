//! A check at the start: do the components accept this process's signature, and does the mail provider accept the key?
//!
//! A rejected key or signature ends the start: no mail would be sent, or every socket and job would fail. An unreachable
//! provider does not: mail waits in the outbox.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use nexus_sidecar::backend::Backend;
use nexus_sidecar::signature::{InternalClient, InternalError, Signer};

use crate::failure::Failure;

const PATH: &str = "/internal/mail/check?fresh=true";
const UNKNOWN_SECRET: &str = "INTERNAL_SECRET: the components do not accept it; give this process the secret of the components \
                              (and both machines the same time)";
const TIMEOUT: Duration = Duration::from_secs(5);

/// Fails if the components reject the signature or the provider rejects the key.
pub async fn at_start(backend: Arc<dyn Backend>, signer: Signer) -> Result<(), Failure> {
    let answer = tokio::time::timeout(TIMEOUT, InternalClient::new(backend, signer).get(PATH)).await;
    let reason = match answer {
        Err(_) => format!("no answer within {TIMEOUT:?}"),
        // The components answer 404 to a request that is not signed with their secret.
        Ok(Err(InternalError::Status(StatusCode::NOT_FOUND))) => return Err(Failure::configuration(UNKNOWN_SECRET)),
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
        "the mail provider was not checked; mail waits in the outbox until it can be sent"
    );
    Ok(())
}

fn rejected(detail: &str) -> String {
    format!(
        "SENDGRID_API_KEY: {detail}; make a key with the right `mail.send` (for example SENDGRID_API_KEY=SG.…), or set \
         MAIL_TRANSPORT=dev to keep mails in the development mailbox"
    )
}
