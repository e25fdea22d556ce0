//! Occupancies. That two of one apartment don't overlap, and that apartments follow, is held by triggers.

use nexus_domain::Timestamp;
use nexus_domain::date::Date;
use nexus_domain::ids::{ApartmentId, CompanyId, OccupancyId, TenantId, UserId};
use nexus_domain::money::Money;
use nexus_domain::occupancy::{DepositAction, Occupancy, OccupancyError, OccupancyStatus};
use uuid::Uuid;

use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::property::company_owned::{self, CompanyOwned};
use crate::property::company_state::CompanyToday;
use crate::{Database, Edited, Row, StoreError, Transaction, params};

const COLUMNS: &str = "id, company_id, apartment_id, tenant_id, start_date, end_date, monthly_rent, deposit_amount, \
deposit_received - deposit_spent, status, created_at, updated_at, version";

pub static LISTING: Listing<Occupancy> = Listing {
    columns: COLUMNS,
    from: "occupancies",
    scope: "company_id = ?1",
    id: "id",
    sorts: &[
        Sort::by_index("createdAt", "id", SortKind::Id),
        Sort::by_index("startDate", "start_date", SortKind::Text),
        Sort::by_index("updatedAt", "updated_at", SortKind::Integer),
        Sort::by_index("endDate", "coalesce(end_date, '9999-12-31')", SortKind::Text),
        Sort::by_index("monthlyRent", "monthly_rent", SortKind::Integer),
        Sort::by_index("tenantId", "tenant_id", SortKind::Text),
        Sort::unindexed("apartmentId", "apartment_id", SortKind::Text),
        Sort::unindexed("depositAmount", "deposit_amount", SortKind::Integer),
        Sort::unindexed("depositHeld", "deposit_received - deposit_spent", SortKind::Integer),
        Sort::unindexed("status", "status", SortKind::Text),
    ],
    filters: &[
        Filter::of::<ApartmentId>("apartmentId", "apartment_id ="),
        Filter::of::<TenantId>("tenantId", "tenant_id ="),
        Filter::one_of::<OccupancyStatus>("status", "status ="),
        Filter::ordered::<Date>("startDate", "start_date ="),
        Filter::ordered::<Date>("endDate", "end_date ="),
        Filter::integer("monthlyRent", "monthly_rent ="),
        Filter::integer("depositAmount", "deposit_amount ="),
        Filter::integer("depositHeld", "deposit_received - deposit_spent ="),
        Filter::ordered::<Timestamp>("createdAt", "created_at ="),
        Filter::ordered::<Timestamp>("updatedAt", "updated_at ="),
    ],
    search: "tenant_id IN (SELECT t.id FROM tenants t WHERE t.company_id = ?1 AND t.name_folded LIKE ?2 ESCAPE '\\') \
             OR apartment_id IN (SELECT a.id FROM apartments a WHERE a.company_id = ?1 \
             AND a.number_folded LIKE ?2 ESCAPE '\\')",
    total: "(SELECT occupancies FROM company_totals WHERE company_id = ?1)",
    read,
};

/// The clause that holds a list to one tenant's.
pub const OF_TENANT: &str = "tenant_id =";

/// A rule of occupancies, or the store itself, said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OccupancyRefusal {
    #[error(transparent)]
    Rule(#[from] OccupancyError),
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for OccupancyRefusal {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Refused { code } if code == "OCCUPANCY_OVERLAP" => OccupancyError::Overlap.into(),
            StoreError::Refused { code } if code == "APARTMENT_INACTIVE" => OccupancyError::ApartmentInactive.into(),
            StoreError::CheckFailed { name } => match name.as_str() {
                "ends_after_it_starts" => OccupancyError::EndsBeforeItStarts.into(),
                "deposit_within_agreed" => OccupancyError::DepositExceeded.into(),
                "deposit_within_held" => OccupancyError::DepositNotHeld.into(),
                _ => Self::Store(error),
            },
            _ => Self::Store(error),
        }
    }
}

fn read(row: &Row) -> Result<Occupancy, StoreError> {
    Ok(Occupancy {
        id: row.parse(0)?,
        company_id: row.parse(1)?,
        apartment_id: row.parse(2)?,
        tenant_id: row.parse(3)?,
        start_date: row.parse(4)?,
        end_date: row.parse_opt(5)?,
        monthly_rent: row.get(6)?,
        deposit_amount: row.get(7)?,
        deposit_held: row.get(8)?,
        status: row.parse(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
        version: row.get(12)?,
    })
}

impl CompanyOwned for OccupancyId {
    type Entity = Occupancy;

    fn listing() -> &'static Listing<Occupancy> {
        &LISTING
    }
}

/// Where a tenant lives now. Index: occupancies_by_tenant.
pub fn home_of(
    database: &Database,
    company: CompanyId,
    tenant: TenantId,
    apartment: ApartmentId,
) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "SELECT 1 FROM occupancies WHERE company_id = ?1 AND tenant_id = ?2 AND apartment_id = ?3 AND status = 'ACTIVE'",
        params![company, tenant, apartment],
    )?;
    Ok(row.is_some())
}

/// One statement: of two that want the same days, the second finds the first.
pub fn insert(database: &Database, occupancy: &Occupancy) -> Result<(), OccupancyRefusal> {
    database.execute(
        "INSERT INTO occupancies (id, company_id, apartment_id, tenant_id, start_date, end_date, monthly_rent, \
         deposit_amount, status, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
        params![
            occupancy.id,
            occupancy.company_id,
            occupancy.apartment_id,
            occupancy.tenant_id,
            occupancy.start_date,
            occupancy.end_date,
            occupancy.monthly_rent,
            occupancy.deposit_amount,
            occupancy.status,
            occupancy.created_at
        ],
    )?;
    Ok(())
}

/// Reads, changes and writes under one lock. The status follows from the dates unless the change cancels.
pub fn edit<E: From<OccupancyRefusal> + From<StoreError>>(
    tx: &Transaction<'_>,
    day: &CompanyToday,
    id: OccupancyId,
    change: impl FnOnce(Occupancy) -> Result<Occupancy, E>,
) -> Result<Option<Edited<Occupancy>>, E> {
    let Some(before) = company_owned::find(tx, day.id, id)? else {
        return Ok(None);
    };
    let mut after = change(before.clone())?;
    if after == before {
        return Ok(Some(Edited::unchanged(before)));
    }
    if after.status != OccupancyStatus::Cancelled {
        after.status = OccupancyStatus::on(day.today, after.start_date, after.end_date);
    }
    tx.execute(
        "UPDATE occupancies SET start_date = ?3, end_date = ?4, monthly_rent = ?5, deposit_amount = ?6, status = ?7, \
         updated_at = ?8, version = version + 1 WHERE company_id = ?1 AND id = ?2",
        params![
            day.id,
            id,
            after.start_date,
            after.end_date,
            after.monthly_rent,
            after.deposit_amount,
            after.status,
            day.now
        ],
    )
    .map_err(OccupancyRefusal::from)?;
    after.updated_at = day.now;
    after.version += 1;
    Ok(Some(Edited { before, after }))
}

/// One movement of a deposit; sums are kept by a trigger and held to the agreement by CHECKs.
pub struct DepositEntry<'a> {
    pub id: Uuid,
    pub company: CompanyId,
    pub occupancy: OccupancyId,
    pub action: DepositAction,
    pub amount: Money,
    pub reason: Option<&'a str>,
    pub at: Timestamp,
    pub by: UserId,
}

pub fn enter_deposit(tx: &Database, entry: &DepositEntry<'_>) -> Result<Option<Occupancy>, OccupancyRefusal> {
    tx.execute(
        "INSERT INTO deposit_entries (id, company_id, occupancy_id, action, amount, reason, at, by_user) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            entry.id,
            entry.company,
            entry.occupancy,
            entry.action,
            entry.amount,
            entry.reason,
            entry.at,
            entry.by
        ],
    )?;
    Ok(company_owned::find(tx, entry.company, entry.occupancy)?)
}

/// Whether it was there. Invoices and deposits keep it (foreign keys).
pub fn delete(tx: &Transaction<'_>, day: &CompanyToday, id: OccupancyId) -> Result<bool, StoreError> {
    // The apartment that it leaves vacant has the time of that from here.
    tx.execute(
        "UPDATE occupancies SET updated_at = max(updated_at, ?3) WHERE company_id = ?1 AND id = ?2",
        params![day.id, id, day.now],
    )?;
    let row = tx.query_opt(
        "DELETE FROM occupancies WHERE company_id = ?1 AND id = ?2 RETURNING id",
        params![day.id, id],
    )?;
    Ok(row.is_some())
}
