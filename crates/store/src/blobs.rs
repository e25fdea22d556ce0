//! Contents of the blob store that nothing refers to any more, from the last row that did to their deletion.

use nexus_domain::Timestamp;
use serde_json::json;

use crate::{Database, StoreError, Transaction, params};

/// A deletion that was begun and not reported done is begun again after this.
const RETRY_SECONDS: i64 = 60;
/// How long what was deleted is remembered: far longer than any upload of the same content can be under way.
const REMEMBERED_SECONDS: i64 = 24 * 60 * 60;

/// `StoreError::Refused` with this code: the content was deleted while it was being put again. Repeat the upload.
pub const GOING: &str = "BLOB_IS_GOING";

/// Whether a document or an attachment still needs the content. Indexes: documents_by_blob, attachments_by_blob.
pub fn is_referred_to(database: &Database, blob_key: &str) -> Result<bool, StoreError> {
    database
        .query_opt(
            "SELECT 1 FROM documents WHERE blob_key = ?1 AND content_deleted_at IS NULL \
             UNION ALL SELECT 1 FROM attachments WHERE blob_key = ?1 LIMIT 1",
            params![blob_key],
        )
        .map(|found| found.is_some())
}

/// In the transaction that takes a reference away. Whether another is left is looked at when the deletion begins.
pub fn queue(tx: &Transaction<'_>, blob_keys: &[String], now: Timestamp) -> Result<(), StoreError> {
    if blob_keys.is_empty() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO blob_deletions (blob_key, queued_at) SELECT DISTINCT value, ?1 FROM json_each(?2) WHERE true \
         ON CONFLICT (blob_key) DO UPDATE SET queued_at = excluded.queued_at, taken_at = NULL, done = 0",
        params![now, json!(blob_keys).to_string()],
    )
}

/// Begins deletions: gives the contents to delete, and from now on no row can be written for one that was put before.
/// Those that something refers to (again) are left alone. Index: blob_deletions_open.
pub fn take_orphans(database: &Database, now: Timestamp, most: u32) -> Result<Vec<String>, StoreError> {
    database.transaction(|tx| {
        let open = tx.query(
            "SELECT blob_key FROM blob_deletions WHERE done = 0 AND (taken_at IS NULL OR taken_at <= ?1) \
             ORDER BY queued_at LIMIT ?2",
            params![now.plus_seconds(-RETRY_SECONDS), most],
        )?;
        let (mut orphans, mut needed) = (Vec::new(), Vec::new());
        for row in open {
            let key: String = row.get(0)?;
            if is_referred_to(tx, &key)? {
                needed.push(key);
            } else {
                orphans.push(key);
            }
        }
        tx.execute(
            "DELETE FROM blob_deletions WHERE blob_key IN (SELECT value FROM json_each(?1))",
            params![json!(needed).to_string()],
        )?;
        tx.execute(
            "UPDATE blob_deletions SET taken_at = ?1 WHERE blob_key IN (SELECT value FROM json_each(?2))",
            params![now, json!(orphans).to_string()],
        )?;
        Ok(orphans)
    })
}

/// The content is gone.
pub fn deleted(database: &Database, blob_key: &str) -> Result<(), StoreError> {
    database.execute(
        "UPDATE blob_deletions SET done = 1 WHERE blob_key = ?1 AND taken_at IS NOT NULL",
        params![blob_key],
    )
}

/// Forgets deletions of long ago. Index: blob_deletions_done.
pub fn forget_deleted(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    database.execute(
        "DELETE FROM blob_deletions WHERE done = 1 AND queued_at < ?1 AND taken_at < ?1",
        params![now.plus_seconds(-REMEMBERED_SECONDS)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

    fn queued(keys: &[&str]) -> Database {
        let database = Database::in_memory().unwrap();
        database.execute("PRAGMA foreign_keys = OFF", &[]).unwrap();
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        database.transaction(|tx| queue(tx, &keys, NOW)).unwrap();
        database
    }

    fn attach(database: &Database, key: &str, at: Timestamp) -> Result<(), StoreError> {
        database.execute(
            "INSERT INTO attachments (id, owner_id, file_name, content_type, size, blob_key, created_at) \
             VALUES (?1, 'u', 'f', 't', 1, ?2, ?3)",
            params![format!("{key}{}", at.as_millis()), key, at],
        )
    }

    #[test]
    fn a_content_that_an_attachment_needs_is_left_alone() {
        let database = queued(&["a", "b"]);
        attach(&database, "a", NOW).unwrap();
        assert_eq!(take_orphans(&database, NOW, 10).unwrap(), ["b"]);
        deleted(&database, "b").unwrap();
        assert!(take_orphans(&database, NOW.plus_seconds(3_600), 10).unwrap().is_empty());
    }

    #[test]
    fn a_deletion_that_did_not_work_is_tried_again() {
        let database = queued(&["a"]);
        assert_eq!(take_orphans(&database, NOW, 10).unwrap(), ["a"]);
        assert!(take_orphans(&database, NOW.plus_seconds(59), 10).unwrap().is_empty());
        assert_eq!(take_orphans(&database, NOW.plus_seconds(60), 10).unwrap(), ["a"]);
    }

    #[test]
    fn a_row_whose_content_may_have_been_deleted_under_it_is_refused() {
        let database = queued(&["a"]);
        take_orphans(&database, NOW, 10).unwrap();
        let late = attach(&database, "a", NOW.plus_seconds(1)).unwrap_err();
        assert!(late.is_refused(GOING));
        attach(&database, "a", NOW.plus_seconds(61)).unwrap();
        assert!(
            take_orphans(&database, NOW.plus_seconds(120), 10).unwrap().is_empty(),
            "put again, so it stays"
        );
    }
}
