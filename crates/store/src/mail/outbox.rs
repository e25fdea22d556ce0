//! Outgoing mail: written with what causes it, delivered afterwards.

use nexus_domain::Timestamp;
use nexus_domain::email::{self, key_of};
use nexus_domain::ids::{CompanyId, MailId, UserId};

use crate::{StoreError, Transaction, params};

/// A mail to be sent. It says which template and what to show, not how it looks.
#[derive(Debug, Clone)]
pub struct NewMail<'a> {
    pub id: MailId,
    pub company: Option<CompanyId>,
    pub user: Option<UserId>,
    pub recipient: &'a str,
    pub recipient_name: &'a str,
    pub template: &'a str,
    pub locale: &'a str,
    /// A JSON object; nothing secret.
    pub params: serde_json::Value,
    /// The secret params (a JSON object), sealed with context `mail:<id>`.
    pub sealed: Option<Vec<u8>>,
    pub now: Timestamp,
    /// Given up after: 24 h, or when an OTP has run out.
    pub expires_at: Timestamp,
}

/// In a transaction only: the mail exists exactly when what it tells of does.
pub fn enqueue(tx: &Transaction<'_>, mail: &NewMail<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO outbox (id, company_id, user_id, recipient, recipient_key, recipient_folded, recipient_name, template, \
         locale, params, sealed, created_at, next_attempt_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?13, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12)",
        params![
            mail.id,
            mail.company,
            mail.user,
            mail.recipient,
            key_of(mail.recipient),
            mail.recipient_name,
            mail.template,
            mail.locale,
            mail.params.to_string(),
            mail.sealed.clone(),
            mail.now,
            mail.expires_at,
            email::folded(mail.recipient)
        ],
    )
}
