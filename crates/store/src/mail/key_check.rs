//! What the provider last said about our key.

use nexus_domain::Timestamp;

use crate::{Database, StoreError, params};

/// An answer of the provider about our key, and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailCheck {
    /// `ok`, `rejected` or `unreachable`.
    pub status: String,
    pub detail: Option<String>,
}

/// What was said after `since`.
pub fn latest(database: &Database, since: Timestamp) -> Result<Option<MailCheck>, StoreError> {
    database
        .query_opt(
            "SELECT status, detail FROM mail_check WHERE one = 1 AND checked_at > ?1",
            params![since],
        )?
        .map(|row| {
            Ok(MailCheck {
                status: row.get(0)?,
                detail: row.get(1)?,
            })
        })
        .transpose()
}

pub fn keep(database: &Database, check: &MailCheck, now: Timestamp) -> Result<(), StoreError> {
    database.execute(
        "INSERT INTO mail_check (one, checked_at, status, detail) VALUES (1, ?1, ?2, ?3) \
         ON CONFLICT (one) DO UPDATE SET checked_at = ?1, status = ?2, detail = ?3",
        params![now, check.status.as_str(), check.detail.as_deref()],
    )
}
