//! What is written for an address that has no account: as much as for one that has, so that the time of an answer tells
//! neither from the other.

use nexus_domain::Timestamp;
use nexus_domain::email::key_of;
use nexus_domain::ids::MailId;

use crate::identity::one_time_codes::Purpose;
use crate::identity::password_resets::LIFETIME_SECONDS;
use crate::{Database, StoreError, Transaction, params};

/// A mail that nobody gets.
#[derive(Debug, Clone)]
pub struct DecoyMail<'a> {
    pub id: MailId,
    pub recipient: &'a str,
    pub params: &'a serde_json::Value,
    pub sealed: &'a [u8],
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// As [`outbox::enqueue`](crate::mail::outbox::enqueue).
pub fn put_mail(tx: &Transaction<'_>, mail: &DecoyMail<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO decoy_mails (id, recipient_key, params, sealed, next_attempt_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            mail.id,
            key_of(mail.recipient),
            mail.params.to_string(),
            mail.sealed,
            mail.now,
            mail.expires_at
        ],
    )
}

/// As [`password_resets::put`](crate::identity::password_resets::put).
pub fn put_link(tx: &Transaction<'_>, token_hash: &str, user: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO decoy_links (token_hash, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![token_hash, user, now, now.plus_seconds(LIFETIME_SECONDS)],
    )
}

/// As [`one_time_codes::put`](crate::identity::one_time_codes::put).
pub fn put_code(tx: &Transaction<'_>, purpose: Purpose, code_hash: &[u8], now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO decoy_codes (purpose, code_hash, created_at) VALUES (?1, ?2, ?3) \
         ON CONFLICT (purpose) DO UPDATE SET code_hash = excluded.code_hash, tries = 0, created_at = excluded.created_at",
        params![purpose.as_str(), code_hash, now],
    )
}

/// Counts a try of no code. `known`: one of a real code was counted, and this changes nothing.
pub fn try_code(tx: &Transaction<'_>, purpose: Purpose, known: bool, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO decoy_codes (purpose, code_hash, created_at) SELECT ?1, zeroblob(32), ?2 WHERE ?3 = 0 \
         ON CONFLICT (purpose) DO UPDATE SET tries = tries + 1",
        params![purpose.as_str(), now, known],
    )
}

/// Takes decoys over, as mails are leased: `false` when there are none.
pub fn lease_mails(database: &Database, now: Timestamp, most: u32) -> Result<bool, StoreError> {
    let waiting = database.query_opt(
        "SELECT 1 FROM decoy_mails INDEXED BY decoy_mails_due WHERE next_attempt_at <= ?1 LIMIT 1",
        params![now],
    )?;
    if waiting.is_none() {
        return Ok(false);
    }
    database.transaction(|tx| {
        tx.execute(
            "UPDATE decoy_mails SET attempts = attempts + 1 WHERE position IN (\
               SELECT position FROM decoy_mails INDEXED BY decoy_mails_due WHERE next_attempt_at <= ?1 \
               ORDER BY next_attempt_at, position LIMIT ?2)",
            params![now, most],
        )
    })?;
    Ok(true)
}

/// Forgets those that were taken over, as mails are settled.
pub fn settle_mails(database: &Database, now: Timestamp, most: u32) -> Result<(), StoreError> {
    database.transaction(|tx| {
        tx.execute(
            "DELETE FROM decoy_mails WHERE position IN (\
               SELECT position FROM decoy_mails INDEXED BY decoy_mails_due WHERE next_attempt_at <= ?1 AND attempts > 0 \
               ORDER BY next_attempt_at, position LIMIT ?2)",
            params![now, most],
        )
    })
}

/// Indexes: decoy_mails_due, decoy_links_by_age.
pub fn purge(database: &Database, before: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    database.execute("DELETE FROM decoy_mails WHERE next_attempt_at <= ?1", params![before])?;
    database.execute("DELETE FROM decoy_links WHERE expires_at <= ?1", params![now])?;
    database.execute("DELETE FROM decoys WHERE at <= ?1", params![before])
}
