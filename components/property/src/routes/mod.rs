//! One file per resource.

pub mod apartments;
pub mod companies;
pub mod compounds;
pub mod imports;
pub mod invoice_actions;
pub mod invoices;
pub mod jobs;
pub mod maintenance_requests;
pub mod occupancies;
pub mod papers;
pub mod payments;
pub mod tenants;

use http::HeaderMap;
use nexus_kit::{App, FieldErrors, Problem, respond};
use nexus_store::{Database, StoreError};

use crate::fault::{Fault, Outcome};

/// A path's id as whatever it identifies; what is no id names nothing.
pub fn id<I: std::str::FromStr>(text: &str) -> Result<I, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// A row as it is.
pub fn plain<T>(row: T) -> T {
    row
}

/// The body of a call in its shape.
pub type Body<T> = Result<nexus_kit::Json<T>, Problem>;

/// Reads a loose body as `T`.
pub fn shaped<T: deserr::Deserr<FieldErrors>>(body: nexus_kit::patch::Loose) -> Result<T, Problem> {
    body.read()
}

/// Removes something if it is still the version that `If-Match` names: looked at and removed under one lock.
pub fn remove(
    app: &App,
    headers: &HeaderMap,
    version: impl FnOnce(&Database) -> Result<Option<i64>, StoreError>,
    delete: impl FnOnce(&Database) -> Result<bool, StoreError>,
) -> Outcome {
    app.database().transaction(|tx| {
        let version = version(tx)?.ok_or_else(Problem::not_found)?;
        respond::check_if_match(headers, version)?;
        if delete(tx)? {
            Ok(respond::no_content())
        } else {
            Err(Fault::from(Problem::not_found()))
        }
    })
}
