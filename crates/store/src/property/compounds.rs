//! Compounds.

use nexus_domain::Timestamp;
use nexus_domain::ids::{CompanyId, CompoundId};
use nexus_domain::premises::{Compound, StoredAddress};
use nexus_domain::text::fold;

use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::property::company_owned::{self, CompanyOwned};
use crate::{Database, Edited, Row, StoreError, Transaction, params};

const COLUMNS: &str = "id, company_id, name, address, created_at, updated_at, version";

pub static LISTING: Listing<Compound> = Listing {
    columns: COLUMNS,
    from: "compounds",
    scope: "company_id = ?1",
    id: "id",
    sorts: &[
        Sort::by_index("createdAt", "id", SortKind::Id),
        Sort::by_index("name", "name", SortKind::Text),
        Sort::by_index("updatedAt", "updated_at", SortKind::Integer),
        Sort::unindexed("city", "coalesce(address ->> 'city', '')", SortKind::Text),
        Sort::unindexed("region", "coalesce(address ->> 'region', '')", SortKind::Text),
        Sort::unindexed("postalCode", "coalesce(address ->> 'postalCode', '')", SortKind::Text),
        Sort::unindexed("country", "coalesce(address ->> 'country', '')", SortKind::Text),
    ],
    filters: &[
        Filter::text("name", "name ="),
        Filter::text("city", "address ->> 'city' ="),
        Filter::text("region", "address ->> 'region' ="),
        Filter::text("postalCode", "address ->> 'postalCode' ="),
        Filter::text("country", "address ->> 'country' ="),
        Filter::ordered::<Timestamp>("createdAt", "created_at ="),
        Filter::ordered::<Timestamp>("updatedAt", "updated_at ="),
    ],
    search: "folded LIKE ?2 ESCAPE '\\'",
    total: "(SELECT compounds FROM company_totals WHERE company_id = ?1)",
    read,
};

fn read(row: &Row) -> Result<Compound, StoreError> {
    let address: String = row.get(3)?;
    let address: StoredAddress = serde_json::from_str(&address).map_err(|_| StoreError::Column { index: 3 })?;
    Ok(Compound {
        id: row.parse(0)?,
        company_id: row.parse(1)?,
        name: row.get(2)?,
        address,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        version: row.get(6)?,
    })
}

impl CompanyOwned for CompoundId {
    type Entity = Compound;

    fn listing() -> &'static Listing<Compound> {
        &LISTING
    }
}

pub fn insert(database: &Database, compound: &Compound) -> Result<(), StoreError> {
    database.execute(
        "INSERT INTO compounds (id, company_id, name, address, folded, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?6, ?5, ?5)",
        params![
            compound.id,
            compound.company_id,
            &compound.name,
            address(compound),
            compound.created_at,
            folded(&compound.name, &compound.address)
        ],
    )
}

/// What a search reads: the name and the parts of the address, a line each.
pub(crate) fn folded(name: &str, address: &StoredAddress) -> String {
    let parts = [
        &address.line1,
        &address.line2,
        &address.city,
        &address.region,
        &address.postal_code,
        &address.country,
    ];
    let mut lines = vec![fold(name)];
    lines.extend(parts.into_iter().flatten().map(|part| fold(part)));
    lines.join("\n")
}

fn address(compound: &Compound) -> String {
    serde_json::to_string(&compound.address).unwrap_or_else(|_| "{}".to_owned())
}

/// Reads, changes and writes under one lock; what the change leaves as it was isn't written.
pub fn edit<E: From<StoreError>>(
    tx: &Transaction<'_>,
    company: CompanyId,
    id: CompoundId,
    now: Timestamp,
    change: impl FnOnce(Compound) -> Result<Compound, E>,
) -> Result<Option<Edited<Compound>>, E> {
    let Some(before) = company_owned::find(tx, company, id)? else {
        return Ok(None);
    };
    let mut after = change(before.clone())?;
    if after == before {
        return Ok(Some(Edited::unchanged(before)));
    }
    tx.execute(
        "UPDATE compounds SET name = ?3, address = ?4, folded = ?6, updated_at = ?5, version = version + 1 \
         WHERE company_id = ?1 AND id = ?2",
        params![
            company,
            id,
            &after.name,
            address(&after),
            now,
            folded(&after.name, &after.address)
        ],
    )?;
    after.updated_at = now;
    after.version += 1;
    Ok(Some(Edited { before, after }))
}

/// Whether it was there. Apartments in it keep it (foreign key).
pub fn delete(database: &Database, company: CompanyId, id: CompoundId) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "DELETE FROM compounds WHERE company_id = ?1 AND id = ?2 RETURNING id",
        params![company, id],
    )?;
    Ok(row.is_some())
}
