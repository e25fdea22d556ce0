//! The audit log.

use axum::extract::State;
use http::HeaderMap;
use nexus_domain::Role;
use nexus_kit::listing::{self, ListParams, Pairs};
use nexus_kit::page::Page;
use nexus_kit::{ApiResult, App, Session, respond};
use nexus_store::audit::reader::{self as store, AuditEntry, Verification};

const COLUMNS: &[&str] = &[
    "id",
    "at",
    "actorId",
    "action",
    "subjectType",
    "subjectId",
    "companyId",
    "ip",
    "requestId",
    "details",
    "hash",
];

/// What was done, and by whom: in one's company, or anywhere for SUPER_ADMIN.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", tag = "admin", params(ListParams),
    responses((status = 200, body = Page<AuditEntry>), (status = 304))
)]
pub async fn list_audit_entries(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    pairs: Result<Pairs, nexus_kit::ApiError>,
) -> ApiResult {
    session.require(Role::Admin)?;
    let pairs = pairs?;
    let scope = pairs.scope(&app, &session)?;
    let list = match scope {
        Some(_) => &store::OF_COMPANY,
        None => &store::LISTING,
    };
    let asked = listing::read(list, "audit", scope, &pairs.0)?;
    listing::answer(&app, &headers, list, asked, COLUMNS, |entry| entry)
}

/// Recomputes every chain.
#[utoipa::path(
    get, path = "/api/v1/admin/audit/verify", tag = "admin",
    responses((status = 200, body = Verification))
)]
pub async fn verify_audit_log(State(app): State<App>, session: Session) -> ApiResult {
    session.require(Role::SuperAdmin)?;
    Ok(respond::ok(&store::verify(app.database())?))
}
