//! The audit log.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::ids::{AuditId, CompanyId, UserId};
use nexus_domain::page::{Flag, Limit, Sort};
use nexus_domain::{Role, Timestamp};
use nexus_kit::csv_pages;
use nexus_kit::listing::accepts_csv;
use nexus_kit::page::{self, Page};
use nexus_kit::problem::ProblemDocument;
use nexus_kit::{Answer, App, FieldErrors, Problem, Query, Session, respond};
use nexus_store::audit_read::{self, AuditEntry, AuditList, Verification};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// One entry of the log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditView {
    #[schema(value_type = String, format = "uuid")]
    id: AuditId,
    at: Timestamp,
    #[schema(value_type = Option<String>, format = "uuid")]
    actor_id: Option<UserId>,
    action: String,
    subject_type: String,
    subject_id: String,
    #[schema(value_type = Option<String>, format = "uuid")]
    company_id: Option<CompanyId>,
    ip: String,
    request_id: String,
    details: serde_json::Value,
    /// SHA-256 over the entry and the hash before it.
    hash: String,
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            actor_id: entry.actor_id,
            action: entry.action,
            subject_type: entry.subject_type,
            subject_id: entry.subject_id,
            company_id: entry.company_id,
            ip: entry.ip,
            request_id: entry.request_id,
            details: entry.details,
            hash: entry.hash,
        }
    }
}

#[derive(Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct AuditQuery {
    #[deserr(default)]
    action: Option<String>,
    #[param(value_type = Option<String>, format = "uuid")]
    #[deserr(default)]
    actor_id: Option<UserId>,
    #[deserr(default)]
    subject_type: Option<String>,
    #[deserr(default)]
    subject_id: Option<String>,
    /// `at` or `-at` (the default).
    #[deserr(default)]
    sort: Option<String>,
    #[deserr(default)]
    cursor: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    #[deserr(default)]
    limit: Option<Limit>,
    #[param(value_type = Option<bool>)]
    #[deserr(default)]
    with_total: Option<Flag>,
}

#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "admin", params(AuditQuery), responses(
    (status = 200, body = Page<AuditView>),
    (status = 400, body = ProblemDocument),
    (status = 401, body = ProblemDocument),
    (status = 403, body = ProblemDocument),
))]
pub async fn list_audit_entries(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<AuditQuery>,
) -> Answer<Response> {
    session.require(Role::Admin)?;
    let sort = Sort::parse(query.sort.as_deref(), &["at"], "-at").map_err(|invalid| Problem::field("sort", invalid))?;
    let name = format!("audit:{}", sort.text());
    let after = query.cursor.as_deref().map(|cursor| {
        let [id] = page::decode::<1>(&name, cursor)?;
        id.as_str().and_then(|id| id.parse().ok()).ok_or_else(page::bad_cursor)
    });
    let limit = query.limit.unwrap_or_default();
    let list = AuditList {
        scope: session.scope()?,
        action: query.action,
        actor: query.actor_id,
        subject_type: query.subject_type,
        subject_id: query.subject_id,
        sort,
        after: after.transpose()?,
        limit: limit.and_one(),
    };
    if accepts_csv(&headers) {
        return csv(app, list);
    }
    let rows = audit_read::list(app.database(), &list)?;
    let counted = query.with_total.unwrap_or_default().is_set();
    let total = counted.then(|| audit_read::count(app.database(), &list)).transpose()?;
    let page = Page::of(rows, limit, total, &name, |entry| vec![entry.id.to_string().into()]);
    Ok(respond::ok(&page.map(AuditView::from)))
}

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

fn csv(app: App, list: AuditList) -> Answer<Response> {
    let mut list = AuditList {
        after: None,
        limit: csv_pages::ROWS,
        ..list
    };
    csv_pages::answer("audit", COLUMNS, move || {
        let rows = audit_read::list(app.database(), &list)?;
        list.after = rows.last().map(|entry| entry.id);
        Ok(rows.into_iter().map(AuditView::from).collect())
    })
}

/// Recomputes every chain.
#[utoipa::path(get, path = "/api/v1/admin/audit/verify", tag = "admin", responses(
    (status = 200, body = Verification),
    (status = 401, body = ProblemDocument),
    (status = 403, body = ProblemDocument),
))]
pub async fn verify_audit_log(State(app): State<App>, session: Session) -> Answer<Response> {
    session.require(Role::SuperAdmin)?;
    Ok(respond::ok(&audit_read::verify(app.database())?))
}
