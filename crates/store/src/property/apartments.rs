//! Apartments. Whether one is occupied is kept by the triggers on `occupancies`.

use nexus_domain::Timestamp;
use nexus_domain::ids::{ApartmentId, CompanyId, CompoundId};
use nexus_domain::premises::{Apartment, ApartmentError, ApartmentStatus};
use nexus_domain::text::fold;

use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::property::company_owned::{self, CompanyOwned};
use crate::{Database, Edited, Row, StoreError, Transaction, params};

const COLUMNS: &str = "id, company_id, compound_id, apartment_number, floor, bedrooms, area_sqm, monthly_rent, status, \
created_at, updated_at, version";

pub static LISTING: Listing<Apartment> = Listing {
    columns: COLUMNS,
    from: "apartments",
    scope: "company_id = ?1",
    id: "id",
    sorts: &[
        Sort::by_index("createdAt", "id", SortKind::Id),
        Sort::by_index("apartmentNumber", "apartment_number", SortKind::Text),
        Sort::by_index("monthlyRent", "monthly_rent", SortKind::Integer),
        Sort::by_index("updatedAt", "updated_at", SortKind::Integer),
        Sort::by_index("floor", "coalesce(floor, -1000)", SortKind::Integer),
        Sort::by_index("bedrooms", "coalesce(bedrooms, -1)", SortKind::Integer),
        Sort::unindexed("areaSqm", "coalesce(area_sqm, -1.0)", SortKind::Real),
        Sort::unindexed("status", "status", SortKind::Text),
        Sort::unindexed("compoundId", "compound_id", SortKind::Text),
    ],
    filters: &[
        Filter::of::<CompoundId>("compoundId", "compound_id ="),
        Filter::one_of::<ApartmentStatus>("status", "status ="),
        Filter::text("apartmentNumber", "apartment_number ="),
        Filter::integer("floor", "floor ="),
        Filter::integer("bedrooms", "bedrooms ="),
        Filter::integer("monthlyRent", "monthly_rent ="),
        Filter::real("areaSqm", "area_sqm ="),
        Filter::ordered::<Timestamp>("createdAt", "created_at ="),
        Filter::ordered::<Timestamp>("updatedAt", "updated_at ="),
    ],
    search: "number_folded LIKE ?2 ESCAPE '\\'",
    total: "(SELECT apartments FROM company_totals WHERE company_id = ?1)",
    read,
};

fn read(row: &Row) -> Result<Apartment, StoreError> {
    Ok(Apartment {
        id: row.parse(0)?,
        company_id: row.parse(1)?,
        compound_id: row.parse(2)?,
        apartment_number: row.get(3)?,
        floor: row.get(4)?,
        bedrooms: row.get(5)?,
        area_sqm: row.get(6)?,
        monthly_rent: row.get(7)?,
        status: row.parse(8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
        version: row.get(11)?,
    })
}

impl CompanyOwned for ApartmentId {
    type Entity = Apartment;

    fn listing() -> &'static Listing<Apartment> {
        &LISTING
    }
}

/// A new apartment has no occupancies, so it is what staff says, and never OCCUPIED.
pub fn insert(database: &Database, apartment: &Apartment) -> Result<(), ApartmentError<StoreError>> {
    if apartment.status == ApartmentStatus::Occupied {
        return Err(ApartmentError::StatusFollows);
    }
    database
        .execute(
            "INSERT INTO apartments (id, company_id, compound_id, apartment_number, number_folded, floor, bedrooms, area_sqm, \
             monthly_rent, status, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?11, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
            params![
                apartment.id,
                apartment.company_id,
                apartment.compound_id,
                &apartment.apartment_number,
                apartment.floor,
                apartment.bedrooms,
                apartment.area_sqm,
                apartment.monthly_rent,
                apartment.status,
                apartment.created_at,
                fold(&apartment.apartment_number)
            ],
        )
        .map_err(explain)
}

fn explain(error: StoreError) -> ApartmentError<StoreError> {
    if error.is_not_unique("apartments.apartment_number") {
        ApartmentError::NumberTaken
    } else {
        ApartmentError::Store(error)
    }
}

/// Reads, changes and writes under one lock; what the change leaves as it was isn't written.
pub fn edit<E: From<StoreError> + From<ApartmentError<StoreError>>>(
    tx: &Transaction<'_>,
    company: CompanyId,
    id: ApartmentId,
    now: Timestamp,
    change: impl FnOnce(Apartment) -> Result<Apartment, E>,
) -> Result<Option<Edited<Apartment>>, E> {
    let Some(before) = company_owned::find(tx, company, id)? else {
        return Ok(None);
    };
    let wanted = change(before.clone())?;
    if wanted == before {
        return Ok(Some(Edited::unchanged(before)));
    }
    // Index of the inner query: occupancies_by_apartment.
    let row = tx
        .query_opt(
            &format!(
                "UPDATE apartments SET compound_id = ?3, apartment_number = ?4, number_folded = ?11, floor = ?5, bedrooms = ?6, \
                 area_sqm = ?7, monthly_rent = ?8, status = CASE WHEN ?9 IN ('MAINTENANCE', 'INACTIVE') THEN ?9 \
                 WHEN EXISTS (SELECT 1 FROM occupancies o WHERE o.company_id = ?1 AND o.apartment_id = ?2 \
                 AND o.status = 'ACTIVE') THEN 'OCCUPIED' ELSE 'VACANT' END, \
                 updated_at = ?10, version = version + 1 WHERE company_id = ?1 AND id = ?2 RETURNING {COLUMNS}"
            ),
            params![
                company,
                id,
                wanted.compound_id,
                &wanted.apartment_number,
                wanted.floor,
                wanted.bedrooms,
                wanted.area_sqm,
                wanted.monthly_rent,
                wanted.status,
                now,
                fold(&wanted.apartment_number)
            ],
        )
        .map_err(explain)?;
    let after = row.as_ref().map(read).transpose()?;
    let given = wanted.status != before.status;
    if given && after.as_ref().is_some_and(|after| after.status != wanted.status) {
        return Err(ApartmentError::StatusFollows.into());
    }
    if given && wanted.status == ApartmentStatus::Inactive && is_let(tx, company, id)? {
        return Err(ApartmentError::Let.into());
    }
    Ok(after.map(|after| Edited { before, after }))
}

/// Whether somebody lives there or will. Index: occupancies_by_apartment.
fn is_let(database: &Database, company: CompanyId, id: ApartmentId) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "SELECT 1 FROM occupancies WHERE company_id = ?1 AND apartment_id = ?2 AND status IN ('ACTIVE', 'UPCOMING') LIMIT 1",
        params![company, id],
    )?;
    Ok(row.is_some())
}

/// Whether it was there. Occupancies and requests keep it (foreign keys).
pub fn delete(database: &Database, company: CompanyId, id: ApartmentId) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "DELETE FROM apartments WHERE company_id = ?1 AND id = ?2 RETURNING id",
        params![company, id],
    )?;
    Ok(row.is_some())
}
