//! The append-only audit log, one hash chain per company (and one for what belongs to none).

pub mod reader;

use nexus_domain::Timestamp;
use nexus_domain::ids::{AuditId, CompanyId, UserId};
use sha2::{Digest, Sha256};

use crate::{StoreError, Transaction, params};

/// What is written down about one act.
#[derive(Debug, Clone)]
pub struct NewAuditEntry<'a> {
    pub id: AuditId,
    pub at: Timestamp,
    /// `None`: the system itself, or somebody without a session.
    pub actor: Option<UserId>,
    /// `user.approved`, `document.viewed`, …: subject and past tense.
    pub action: &'a str,
    pub subject_type: &'a str,
    pub subject_id: String,
    pub company: Option<CompanyId>,
    pub ip: &'a str,
    pub request_id: &'a str,
    pub details: serde_json::Value,
}

/// Appends to the chain. In a transaction only: the entry commits with what it tells of, and
/// `BEGIN IMMEDIATE` keeps two entries from taking the same place.
pub fn append(tx: &Transaction<'_>, entry: &NewAuditEntry<'_>) -> Result<(), StoreError> {
    let chain = entry.company.map(|id| id.to_string()).unwrap_or_default();
    // Index: UNIQUE (chain, position), read from its end.
    let last = tx.query_opt(
        "SELECT position, hash FROM audit_log WHERE chain = ?1 ORDER BY position DESC LIMIT 1",
        params![&chain],
    )?;
    let (position, before) = match last {
        Some(row) => (row.get::<i64>(0)? + 1, row.get::<String>(1)?),
        None => (1, String::new()),
    };
    let details = entry.details.to_string();
    let hash = chain_hash(&ChainedEntry {
        before: &before,
        id: &entry.id.to_string(),
        position,
        at: entry.at,
        actor: entry.actor.map(|id| id.to_string()).as_deref(),
        action: entry.action,
        subject_type: entry.subject_type,
        subject_id: &entry.subject_id,
        chain: &chain,
        ip: entry.ip,
        request_id: entry.request_id,
        details: &details,
    });
    tx.execute(
        "INSERT INTO audit_log (id, chain, position, at, actor_id, action, subject_type, subject_id, company_id, \
         ip, request_id, details, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            entry.id,
            chain,
            position,
            entry.at,
            entry.actor,
            entry.action,
            entry.subject_type,
            entry.subject_id.clone(),
            entry.company,
            entry.ip,
            entry.request_id,
            details,
            hash
        ],
    )
}

pub(crate) struct ChainedEntry<'a> {
    pub before: &'a str,
    pub id: &'a str,
    pub position: i64,
    pub at: Timestamp,
    pub actor: Option<&'a str>,
    pub action: &'a str,
    pub subject_type: &'a str,
    pub subject_id: &'a str,
    pub chain: &'a str,
    pub ip: &'a str,
    pub request_id: &'a str,
    pub details: &'a str,
}

/// SHA-256 over every field, each with its length before it, so that no two entries share a text.
pub(crate) fn chain_hash(entry: &ChainedEntry<'_>) -> String {
    let position = entry.position.to_string();
    let at = entry.at.as_millis().to_string();
    let mut hasher = Sha256::new();
    for field in [
        entry.before,
        entry.id,
        &position,
        &at,
        entry.actor.unwrap_or(""),
        entry.action,
        entry.subject_type,
        entry.subject_id,
        entry.chain,
        entry.ip,
        entry.request_id,
        entry.details,
    ] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hex::encode(hasher.finalize())
}
