//! Tenants.

use nexus_domain::email::{self, key_of};
use nexus_domain::ids::{CompanyId, TenantId, UserId};
use nexus_domain::tenant::Tenant;
use nexus_domain::text::fold;
use nexus_domain::{EmailAddress, Timestamp};

use utoipa::PartialSchema;

use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::property::company_owned::{self, CompanyOwned};
use crate::{Database, Edited, Row, StoreError, Transaction, Value, params};

const COLUMNS: &str = "id, company_id, user_id, full_name, email, phone, national_id, created_at, updated_at, version";

/// Shown to some only, so only they may sort and filter by it.
pub const NATIONAL_ID: &str = "nationalId";

pub static LISTING: Listing<Tenant> = Listing {
    columns: COLUMNS,
    from: "tenants",
    scope: "company_id = ?1",
    id: "id",
    sorts: &[
        Sort::by_index("createdAt", "id", SortKind::Id),
        Sort::by_index("fullName", "name_folded", SortKind::Text),
        Sort::by_index("email", "email_key", SortKind::Text),
        Sort::by_index("updatedAt", "updated_at", SortKind::Integer),
        Sort::unindexed("phone", "coalesce(phone, '')", SortKind::Text),
        Sort::unindexed("userId", "coalesce(user_id, '')", SortKind::Text),
        Sort::unindexed(NATIONAL_ID, "coalesce(national_id, '')", SortKind::Text),
    ],
    filters: &[
        Filter::of::<UserId>("userId", "user_id ="),
        Filter::by("email", "email_key =", email_key, EmailAddress::schema),
        Filter::text("fullName", "full_name ="),
        Filter::text("phone", "phone ="),
        Filter::text(NATIONAL_ID, "national_id ="),
        Filter::ordered::<Timestamp>("createdAt", "created_at ="),
        Filter::ordered::<Timestamp>("updatedAt", "updated_at ="),
    ],
    search: "name_folded LIKE ?2 ESCAPE '\\' OR email_folded LIKE ?2 ESCAPE '\\' OR phone LIKE ?2 ESCAPE '\\'",
    total: "(SELECT tenants FROM company_totals WHERE company_id = ?1)",
    read,
};

fn email_key(text: &str) -> Result<Value, nexus_domain::Invalid> {
    text.parse::<EmailAddress>()
        .map(|address| Value::Text(address.key().to_owned()))
}

fn read(row: &Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.parse(0)?,
        company_id: row.parse(1)?,
        user_id: row.parse_opt(2)?,
        full_name: row.get(3)?,
        email: row.get(4)?,
        phone: row.get(5)?,
        national_id: row.get(6)?,
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
        version: row.get(9)?,
    })
}

impl CompanyOwned for TenantId {
    type Entity = Tenant;

    fn listing() -> &'static Listing<Tenant> {
        &LISTING
    }
}

/// Which tenant of the company an account is. Index: tenants_by_user.
pub fn of_user(database: &Database, company: CompanyId, user: UserId) -> Result<Option<TenantId>, StoreError> {
    let row = database.query_opt(
        "SELECT id FROM tenants WHERE company_id = ?1 AND user_id = ?2",
        params![company, user],
    )?;
    row.map(|row| row.parse(0)).transpose()
}

/// Whether an account belongs to the company.
pub fn is_member(database: &Database, company: CompanyId, user: UserId) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "SELECT 1 FROM users WHERE id = ?1 AND company_id = ?2",
        params![user, company],
    )?;
    Ok(row.is_some())
}

pub fn insert(database: &Database, tenant: &Tenant) -> Result<(), StoreError> {
    database.execute(
        "INSERT INTO tenants (id, company_id, user_id, full_name, name_folded, email, email_key, email_folded, phone, \
         national_id, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?10, ?5, ?6, ?11, ?7, ?8, ?9, ?9)",
        params![
            tenant.id,
            tenant.company_id,
            tenant.user_id,
            &tenant.full_name,
            &tenant.email,
            key_of(&tenant.email),
            tenant.phone.clone(),
            tenant.national_id.clone(),
            tenant.created_at,
            fold(&tenant.full_name),
            email::folded(&tenant.email)
        ],
    )
}

/// Reads, changes and writes under one lock; what the change leaves as it was isn't written.
pub fn edit<E: From<StoreError>>(
    tx: &Transaction<'_>,
    company: CompanyId,
    id: TenantId,
    now: Timestamp,
    change: impl FnOnce(Tenant) -> Result<Tenant, E>,
) -> Result<Option<Edited<Tenant>>, E> {
    let Some(before) = company_owned::find(tx, company, id)? else {
        return Ok(None);
    };
    let mut after = change(before.clone())?;
    if after == before {
        return Ok(Some(Edited::unchanged(before)));
    }
    tx.execute(
        "UPDATE tenants SET user_id = ?3, full_name = ?4, name_folded = ?10, email = ?5, email_key = ?6, \
         email_folded = ?11, phone = ?7, national_id = ?8, updated_at = ?9, version = version + 1 WHERE company_id = ?1 AND id = ?2",
        params![
            company,
            id,
            after.user_id,
            &after.full_name,
            &after.email,
            key_of(&after.email),
            after.phone.clone(),
            after.national_id.clone(),
            now,
            fold(&after.full_name),
            email::folded(&after.email)
        ],
    )?;
    after.updated_at = now;
    after.version += 1;
    Ok(Some(Edited { before, after }))
}

/// Whether they were there. Occupancies and invoices keep them (foreign keys).
pub fn delete(database: &Database, company: CompanyId, id: TenantId) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "DELETE FROM tenants WHERE company_id = ?1 AND id = ?2 RETURNING id",
        params![company, id],
    )?;
    Ok(row.is_some())
}
