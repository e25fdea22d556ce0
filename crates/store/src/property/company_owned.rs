//! What a company holds, found by its id.

use std::str::FromStr;

use nexus_domain::ids::CompanyId;

use crate::listing::Listing;
use crate::{Database, StoreError, Value};

/// The id of something of a company's. Its list says how it is read.
pub trait CompanyOwned: Copy + FromStr + Into<Value> + Send + Sync + 'static {
    type Entity: Send + Sync + 'static;

    fn listing() -> &'static Listing<Self::Entity>;
}

/// Which company's it is.
pub fn company_of<I: CompanyOwned>(database: &Database, id: I) -> Result<Option<CompanyId>, StoreError> {
    let Listing { columns, from, .. } = I::listing();
    let sql = format!("SELECT company_id FROM (SELECT {columns} FROM {from}) WHERE id = ?1");
    let row = database.query_opt(&sql, &[id.into()])?;
    row.map(|row| row.parse(0)).transpose()
}

/// Index: UNIQUE (company_id, id).
pub fn find<I: CompanyOwned>(database: &Database, company: CompanyId, id: I) -> Result<Option<I::Entity>, StoreError> {
    let listing = I::listing();
    let Listing {
        columns, from, scope, ..
    } = listing;
    let sql = format!("SELECT {columns} FROM {from} WHERE {scope} AND {} = ?2", listing.id);
    let row = database.query_opt(&sql, &[company.into(), id.into()])?;
    row.as_ref().map(listing.read).transpose()
}
