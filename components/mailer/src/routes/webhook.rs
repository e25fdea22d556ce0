//! What SendGrid reports of mails it took, signed by it (ECDSA over P-256 and SHA-256, of timestamp and body).

use axum::extract::{Request, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use nexus_domain::settings;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, clock, extract, respond};
use nexus_store::mail::outbox_admin::{self, ProviderEvent};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey;
use serde::Deserialize;

const SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";
/// SendGrid batches up to 768 KB.
const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Events of mails: bounces and complaints suppress their address. An event that comes twice counts once.
#[utoipa::path(
    post, path = "/api/v1/webhooks/sendgrid", tag = "webhooks", request_body = Vec<Object>,
    responses((status = 204), (status = 401, description = "the signature is missing or wrong")),
    security(())
)]
pub async fn take_sendgrid_events(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    request: Request,
) -> ApiResult {
    let body = extract::read_body(request, BODY_LIMIT).await?;
    let key = app
        .config()
        .get(&settings::SENDGRID_WEBHOOK_KEY)?
        .ok_or_else(unsigned)?;
    verify(&key, &headers, &body)?;
    let events: Vec<serde_json::Value> = serde_json::from_slice(&body)
        .map_err(|error| ApiError::new(Code::MalformedJson, format!("The body is no list of events: {error}.")))?;
    // One that can't be read is passed over: refused, the whole batch would come again and again, and never get by.
    let events: Vec<ProviderEvent> = events
        .into_iter()
        .filter_map(|event| serde_json::from_value::<Event>(event).ok())
        .filter_map(Event::into_provider_event)
        .collect();
    let now = clock::now();
    outbox_admin::record_events(app.database(), &events, now, || caller.audit_entry(None, now))?;
    Ok(respond::no_content())
}

fn unsigned() -> ApiError {
    ApiError::new(
        Code::Unauthenticated,
        "The signature of this request is missing or wrong.",
    )
}

/// `key`: the verification key as SendGrid shows it, the base64 of a SubjectPublicKeyInfo.
fn verify(key: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), ApiError> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .ok_or_else(unsigned)
    };
    let (signature, timestamp) = (header(SIGNATURE)?, header(TIMESTAMP)?);
    let key = STANDARD
        .decode(key.trim())
        .ok()
        .and_then(|der| VerifyingKey::from_public_key_der(&der).ok())
        .ok_or_else(|| unsigned().because("SENDGRID_WEBHOOK_KEY is no P-256 public key"))?;
    let signature = STANDARD
        .decode(signature)
        .ok()
        .and_then(|der| Signature::from_der(&der).ok())
        .ok_or_else(unsigned)?;
    let signed = [timestamp.as_bytes(), body].concat();
    key.verify(&signed, &signature).map_err(|_| unsigned())
}

/// An event, as far as it matters here; SendGrid sends more.
#[derive(Deserialize)]
struct Event {
    email: Option<String>,
    event: Option<String>,
    sg_event_id: Option<String>,
    /// Our own argument of the mail.
    mail_id: Option<String>,
    /// Of a `bounce`: `bounce`, or `blocked` when it may work another time.
    r#type: Option<String>,
    reason: Option<String>,
}

impl Event {
    fn into_provider_event(self) -> Option<ProviderEvent> {
        let (id, recipient, event) = (self.sg_event_id?, self.email?, self.event?);
        let bounced = event == "bounce" && self.r#type.as_deref() != Some("blocked");
        let complained = event == "spamreport";
        let suppress = (bounced || complained).then(|| match self.reason {
            Some(reason) => format!("{event}: {}", reason.chars().take(300).collect::<String>()),
            None => event.clone(),
        });
        Some(ProviderEvent {
            id,
            mail: self.mail_id.and_then(|id| id.parse().ok()),
            recipient,
            event,
            suppress,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::Signer;
    use p256::pkcs8::EncodePublicKey;

    fn signed(body: &[u8], timestamp: &str) -> (String, HeaderMap) {
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let public = key.verifying_key().to_public_key_der().unwrap();
        let signature: Signature = key.sign(&[timestamp.as_bytes(), body].concat());
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, STANDARD.encode(signature.to_der()).parse().unwrap());
        headers.insert(TIMESTAMP, timestamp.parse().unwrap());
        (STANDARD.encode(public.as_bytes()), headers)
    }

    #[test]
    fn only_the_very_body_at_the_very_time_is_signed() {
        let (key, headers) = signed(b"[]", "1600112502");
        assert!(verify(&key, &headers, b"[]").is_ok());
        assert_eq!(
            verify(&key, &headers, b"[ ]").unwrap_err().code(),
            Code::Unauthenticated
        );
        let mut later = headers.clone();
        later.insert(TIMESTAMP, "1600112503".parse().unwrap());
        assert!(verify(&key, &later, b"[]").is_err());
        assert!(verify(&key, &HeaderMap::new(), b"[]").is_err());
        assert!(verify("bm90IGEga2V5", &headers, b"[]").is_err());
    }

    #[test]
    fn bounces_and_complaints_suppress_and_a_block_does_not() {
        let suppressed = |json: &str| {
            let event: Event = serde_json::from_str(json).unwrap();
            event.into_provider_event().unwrap().suppress.is_some()
        };
        assert!(suppressed(
            r#"{"email":"a@b.co","event":"bounce","type":"bounce","sg_event_id":"1","reason":"550"}"#
        ));
        assert!(suppressed(
            r#"{"email":"a@b.co","event":"spamreport","sg_event_id":"2"}"#
        ));
        assert!(!suppressed(
            r#"{"email":"a@b.co","event":"bounce","type":"blocked","sg_event_id":"3"}"#
        ));
        assert!(!suppressed(
            r#"{"email":"a@b.co","event":"delivered","sg_event_id":"4","smtp-id":"x"}"#
        ));
    }
}
