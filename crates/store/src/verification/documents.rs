//! Documents, and the links by which people without a session hand them in.

use nexus_domain::Timestamp;
use nexus_domain::document::DocumentType;
use nexus_domain::ids::{CompanyId, DocumentId, UserId};
use nexus_domain::status::VerificationStatus;

use crate::{Database, Row, StoreError, Transaction, blobs, params};

/// A document whose content is in the blob store already.
#[derive(Debug, Clone)]
pub struct NewDocument {
    pub id: DocumentId,
    pub kind: DocumentType,
    pub file_name: String,
    pub content_type: String,
    pub size: i64,
    pub blob_key: String,
}

#[derive(Debug, Clone)]
pub struct StoredDocument {
    pub id: DocumentId,
    pub kind: DocumentType,
    pub file_name: String,
    pub content_type: String,
    pub size: i64,
    pub verification_status: VerificationStatus,
    pub created_at: Timestamp,
    pub verified_at: Option<Timestamp>,
    pub verified_by: Option<UserId>,
}

/// Opens somebody's case: at registration, with the documents that came with it (there may be none).
pub fn insert_case(
    tx: &Transaction<'_>,
    user: UserId,
    documents: &[NewDocument],
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO verification_cases (user_id, company_id, status, submitted_at) \
         SELECT id, company_id, 'PENDING', ?2 FROM users WHERE id = ?1",
        params![user, now],
    )?;
    insert(tx, user, documents, now)
}

/// One statement for all of them.
pub(crate) fn insert(
    tx: &Transaction<'_>,
    user: UserId,
    documents: &[NewDocument],
    now: Timestamp,
) -> Result<(), StoreError> {
    if documents.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = documents
        .iter()
        .map(|document| {
            serde_json::json!([
                document.id,
                document.kind,
                document.file_name,
                document.content_type,
                document.size,
                document.blob_key
            ])
        })
        .collect();
    tx.execute(
        "INSERT INTO documents (id, user_id, type, file_name, content_type, size, blob_key, created_at) \
         SELECT value ->> 0, ?1, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, ?2 FROM json_each(?3)",
        params![user, now, serde_json::Value::from(rows).to_string()],
    )
}

/// All documents of a person, oldest first. Index: documents_by_user.
pub fn by_user(database: &Database, user: UserId) -> Result<Vec<StoredDocument>, StoreError> {
    database
        .query(
            "SELECT id, type, file_name, content_type, size, verification_status, created_at, verified_at, verified_by \
             FROM documents WHERE user_id = ?1 ORDER BY id",
            params![user],
        )?
        .iter()
        .map(|row| read(row, 0))
        .collect()
}

/// Reads the nine columns of a document from `first` on.
pub(crate) fn read(row: &Row, first: usize) -> Result<StoredDocument, StoreError> {
    Ok(StoredDocument {
        id: row.parse(first)?,
        kind: row.parse(first + 1)?,
        file_name: row.get(first + 2)?,
        content_type: row.get(first + 3)?,
        size: row.get(first + 4)?,
        verification_status: row.parse(first + 5)?,
        created_at: row.get(first + 6)?,
        verified_at: row.get(first + 7)?,
        verified_by: row.parse_opt(first + 8)?,
    })
}

/// What is needed to hand out a document's content.
#[derive(Debug, Clone)]
pub struct DocumentContent {
    pub owner: UserId,
    pub owner_company: Option<CompanyId>,
    pub file_name: String,
    pub content_type: String,
    pub blob_key: String,
    pub deleted: bool,
}

/// A document of anybody in `scope` (`None`: of anybody). By primary key.
pub fn find_content(
    database: &Database,
    document: DocumentId,
    scope: Option<CompanyId>,
) -> Result<Option<DocumentContent>, StoreError> {
    database
        .query_opt(
            "SELECT d.user_id, u.company_id, d.file_name, d.content_type, d.blob_key, d.content_deleted_at IS NOT NULL \
             FROM documents d JOIN users u ON u.id = d.user_id \
             WHERE d.id = ?1 AND (?2 IS NULL OR u.company_id = ?2)",
            params![document, scope],
        )?
        .map(|row| {
            Ok(DocumentContent {
                owner: row.parse(0)?,
                owner_company: row.parse_opt(1)?,
                file_name: row.get(2)?,
                content_type: row.get(3)?,
                blob_key: row.get(4)?,
                deleted: row.get(5)?,
            })
        })
        .transpose()
}

/// Writes a link down. `token_hash` is `LinkToken::hash`.
pub fn insert_link(
    tx: &Transaction<'_>,
    token_hash: &str,
    user: UserId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO document_links (token_hash, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![token_hash, user, now, expires_at],
    )
}

/// Whose link this is, as long as it is good.
pub fn find_link(database: &Database, token_hash: &str, now: Timestamp) -> Result<Option<UserId>, StoreError> {
    database
        .query_opt(
            "SELECT user_id FROM document_links WHERE token_hash = ?1 AND expires_at > ?2",
            params![token_hash, now],
        )?
        .map(|row| row.parse(0))
        .transpose()
}

/// A document whose content was taken out of the books.
#[derive(Debug, Clone)]
pub struct RetiredDocument {
    pub id: DocumentId,
    pub owner: UserId,
    pub owner_company: Option<CompanyId>,
}

/// Takes rejected documents whose time has come out of the books; contents that nothing else refers to are deleted
/// after that (`blobs`). Index: documents_to_delete.
pub fn retire_rejected(
    tx: &Transaction<'_>,
    decided_before: Timestamp,
    now: Timestamp,
    most: u32,
) -> Result<Vec<RetiredDocument>, StoreError> {
    let retired = tx.query(
        "UPDATE documents SET content_deleted_at = ?1 WHERE id IN (\
           SELECT id FROM documents WHERE verification_status = 'REJECTED' AND content_deleted_at IS NULL \
           AND verified_at < ?2 ORDER BY verified_at LIMIT ?3) \
         RETURNING blob_key, id, user_id, (SELECT company_id FROM users WHERE users.id = documents.user_id)",
        params![now, decided_before, most],
    )?;
    let keys = retired
        .iter()
        .map(|row| row.get(0))
        .collect::<Result<Vec<String>, _>>()?;
    blobs::queue(tx, &keys, now)?;
    retired
        .iter()
        .map(|row| {
            Ok(RetiredDocument {
                id: row.parse(1)?,
                owner: row.parse(2)?,
                owner_company: row.parse_opt(3)?,
            })
        })
        .collect()
}

/// Writes down contents that were stored for nothing, to be deleted by the next run of [`retire_discarded`].
pub fn discard(database: &Database, documents: &[NewDocument], now: Timestamp) -> Result<(), StoreError> {
    let keys: Vec<&str> = documents.iter().map(|document| document.blob_key.as_str()).collect();
    database.execute(
        "INSERT INTO discarded_blobs (blob_key, at) SELECT value, ?2 FROM json_each(?1) WHERE true \
         ON CONFLICT (blob_key) DO UPDATE SET at = excluded.at",
        params![serde_json::json!(keys).to_string(), now],
    )
}

/// Names the discarded contents that nothing refers to, and forgets them. Index: discarded_blobs_by_age.
pub fn retire_discarded(tx: &Transaction<'_>, before: Timestamp, most: u32) -> Result<Vec<String>, StoreError> {
    let rows = tx.query(
        "DELETE FROM discarded_blobs WHERE blob_key IN (\
           SELECT blob_key FROM discarded_blobs WHERE at < ?1 ORDER BY at LIMIT ?2) RETURNING blob_key",
        params![before, most],
    )?;
    let mut orphans = Vec::new();
    for row in rows {
        let key: String = row.get(0)?;
        if !blobs::is_referred_to(tx, &key)? {
            orphans.push(key);
        }
    }
    Ok(orphans)
}
