//! What a change brings along besides itself: its audit entry, and the sealed secrets of its mail.

use nexus_domain::ids::{AuditId, MailId, UserId};
use nexus_domain::seal::SealKey;
use nexus_domain::{Timestamp, mail, settings};
use nexus_store::audit::NewAuditEntry;

use crate::{ApiError, App, Caller, clock};

impl Caller {
    /// An audit entry of this request, without action and subject. `actor` is `None` for the system itself and for the
    /// mail provider.
    pub fn audit_entry(&self, actor: Option<UserId>, at: Timestamp) -> NewAuditEntry<'_> {
        NewAuditEntry {
            id: clock::new_id(AuditId::generate),
            at,
            actor,
            action: "",
            subject_type: "",
            subject_id: String::new(),
            company: None,
            ip: &self.address,
            request_id: &self.request_id,
            details: serde_json::json!({}),
        }
    }
}

/// Seals what only the recipient of a mail may read. Errors: the setting `MAIL_SEAL_KEY` is missing.
pub fn seal_for_mail(app: &App, mail: MailId, secrets: &serde_json::Value) -> Result<Vec<u8>, ApiError> {
    let key = app.config().get(&settings::MAIL_SEAL_KEY)?;
    SealKey::derive(key.as_bytes(), mail::SEAL_PURPOSE)
        .seal(
            clock::random(),
            &mail::seal_context(mail),
            secrets.to_string().as_bytes(),
        )
        .map_err(|error| ApiError::internal(error.to_string()))
}
