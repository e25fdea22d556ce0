//! Companies, as far as accounts need them; what they are settled with is the property side's.

use nexus_domain::Timestamp;
use nexus_domain::ids::CompanyId;
use nexus_domain::text::fold;

use crate::{Database, StoreError, params};

/// What registration needs to know of a company.
#[derive(Debug, Clone)]
pub struct CompanyForRegistration {
    pub id: CompanyId,
    pub is_active: bool,
    /// Lower-case; empty: any.
    pub allowed_email_domains: Vec<String>,
}

/// Index: UNIQUE (slug).
pub fn by_slug(database: &Database, slug: &str) -> Result<Option<CompanyForRegistration>, StoreError> {
    database
        .query_opt(
            "SELECT id, is_active, allowed_email_domains FROM companies WHERE slug = ?1",
            params![slug],
        )?
        .map(|row| {
            let domains: String = row.get(2)?;
            Ok(CompanyForRegistration {
                id: row.parse(0)?,
                is_active: row.get(1)?,
                allowed_email_domains: serde_json::from_str(&domains).map_err(|_| StoreError::Column { index: 2 })?,
            })
        })
        .transpose()
}

/// By primary key.
pub fn exists(database: &Database, id: CompanyId) -> Result<bool, StoreError> {
    let row = database.query_opt("SELECT 1 FROM companies WHERE id = ?1", params![id])?;
    Ok(row.is_some())
}

/// The domains that a company's residents may have addresses of; empty: any. By primary key.
pub fn allowed_email_domains(database: &Database, company: CompanyId) -> Result<Vec<String>, StoreError> {
    let row = database.query_opt(
        "SELECT allowed_email_domains FROM companies WHERE id = ?1",
        params![company],
    )?;
    let Some(row) = row else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&row.get::<String>(0)?).map_err(|_| StoreError::Column { index: 0 })
}

/// A company with the defaults for everything that is not asked here.
pub fn insert(
    database: &Database,
    id: CompanyId,
    name: &str,
    slug: &str,
    currency: &str,
    timezone: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    database.execute(
        "INSERT INTO companies (id, name, name_folded, slug, currency, timezone, created_at, updated_at) \
         VALUES (?1, ?2, ?7, ?3, ?4, ?5, ?6, ?6)",
        params![id, name, slug, currency, timezone, now, fold(name)],
    )
}
