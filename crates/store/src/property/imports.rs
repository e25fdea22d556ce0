//! Files of apartments and tenants: staged piece by piece as they arrive, taken over in one transaction or not
//! at all. So a file of any length needs little memory, and no transaction waits for a client.

use nexus_domain::Timestamp;
use nexus_domain::ids::CompanyId;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{Database, StoreError, Transaction, params};

/// A row that is good in itself.
#[derive(Debug, Clone)]
pub struct StagedRow {
    pub line: u64,
    /// What the row will be.
    pub id: String,
    pub row: Json,
    /// What tells it from others, where two may not be alike.
    pub key: Option<String>,
}

/// Something wrong with a row that only shows beside others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    pub line: u64,
    pub field: &'static str,
    pub message: &'static str,
}

/// How long a staged file may lie about after whoever sent it is gone.
const KEPT_SECONDS: i64 = 60 * 60;

/// Forgets files that were never finished, a part at a time. Index: import_rows_by_age.
pub fn purge(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    database.execute(
        "DELETE FROM import_rows WHERE (import_id, line) IN \
         (SELECT import_id, line FROM import_rows WHERE created_at < ?1 LIMIT 5000)",
        params![now.plus_seconds(-KEPT_SECONDS)],
    )
}

pub fn stage(
    database: &Database,
    import: Uuid,
    company: CompanyId,
    rows: &[StagedRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| json!([row.line, row.id, row.row, row.key]))
        .collect();
    database.execute(
        "INSERT INTO import_rows (import_id, line, company_id, row_id, row, natural_key, created_at) \
         SELECT ?1, value ->> 0, ?2, value ->> 1, value -> 2, value ->> 3, ?3 FROM json_each(?4)",
        params![import, company, now, Json::from(rows).to_string()],
    )
}

pub fn discard(database: &Database, import: Uuid) -> Result<(), StoreError> {
    database.execute("DELETE FROM import_rows WHERE import_id = ?1", params![import])
}

/// What only shows beside other rows: compounds that aren't the company's, numbers that stand twice in the file
/// or are taken. At most `limit` of each.
pub fn apartment_errors(
    database: &Database,
    import: Uuid,
    company: CompanyId,
    limit: usize,
) -> Result<Vec<RowError>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut errors = Vec::new();
    for (field, message, sql) in [
        (
            "compoundId",
            "is no compound of the company",
            "SELECT r.line FROM import_rows r WHERE r.import_id = ?1 AND NOT EXISTS (SELECT 1 FROM compounds c \
             WHERE c.company_id = ?2 AND c.id = r.row ->> 'compoundId') ORDER BY r.line LIMIT ?3",
        ),
        (
            "apartmentNumber",
            "stands more than once for this compound",
            "SELECT r.line FROM import_rows r WHERE r.import_id = ?1 AND EXISTS (SELECT 1 FROM import_rows b \
             WHERE b.import_id = ?1 AND b.natural_key = r.natural_key AND b.line < r.line) AND ?2 IS NOT NULL \
             ORDER BY r.line LIMIT ?3",
        ),
        (
            "apartmentNumber",
            "is taken in this compound",
            "SELECT r.line FROM import_rows r WHERE r.import_id = ?1 AND EXISTS (SELECT 1 FROM apartments a \
             WHERE a.company_id = ?2 AND a.compound_id = r.row ->> 'compoundId' \
             AND a.apartment_number = r.row ->> 'apartmentNumber') ORDER BY r.line LIMIT ?3",
        ),
    ] {
        for row in database.query(sql, params![import, company, limit])? {
            errors.push(RowError {
                line: row.get(0)?,
                field,
                message,
            });
        }
    }
    errors.sort_by_key(|error| error.line);
    Ok(errors)
}

/// The staged rows become apartments.
pub fn take_apartments(tx: &Transaction<'_>, import: Uuid, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO apartments (id, company_id, compound_id, apartment_number, number_folded, floor, bedrooms, area_sqm, \
         monthly_rent, status, created_at, updated_at) \
         SELECT row_id, company_id, row ->> 'compoundId', row ->> 'apartmentNumber', row ->> 'numberFolded', \
         row ->> 'floor', row ->> 'bedrooms', row ->> 'areaSqm', row ->> 'monthlyRent', row ->> 'status', ?2, ?2 \
         FROM import_rows WHERE import_id = ?1 ORDER BY line",
        params![import, now],
    )?;
    discard(tx, import)
}

/// The staged rows become tenants.
pub fn take_tenants(tx: &Transaction<'_>, import: Uuid, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO tenants (id, company_id, full_name, name_folded, email, email_key, email_folded, phone, national_id, \
         created_at, updated_at) \
         SELECT row_id, company_id, row ->> 'fullName', row ->> 'nameFolded', row ->> 'email', row ->> 'emailKey', \
         row ->> 'emailFolded', row ->> 'phone', row ->> 'nationalId', ?2, ?2 FROM import_rows WHERE import_id = ?1 ORDER BY line",
        params![import, now],
    )?;
    discard(tx, import)
}
