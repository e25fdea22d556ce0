//! What every act of this component brings along: its audit entry, and secrets for its mail.

use nexus_domain::ids::{AuditId, MailId};
use nexus_domain::seal::SealKey;
use nexus_domain::settings;
use nexus_domain::{Timestamp, mail};
use nexus_kit::{ApiError, App, Caller, Session, clock};
use nexus_store::audit::NewAuditEntry;

/// An entry whose action and subject the store fills in, or the caller.
pub fn entry<'a>(session: Option<&Session>, caller: &'a Caller, at: Timestamp) -> NewAuditEntry<'a> {
    NewAuditEntry {
        id: clock::new_id(AuditId::generate),
        at,
        actor: session.map(|session| session.user()),
        action: "",
        subject_type: "",
        subject_id: String::new(),
        company: None,
        ip: &caller.address,
        request_id: &caller.request_id,
        details: serde_json::json!({}),
    }
}

/// Seals what only the recipient of a mail may see.
pub fn seal(app: &App, mail: MailId, secrets: &serde_json::Value) -> Result<Vec<u8>, ApiError> {
    let key = app.config().get(&settings::MAIL_SEAL_KEY)?;
    SealKey::derive(key.as_bytes(), mail::SEAL_PURPOSE)
        .seal(
            clock::random(),
            &mail::seal_context(mail),
            secrets.to_string().as_bytes(),
        )
        .map_err(|error| ApiError::internal(error.to_string()))
}
