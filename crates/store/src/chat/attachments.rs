//! Files that go with messages: uploaded first, then sent once.

use std::collections::HashMap;

use nexus_domain::Timestamp;
use nexus_domain::ids::{AttachmentId, UserId};
use nexus_domain::message::Attachment;

use crate::chat::messages::NewMessage;
use crate::{Database, Row, StoreError, Transaction, params};

/// An attachment as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttachment {
    pub attachment: Attachment,
    pub blob_key: String,
}

pub fn insert(
    database: &Database,
    owner: UserId,
    attachment: &Attachment,
    blob_key: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    database.execute(
        "INSERT INTO attachments (id, owner_id, file_name, content_type, size, width, height, blob_key, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            attachment.id,
            owner,
            &attachment.file_name,
            &attachment.content_type,
            i64::try_from(attachment.size).unwrap_or(i64::MAX),
            attachment.width,
            attachment.height,
            blob_key,
            now
        ],
    )
}

/// The attachment, if this person may see it: its owner before it is sent, then the members of its chat, and none of
/// them once the message was deleted. Besides, as a photo of a maintenance request: whoever asked, and the company's
/// staff; as a company's logo: everybody there.
pub fn find_visible(
    database: &Database,
    id: AttachmentId,
    user: UserId,
) -> Result<Option<StoredAttachment>, StoreError> {
    let row = database.query_opt(
        "SELECT a.id, a.file_name, a.content_type, a.size, a.width, a.height, a.blob_key FROM attachments a \
         LEFT JOIN messages m ON m.id = a.message_id \
         LEFT JOIN chat_members cm ON cm.chat_id = a.chat_id AND cm.user_id = ?2 \
         WHERE a.id = ?1 AND (CASE WHEN a.message_id IS NULL THEN a.owner_id = ?2 \
         ELSE cm.user_id IS NOT NULL AND m.deleted_at IS NULL END \
         OR EXISTS (SELECT 1 FROM maintenance_photos p JOIN maintenance_requests r ON r.id = p.request_id \
         JOIN users u ON u.id = ?2 WHERE p.attachment_id = a.id AND (r.requested_by = u.id OR u.role = 'SUPER_ADMIN' \
         OR u.company_id = p.company_id AND u.role IN ('MANAGER', 'ADMIN'))) \
         OR EXISTS (SELECT 1 FROM users u JOIN companies c ON c.id = u.company_id \
         WHERE u.id = ?2 AND c.branding ->> 'logo' = a.id))",
        params![id, user],
    )?;
    row.as_ref().map(read_stored).transpose()
}

/// A file that this person uploaded.
pub fn find_own(database: &Database, owner: UserId, id: AttachmentId) -> Result<Option<StoredAttachment>, StoreError> {
    let row = database.query_opt(
        "SELECT id, file_name, content_type, size, width, height, blob_key FROM attachments WHERE id = ?1 AND owner_id = ?2",
        params![id, owner],
    )?;
    row.as_ref().map(read_stored).transpose()
}

fn read_stored(row: &Row) -> Result<StoredAttachment, StoreError> {
    Ok(StoredAttachment {
        attachment: read(row)?,
        blob_key: row.get(6)?,
    })
}

fn read(row: &Row) -> Result<Attachment, StoreError> {
    Ok(Attachment {
        id: row.parse(0)?,
        file_name: row.get(1)?,
        content_type: row.get(2)?,
        size: row.get(3)?,
        width: row.get(4)?,
        height: row.get(5)?,
    })
}

/// The attachments that a batch names and that are still unsent, with their owners; no statement when it names none.
pub(crate) fn for_sending(
    tx: &Transaction<'_>,
    batch: &[NewMessage],
) -> Result<HashMap<AttachmentId, (UserId, Attachment)>, StoreError> {
    let ids: Vec<AttachmentId> = batch.iter().flat_map(|message| &message.attachments).copied().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = serde_json::to_string(&ids).map_err(|error| StoreError::Statement {
        reason: error.to_string(),
    })?;
    tx.query(
        "SELECT a.id, a.file_name, a.content_type, a.size, a.width, a.height, a.owner_id FROM attachments a \
         WHERE a.id IN (SELECT value FROM json_each(?1)) AND a.message_id IS NULL",
        params![ids],
    )?
    .iter()
    .map(|row| {
        let attachment = read(row)?;
        Ok((attachment.id, (row.parse(6)?, attachment)))
    })
    .collect()
}

/// `sent`: arrays of attachment, chat, message.
pub(crate) fn mark_sent(tx: &Transaction<'_>, sent: Vec<serde_json::Value>) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE attachments SET chat_id = j.value ->> 1, message_id = j.value ->> 2 FROM json_each(?1) j \
         WHERE attachments.id = j.value ->> 0",
        params![serde_json::Value::Array(sent).to_string()],
    )
}

/// How long a file may wait to be sent, and how long one whose message was taken back is kept.
const KEPT_SECONDS: i64 = 86_400;
/// How long a content is kept after the last file that referred to it.
const BLOB_KEPT_SECONDS: i64 = 3_600;
/// As much as one turn takes out.
const PURGED_AT_ONCE: i64 = 500;

/// Takes out files that were never sent and those of messages taken back; files of maintenance requests stay. Their
/// contents become [`unused_blobs`]. Indexes: attachments_unsent, messages_deleted, attachments_by_message.
pub fn purge(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    let before = now.plus_seconds(-KEPT_SECONDS);
    for sql in [
        "DELETE FROM attachments WHERE id IN (SELECT a.id FROM attachments a WHERE a.message_id IS NULL AND a.created_at < ?1 \
         AND a.id NOT IN (SELECT j.value FROM maintenance_requests r, json_each(r.attachments) j WHERE r.attachments <> '[]') \
         LIMIT ?2)",
        "DELETE FROM attachments WHERE id IN (SELECT a.id FROM messages m JOIN attachments a ON a.message_id = m.id \
         WHERE m.deleted_at < ?1 \
         AND a.id NOT IN (SELECT j.value FROM maintenance_requests r, json_each(r.attachments) j WHERE r.attachments <> '[]') \
         LIMIT ?2)",
    ] {
        database.execute(sql, params![before, PURGED_AT_ONCE])?;
    }
    Ok(())
}

/// Contents that nothing has referred to for a while. Those that something refers to again are forgotten here.
/// Indexes: unused_blobs_by_age, attachments_by_blob, documents_by_blob.
pub fn unused_blobs(database: &Database, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let before = now.plus_seconds(-BLOB_KEPT_SECONDS);
    let mut unused = Vec::new();
    let rows = database.query(
        "SELECT blob_key FROM unused_blobs WHERE since < ?1 ORDER BY since LIMIT 50",
        params![before],
    )?;
    for row in &rows {
        let key: String = row.get(0)?;
        if is_blob_used(database, &key)? {
            forget_unused_blob(database, &key)?;
        } else {
            unused.push(key);
        }
    }
    Ok(unused)
}

/// Whether a file or a document has this content.
pub fn is_blob_used(database: &Database, key: &str) -> Result<bool, StoreError> {
    let found = database.query_opt(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM attachments WHERE blob_key = ?1) \
         OR EXISTS (SELECT 1 FROM documents WHERE blob_key = ?1 AND content_deleted_at IS NULL)",
        params![key],
    )?;
    Ok(found.is_some())
}

pub fn forget_unused_blob(database: &Database, key: &str) -> Result<(), StoreError> {
    database.execute("DELETE FROM unused_blobs WHERE blob_key = ?1", params![key])
}
