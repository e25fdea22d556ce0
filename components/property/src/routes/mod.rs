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
use nexus_domain::ids::CompanyId;
use nexus_kit::{App, FieldErrors, Problem, respond, write};
use nexus_store::{Edited, StoreError, Transaction, property::references};
use serde::Serialize;

use crate::asker::Asker;
use crate::fault::{Fault, Outcome};
use crate::record::Kind;

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

/// Writes a new row down, and that it was made.
pub async fn make<T: Serialize + Send + 'static>(
    app: &App,
    asker: &Asker,
    company: CompanyId,
    kind: &'static Kind,
    row: T,
    insert: impl FnOnce(&Transaction<'_>, &T) -> Result<(), Fault> + Send + 'static,
) -> Result<T, Fault> {
    let scribe = asker.scribe();
    write(app, move |tx| {
        insert(tx, &row)?;
        scribe.created(tx, company, kind, &row)?;
        Ok(row)
    })
    .await
}

/// Changes a row and writes down what was changed. `act`: `updated`, unless it says more.
pub async fn change<T: Serialize + PartialEq + Send + 'static>(
    app: &App,
    asker: &Asker,
    company: CompanyId,
    (kind, act): (&'static Kind, fn(&Edited<T>) -> &'static str),
    edit: impl FnOnce(&Transaction<'_>) -> Result<Option<Edited<T>>, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let scribe = asker.scribe();
    write(app, move |tx| {
        let edited = edit(tx)?.ok_or_else(Problem::not_found)?;
        scribe.edited(tx, company, kind, act(&edited), &edited)?;
        Ok(edited.after)
    })
    .await
}

/// What is done to most things.
pub fn updated<T>(_: &Edited<T>) -> &'static str {
    "updated"
}

/// Removes something if it is still the version that `If-Match` names: looked at and removed under one lock.
pub async fn remove<I: std::fmt::Display + Copy + Send + 'static>(
    app: &App,
    asker: &Asker,
    headers: HeaderMap,
    (company, kind, id): (CompanyId, &'static Kind, I),
    version: impl FnOnce(&Transaction<'_>) -> Result<Option<i64>, StoreError> + Send + 'static,
    delete: impl FnOnce(&Transaction<'_>) -> Result<bool, StoreError> + Send + 'static,
) -> Outcome {
    let scribe = asker.scribe();
    write(app, move |tx| {
        let version = version(tx)?.ok_or_else(Problem::not_found)?;
        respond::check_if_match(&headers, version)?;
        let deleted = delete(tx).map_err(|error| explain_kept(tx, (company, kind, id), error));
        if !deleted? {
            return Err(Fault::from(Problem::not_found()));
        }
        scribe.note(tx, company, kind, "deleted", id, serde_json::json!({}))?;
        Ok(respond::no_content())
    })
    .await
}

/// Of what can't be removed since other things refer to it: what those are.
fn explain_kept<I: std::fmt::Display>(
    tx: &Transaction<'_>,
    (company, kind, id): (CompanyId, &'static Kind, I),
    error: StoreError,
) -> Fault {
    let is_kept = matches!(error, StoreError::ForeignKey | StoreError::Refused { .. });
    let found = if is_kept {
        references::to(tx, kind.name, company, &id.to_string()).unwrap_or_default()
    } else {
        Vec::new()
    };
    Fault::from(error).kept_by(&found)
}
