//! Companies as the property side sees them: with everything that is settled for them.

use nexus_domain::Timestamp;
use nexus_domain::company::Company;
use nexus_domain::ids::CompanyId;
use nexus_domain::money::Currency;
use nexus_domain::text::fold;

use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::{Database, Edited, Row, StoreError, Transaction, params};

const COLUMNS: &str = "id, name, slug, currency, timezone, is_active, allowed_email_domains, late_fee, deposit, billing, \
branding, created_at, updated_at, version";

/// Of everybody, for SUPER_ADMIN.
pub static LISTING: Listing<Company> = ALL;

/// One company alone, found by its key.
pub static OF_ONE: Listing<Company> = Listing {
    scope: "id = ?1",
    total: "(SELECT count(*) FROM companies WHERE id = ?1)",
    ..ALL
};

const ALL: Listing<Company> = Listing {
    columns: COLUMNS,
    from: "companies",
    scope: "?1 IS NULL",
    id: "id",
    sorts: &[
        Sort::by_index("createdAt", "id", SortKind::Id),
        Sort::by_index("name", "name", SortKind::Text),
        Sort::by_index("slug", "slug", SortKind::Text),
        Sort::by_index("updatedAt", "updated_at", SortKind::Integer),
        Sort::by_index("currency", "currency", SortKind::Text),
        Sort::by_index("timezone", "timezone", SortKind::Text),
        Sort::by_index("isActive", "is_active", SortKind::Integer),
    ],
    filters: &[
        Filter::text("slug", "slug ="),
        Filter::text("name", "name ="),
        Filter::flag("isActive", "is_active ="),
        Filter::one_of::<Currency>("currency", "currency ="),
        Filter::text("timezone", "timezone ="),
        Filter::ordered::<Timestamp>("createdAt", "created_at ="),
        Filter::ordered::<Timestamp>("updatedAt", "updated_at ="),
    ],
    search: "name_folded LIKE ?2 ESCAPE '\\' OR slug LIKE ?2 ESCAPE '\\'",
    total: "(SELECT count(*) FROM companies)",
    read,
};

fn json<T: serde::de::DeserializeOwned>(row: &Row, index: usize) -> Result<T, StoreError> {
    serde_json::from_str(&row.get::<String>(index)?).map_err(|_| StoreError::Column { index })
}

fn read(row: &Row) -> Result<Company, StoreError> {
    Ok(Company {
        id: row.parse(0)?,
        name: row.get(1)?,
        slug: row.get(2)?,
        currency: row.parse(3)?,
        timezone: row.parse(4)?,
        is_active: row.get(5)?,
        allowed_email_domains: json(row, 6)?,
        late_fee: json(row, 7)?,
        deposit: json(row, 8)?,
        billing: json(row, 9)?,
        branding: json(row, 10)?,
        created_at: row.get(11)?,
        updated_at: row.get(12)?,
        version: row.get(13)?,
    })
}

/// Index: primary key.
pub fn find(database: &Database, id: CompanyId) -> Result<Option<Company>, StoreError> {
    let row = database.query_opt(&format!("SELECT {COLUMNS} FROM companies WHERE id = ?1"), params![id])?;
    row.as_ref().map(read).transpose()
}

fn text_of<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub fn insert(database: &Database, company: &Company) -> Result<(), StoreError> {
    database.execute(
        "INSERT INTO companies (id, name, name_folded, slug, currency, timezone, is_active, allowed_email_domains, late_fee, \
         deposit, billing, branding, created_at, updated_at) \
         VALUES (?1, ?2, ?13, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12)",
        params![
            company.id,
            &company.name,
            &company.slug,
            company.currency,
            &company.timezone,
            company.is_active,
            text_of(&company.allowed_email_domains),
            text_of(&company.late_fee),
            text_of(&company.deposit),
            text_of(&company.billing),
            company.branding.to_string(),
            company.created_at,
            fold(&company.name)
        ],
    )
}

/// Reads, changes and writes under one lock; what the change leaves as it was isn't written.
pub fn edit<E: From<StoreError>>(
    tx: &Transaction<'_>,
    id: CompanyId,
    now: Timestamp,
    change: impl FnOnce(Company) -> Result<Company, E>,
) -> Result<Option<Edited<Company>>, E> {
    let Some(before) = find(tx, id)? else {
        return Ok(None);
    };
    let mut after = change(before.clone())?;
    if after == before {
        return Ok(Some(Edited::unchanged(before)));
    }
    tx.execute(
        "UPDATE companies SET name = ?2, name_folded = ?13, slug = ?3, currency = ?4, timezone = ?5, is_active = ?6, \
         allowed_email_domains = ?7, late_fee = ?8, deposit = ?9, billing = ?10, branding = ?11, updated_at = ?12, \
         version = version + 1 WHERE id = ?1",
        params![
            id,
            &after.name,
            &after.slug,
            after.currency,
            &after.timezone,
            after.is_active,
            text_of(&after.allowed_email_domains),
            text_of(&after.late_fee),
            text_of(&after.deposit),
            text_of(&after.billing),
            after.branding.to_string(),
            now,
            fold(&after.name)
        ],
    )?;
    after.updated_at = now;
    after.version += 1;
    Ok(Some(Edited { before, after }))
}

/// Whether it was there. People and property keep it (foreign keys).
pub fn delete(database: &Database, id: CompanyId) -> Result<bool, StoreError> {
    let row = database.query_opt("DELETE FROM companies WHERE id = ?1 RETURNING id", params![id])?;
    Ok(row.is_some())
}
