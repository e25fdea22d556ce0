//! Everything that is kept about one person, to hand out or to take away.

use nexus_domain::Timestamp;
use nexus_domain::ids::UserId;
use serde_json::{Map, Value};

use crate::{Database, StoreError, Transaction, params};

/// After how long a request for deletion is carried out.
pub const GRACE_MILLIS: i64 = 30 * 24 * 60 * 60 * 1_000;

macro_rules! iso {
    ($column:literal) => {
        concat!("strftime('%Y-%m-%dT%H:%M:%fZ', ", $column, " / 1000.0, 'unixepoch')")
    };
}

/// One member of the export each: its name, and a statement that gives one JSON object a row.
const SECTIONS: [(&str, &str); 17] = [
    (
        "account",
        concat!(
            "SELECT json_object('id', id, 'email', email, 'name', name, 'role', role, 'companyId', company_id, ",
            "'status', status, 'statusReason', status_reason, 'emailVerified', email_verified, ",
            "'documentVerified', document_verified, 'mfaEnabled', mfa_enabled, 'locale', locale, ",
            "'discoverable', discoverable, 'createdAt', ",
            iso!("created_at"),
            ", 'updatedAt', ",
            iso!("updated_at"),
            ", 'lastLoginAt', ",
            iso!("last_login_at"),
            ", 'deletionRequestedAt', ",
            iso!("deletion_requested_at"),
            ") ",
            "FROM users WHERE id = ?1"
        ),
    ),
    (
        "sessions",
        concat!(
            "SELECT json_object('id', id, 'createdAt', ",
            iso!("created_at"),
            ", 'lastUsedAt', ",
            iso!("last_used_at"),
            ", 'endedAt', ",
            iso!("ended_at"),
            ", 'endedReason', ended_reason, 'ip', ip, 'userAgent', user_agent) ",
            "FROM sessions WHERE user_id = ?1 ORDER BY id"
        ),
    ),
    (
        "authenticatorApps",
        concat!(
            "SELECT json_object('active', active, 'createdAt', ",
            iso!("created_at"),
            ", 'activatedAt', ",
            iso!("activated_at"),
            ") FROM second_factors WHERE user_id = ?1"
        ),
    ),
    (
        "passkeys",
        concat!(
            "SELECT json_object('id', id, 'name', name, 'createdAt', ",
            iso!("created_at"),
            ", 'lastUsedAt', ",
            iso!("last_used_at"),
            ") FROM passkeys WHERE user_id = ?1 ORDER BY id"
        ),
    ),
    (
        "documents",
        concat!(
            "SELECT json_object('id', id, 'type', type, 'fileName', file_name, 'contentType', content_type, 'size', size, ",
            "'verificationStatus', verification_status, 'createdAt', ",
            iso!("created_at"),
            ", 'verifiedAt', ",
            iso!("verified_at"),
            ", 'contentDeletedAt', ",
            iso!("content_deleted_at"),
            ") ",
            "FROM documents WHERE user_id = ?1 ORDER BY id"
        ),
    ),
    (
        "verification",
        concat!(
            "SELECT json_object('status', status, 'submittedAt', ",
            iso!("submitted_at"),
            ", 'decidedAt', ",
            iso!("decided_at"),
            ", 'reason', reason) FROM verification_cases WHERE user_id = ?1"
        ),
    ),
    (
        "decisions",
        concat!(
            "SELECT json_object('at', ",
            iso!("at"),
            ", 'decision', decision, 'reason', reason) ",
            "FROM verification_decisions WHERE user_id = ?1 ORDER BY id"
        ),
    ),
    (
        "mails",
        concat!(
            "SELECT json_object('id', id, 'to', recipient, 'template', template, 'status', status, 'createdAt', ",
            iso!("created_at"),
            ", 'sentAt', ",
            iso!("sent_at"),
            ") FROM outbox WHERE user_id = ?1 ORDER BY id"
        ),
    ),
    (
        "chats",
        concat!(
            "SELECT json_object('id', c.id, 'type', c.type, 'name', c.name, 'joinedAt', ",
            iso!("m.joined_at"),
            ", 'lastReadSeq', m.last_read_seq) FROM chat_members m JOIN chats c ON c.id = m.chat_id ",
            "WHERE m.user_id = ?1 ORDER BY c.id"
        ),
    ),
    (
        "messages",
        concat!(
            "SELECT json_object('id', id, 'chatId', chat_id, 'seq', seq, 'content', content, 'messageType', message_type, ",
            "'createdAt', ",
            iso!("created_at"),
            ", 'editedAt', ",
            iso!("edited_at"),
            ", 'deletedAt', ",
            iso!("deleted_at"),
            ") FROM messages WHERE sender_id = ?1 ORDER BY n"
        ),
    ),
    (
        "attachments",
        concat!(
            "SELECT json_object('id', id, 'fileName', file_name, 'contentType', content_type, 'size', size, 'createdAt', ",
            iso!("created_at"),
            ") FROM attachments WHERE owner_id = ?1 ORDER BY id"
        ),
    ),
    (
        "notifications",
        concat!(
            "SELECT json_object('id', id, 'kind', kind, 'title', title, 'body', body, 'createdAt', ",
            iso!("created_at"),
            ", 'readAt', ",
            iso!("read_at"),
            ") FROM notifications WHERE user_id = ?1 ORDER BY id"
        ),
    ),
    (
        "tenancies",
        concat!(
            "SELECT json_object('id', id, 'companyId', company_id, 'fullName', full_name, 'email', email, 'phone', phone, ",
            "'nationalId', national_id, 'createdAt', ",
            iso!("created_at"),
            ") FROM tenants WHERE user_id = ?1 ORDER BY id"
        ),
    ),
    (
        "occupancies",
        "SELECT json_object('id', o.id, 'apartmentId', o.apartment_id, 'startDate', o.start_date, 'endDate', o.end_date, \
         'monthlyRent', o.monthly_rent, 'depositAmount', o.deposit_amount, 'status', o.status) \
         FROM tenants t JOIN occupancies o ON o.company_id = t.company_id AND o.tenant_id = t.id \
         WHERE t.user_id = ?1 ORDER BY o.id",
    ),
    (
        "invoices",
        "SELECT json_object('id', i.id, 'invoiceNumber', i.invoice_number, 'invoiceDate', i.invoice_date, 'dueDate', \
         i.due_date, 'currency', i.currency, 'totalAmount', i.total_amount, 'paidAmount', i.paid_amount, 'status', i.status, \
         'parties', json(p.parties)) FROM tenants t JOIN invoices i ON i.company_id = t.company_id AND i.tenant_id = t.id \
         LEFT JOIN invoice_parties p ON p.company_id = i.company_id AND p.invoice_id = i.id \
         WHERE t.user_id = ?1 ORDER BY i.id",
    ),
    (
        "payments",
        "SELECT json_object('id', p.id, 'invoiceId', p.invoice_id, 'amount', p.amount, 'currency', p.currency, \
         'paymentDate', p.payment_date, 'paymentMethod', p.payment_method, 'reference', p.reference) \
         FROM tenants t JOIN payments p ON p.company_id = t.company_id AND p.tenant_id = t.id \
         WHERE t.user_id = ?1 ORDER BY p.id",
    ),
    (
        "auditEntries",
        concat!(
            "SELECT json_object('id', id, 'at', ",
            iso!("at"),
            ", 'action', action, 'ip', ip) ",
            "FROM audit_log WHERE subject_id = ?1 OR actor_id = ?1 ORDER BY id"
        ),
    ),
];

/// What is kept about a person, one member per kind of record.
pub fn export(database: &Database, user: UserId) -> Result<Map<String, Value>, StoreError> {
    let mut export = Map::new();
    for (name, sql) in SECTIONS {
        let mut rows = database
            .query(sql, params![user])?
            .iter()
            .map(|row| {
                let text: String = row.get(0)?;
                serde_json::from_str(&text).map_err(|_| StoreError::Column { index: 0 })
            })
            .collect::<Result<Vec<Value>, _>>()?;
        let section = if name == "account" {
            rows.pop().unwrap_or(Value::Null)
        } else {
            Value::Array(rows)
        };
        export.insert(name.to_owned(), section);
    }
    Ok(export)
}

/// Writes down that somebody wants to be forgotten. Signing in takes it back.
pub fn request_deletion(tx: &Transaction<'_>, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE users SET deletion_requested_at = ?2, updated_at = ?2, version = version + 1 WHERE id = ?1",
        params![user, now],
    )
}

/// Those whose time has come. Index: users_to_erase.
pub fn due(database: &Database, now: Timestamp, most: u32) -> Result<Vec<UserId>, StoreError> {
    database
        .query(
            "SELECT id FROM users WHERE deletion_requested_at IS NOT NULL AND deletion_requested_at <= ?1 \
             ORDER BY deletion_requested_at LIMIT ?2",
            params![now.plus_millis(-GRACE_MILLIS), most],
        )?
        .iter()
        .map(|row| row.parse(0))
        .collect()
}

/// Takes away what tells who somebody was. The row stays, for the ledger, the audit log and the chats that refer to
/// it. Names the blobs that nothing refers to any more; `None` when the person has come back in the meantime.
pub fn anonymise(tx: &Transaction<'_>, user: UserId, now: Timestamp) -> Result<Option<Vec<String>>, StoreError> {
    let taken = tx.query_opt(
        "UPDATE users SET email = 'deleted-' || id || '@deleted.invalid', email_key = 'deleted-' || id || '@deleted.invalid', \
         email_folded = 'deleted-' || id || '@deleted.invalid', name = 'Deleted user', name_folded = 'deleted user', password_hash = '!', status = 'SUSPENDED', status_reason = 'DELETED', email_verified = 0, \
         mfa_enabled = 0, discoverable = 0, last_login_at = NULL, deletion_requested_at = NULL, updated_at = ?2, \
         version = version + 1 \
         WHERE id = ?1 AND deletion_requested_at <= ?3 RETURNING 1",
        params![user, now, now.plus_millis(-GRACE_MILLIS)],
    )?;
    if taken.is_none() {
        return Ok(None);
    }
    for sql in [
        "DELETE FROM sessions WHERE user_id = ?1",
        "DELETE FROM one_time_codes WHERE user_id = ?1",
        "DELETE FROM password_resets WHERE user_id = ?1",
        "DELETE FROM second_factors WHERE user_id = ?1",
        "DELETE FROM recovery_codes WHERE user_id = ?1",
        "DELETE FROM passkeys WHERE user_id = ?1",
        "DELETE FROM passkey_ceremonies WHERE user_id = ?1",
        "DELETE FROM notifications WHERE user_id = ?1",
        "DELETE FROM document_links WHERE user_id = ?1",
        "DELETE FROM idempotency_keys WHERE user_id = ?1",
        "UPDATE outbox SET recipient = 'deleted-' || ?1 || '@deleted.invalid', recipient_name = '', params = '{}', \
         sealed = NULL, recipient_key = 'deleted-' || ?1 || '@deleted.invalid', \
         recipient_folded = 'deleted-' || ?1 || '@deleted.invalid' WHERE user_id = ?1",
    ] {
        tx.execute(sql, params![user])?;
    }
    let keys = tx.query(
        "UPDATE documents SET file_name = 'deleted', content_deleted_at = ?2 \
         WHERE user_id = ?1 AND content_deleted_at IS NULL RETURNING blob_key",
        params![user, now],
    )?;
    let mut orphans = Vec::new();
    for row in keys {
        let key: String = row.get(0)?;
        if !orphans.contains(&key) && !crate::blobs::is_referred_to(tx, &key)? {
            orphans.push(key);
        }
    }
    Ok(Some(orphans))
}

/// Takes out sessions that ended long ago. Index: sessions_by_expiry.
pub fn purge_sessions(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    database.execute(
        "DELETE FROM sessions WHERE expires_at <= ?1",
        params![now.plus_millis(-GRACE_MILLIS)],
    )
}
