//! The outbox as admins see it, and what the provider reports of mails it took.

use nexus_domain::email::key_of;
use nexus_domain::ids::{CompanyId, MailId};
use nexus_domain::mail::{MailStatus, TIMEOUT_SECONDS};
use nexus_domain::{EmailAddress, Invalid, Timestamp};
use serde_json::json;
use thiserror::Error;
use utoipa::PartialSchema;

use crate::audit::{self, NewAuditEntry};
use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::{Database, Row, StoreError, Transaction, Value, params};

/// A mail without what it says.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutboxItem {
    pub id: MailId,
    pub to: String,
    pub template: String,
    pub status: MailStatus,
    pub attempts: u32,
    pub last_error: Option<String>,
    pub next_attempt_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

macro_rules! outbox_columns {
    () => {
        "id, recipient, template, status, attempts, last_error, next_attempt_at, sent_at, created_at"
    };
}

/// The mails of a company.
pub static OF_COMPANY: Listing<OutboxItem> = Listing {
    scope: "company_id = ?1",
    total: "(SELECT count(*) FROM outbox WHERE company_id = ?1)",
    ..ALL
};

/// All mails, for SUPER_ADMIN.
pub static LISTING: Listing<OutboxItem> = ALL;

const ALL: Listing<OutboxItem> = Listing {
    columns: outbox_columns!(),
    from: "outbox",
    scope: "?1 IS NULL",
    id: "id",
    // Index: outbox_by_company, or UNIQUE (id).
    sorts: &[
        Sort::by_index("createdAt", "id", SortKind::Id),
        Sort::unindexed("to", "recipient_key", SortKind::Text),
        Sort::unindexed("template", "template", SortKind::Text),
        Sort::unindexed("status", "status", SortKind::Text),
        Sort::unindexed("attempts", "attempts", SortKind::Integer),
        Sort::unindexed("nextAttemptAt", "next_attempt_at", SortKind::Integer),
        Sort::unindexed("sentAt", "coalesce(sent_at, -1)", SortKind::Integer),
    ],
    filters: &[
        Filter::one_of::<MailStatus>("status", "+status ="),
        Filter::text("template", "template ="),
        // The `+` keeps statements from the index of mails that wait.
        Filter::by("to", "+recipient_key =", recipient_key, EmailAddress::schema),
        Filter::integer("attempts", "attempts ="),
        Filter::ordered::<Timestamp>("nextAttemptAt", "+next_attempt_at ="),
        Filter::ordered::<Timestamp>("sentAt", "sent_at ="),
        Filter::ordered::<Timestamp>("createdAt", "created_at ="),
    ],
    search: "recipient_folded LIKE ?2 ESCAPE '\\'",
    total: "(SELECT count(*) FROM outbox)",
    read,
};

fn recipient_key(text: &str) -> Result<Value, Invalid> {
    text.parse::<EmailAddress>()
        .map(|address| Value::Text(address.key().to_owned()))
}

fn read(row: &Row) -> Result<OutboxItem, StoreError> {
    Ok(OutboxItem {
        id: row.parse(0)?,
        to: row.get(1)?,
        template: row.get(2)?,
        status: row.parse(3)?,
        attempts: row.get(4)?,
        last_error: row.get(5)?,
        next_attempt_at: row.get(6)?,
        sent_at: row.get(7)?,
        created_at: row.get(8)?,
    })
}

#[derive(Debug, Error)]
pub enum RetryError {
    #[error("there is no such mail in the admin's scope")]
    NoMail,
    #[error("a mail that is {0} is not sent again")]
    InvalidTransition(MailStatus),
    #[error("what the mail would say is gone: its secret was wiped, or has expired")]
    SecretGone,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts a mail that was given up back into the queue; a suppressed address gets another chance.
pub fn retry(
    database: &Database,
    mail: MailId,
    scope: Option<CompanyId>,
    needs_secret: impl FnOnce(&str) -> bool,
    entry: &NewAuditEntry<'_>,
) -> Result<OutboxItem, RetryError> {
    database.transaction(|tx| {
        let row = tx
            .query_opt(
                // A one-time code doesn't last longer because its mail was given up once.
                "SELECT status, template, sealed IS NOT NULL, recipient_key, company_id, \
                 CASE WHEN expires_at - created_at < ?3 THEN expires_at END FROM outbox \
                 WHERE id = ?1 AND (?2 IS NULL OR company_id = ?2)",
                params![mail, scope, TIMEOUT_SECONDS * 1_000],
            )?
            .ok_or(RetryError::NoMail)?;
        let status: MailStatus = row.parse(0)?;
        if !matches!(status, MailStatus::Failed | MailStatus::Suppressed) {
            return Err(RetryError::InvalidTransition(status));
        }
        if needs_secret(&row.get::<String>(1)?) && !row.get::<bool>(2)? {
            return Err(RetryError::SecretGone);
        }
        let end = row.get::<Option<Timestamp>>(5)?;
        if end.is_some_and(|end| end <= entry.at) {
            return Err(RetryError::SecretGone);
        }
        tx.execute(
            "DELETE FROM mail_suppressions WHERE recipient_key = ?1",
            params![row.get::<String>(3)?],
        )?;
        let again = tx
            .query_opt(
                concat!(
                    "UPDATE outbox SET status = 'PENDING', attempts = 0, next_attempt_at = ?2, expires_at = ?3, ",
                    "lease_until = NULL, lease_token = NULL WHERE id = ?1 RETURNING ",
                    outbox_columns!()
                ),
                params![mail, entry.at, end.unwrap_or(entry.at.plus_seconds(TIMEOUT_SECONDS))],
            )?
            .ok_or(RetryError::NoMail)?;
        audit::append(
            tx,
            &NewAuditEntry {
                action: "mail.retried",
                subject_type: "mail",
                subject_id: mail.to_string(),
                company: row.parse_opt(4)?,
                ..entry.clone()
            },
        )?;
        Ok(read(&again)?)
    })
}

/// One event of the provider's webhook.
#[derive(Debug, Clone)]
pub struct ProviderEvent {
    /// The provider's id of the event.
    pub id: String,
    pub mail: Option<MailId>,
    pub recipient: String,
    pub event: String,
    /// Why nothing more is to be sent to this address, if so.
    pub suppress: Option<String>,
}

/// Takes events; one that was taken before changes nothing. Gives how many were new. `entry` makes the audit entry of
/// an address that is suppressed.
pub fn record_events<'a>(
    database: &Database,
    events: &[ProviderEvent],
    now: Timestamp,
    entry: impl Fn() -> NewAuditEntry<'a>,
) -> Result<usize, StoreError> {
    database.transaction(|tx| {
        let mut new = 0;
        for event in events {
            new += usize::from(record(tx, event, now, &entry)?);
        }
        Ok(new)
    })
}

fn record<'a>(
    tx: &Transaction<'_>,
    event: &ProviderEvent,
    now: Timestamp,
    entry: &impl Fn() -> NewAuditEntry<'a>,
) -> Result<bool, StoreError> {
    let taken = tx.query_opt(
        "INSERT INTO mail_events (id, mail_id, event, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING RETURNING 1",
        params![&event.id, event.mail, &event.event, now],
    )?;
    if taken.is_none() {
        return Ok(false);
    }
    if let Some(mail) = event.mail {
        tx.execute(
            "UPDATE outbox SET provider_event = ?2 WHERE id = ?1",
            params![mail, &event.event],
        )?;
    }
    if let Some(reason) = &event.suppress {
        let key = key_of(&event.recipient);
        tx.execute(
            "INSERT INTO mail_suppressions (recipient_key, reason, at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (recipient_key) DO UPDATE SET reason = excluded.reason, at = excluded.at",
            params![&key, reason, now],
        )?;
        // The address itself stays out of a log that can't forget.
        let company = match event.mail {
            Some(mail) => tx.query_opt("SELECT company_id FROM outbox WHERE id = ?1", params![mail])?,
            None => None,
        };
        audit::append(
            tx,
            &NewAuditEntry {
                action: "mail.address_suppressed",
                subject_type: "mail",
                subject_id: event.mail.map(|mail| mail.to_string()).unwrap_or_default(),
                company: company.map(|row| row.parse_opt(0)).transpose()?.flatten(),
                details: json!({ "event": event.event }),
                ..entry()
            },
        )?;
    }
    Ok(true)
}

/// Forgets events older than any repetition of them. Index: mail_events_by_time.
pub fn forget_events(database: &Database, before: Timestamp) -> Result<(), StoreError> {
    database.execute("DELETE FROM mail_events WHERE at < ?1", params![before])
}
