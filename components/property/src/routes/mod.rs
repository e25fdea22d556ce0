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
use nexus_kit::{ApiError, ApiResult, App, respond, write};
use nexus_store::{Edited, StoreError, Transaction, property::references};
use serde::Serialize;

use crate::audit::Kind;
use crate::principal::Principal;

/// A path's id as whatever it identifies; what is no id names nothing.
pub fn id<I: std::str::FromStr>(text: &str) -> Result<I, ApiError> {
    text.parse().map_err(|_| ApiError::not_found())
}

/// The body of a call in its shape.
pub type Body<T> = Result<nexus_kit::Json<T>, ApiError>;

/// Writes a new row down, and that it was made.
pub async fn make<T: Serialize + Send + 'static>(
    app: &App,
    principal: &Principal,
    company: CompanyId,
    kind: &'static Kind,
    row: T,
    insert: impl FnOnce(&Transaction<'_>, &T) -> Result<(), ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let audit = principal.audit();
    write(app, move |tx| {
        insert(tx, &row)?;
        audit.created(tx, company, kind, &row)?;
        Ok(row)
    })
    .await
}

/// Changes a row and writes down what was changed. `act`: `updated`, unless it says more.
pub async fn change<T: Serialize + PartialEq + Send + 'static>(
    app: &App,
    principal: &Principal,
    company: CompanyId,
    (kind, act): (&'static Kind, fn(&Edited<T>) -> &'static str),
    edit: impl FnOnce(&Transaction<'_>) -> Result<Option<Edited<T>>, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let audit = principal.audit();
    write(app, move |tx| {
        let edited = edit(tx)?.ok_or_else(ApiError::not_found)?;
        audit.edited(tx, company, kind, act(&edited), &edited)?;
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
    principal: &Principal,
    headers: HeaderMap,
    (company, kind, id): (CompanyId, &'static Kind, I),
    version: impl FnOnce(&Transaction<'_>) -> Result<Option<i64>, StoreError> + Send + 'static,
    delete: impl FnOnce(&Transaction<'_>) -> Result<bool, StoreError> + Send + 'static,
) -> ApiResult {
    let audit = principal.audit();
    write(app, move |tx| {
        let version = version(tx)?.ok_or_else(ApiError::not_found)?;
        respond::check_if_match(&headers, version)?;
        let deleted = delete(tx).map_err(|error| explain_kept(tx, (company, kind, id), error));
        if !deleted? {
            return Err(ApiError::not_found());
        }
        audit.note(tx, company, kind, "deleted", id, serde_json::json!({}))?;
        Ok(respond::no_content())
    })
    .await
}

/// Of what can't be removed since other things refer to it: what those are.
fn explain_kept<I: std::fmt::Display>(
    tx: &Transaction<'_>,
    (company, kind, id): (CompanyId, &'static Kind, I),
    error: StoreError,
) -> ApiError {
    let is_kept = matches!(error, StoreError::ForeignKey | StoreError::Refused { .. });
    let found = if is_kept {
        references::to(tx, kind.name, company, &id.to_string()).unwrap_or_default()
    } else {
        Vec::new()
    };
    ApiError::from(error).kept_by(&found)
}
