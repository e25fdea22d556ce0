//! The queue of verification cases.

use axum::extract::State;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::document::DocumentType;
use nexus_domain::ids::{CompanyId, DocumentId, UserId};
use nexus_domain::page::{Flag, Limit, Search, Sort};
use nexus_domain::status::VerificationStatus;
use nexus_domain::{Invalid, Role, Timestamp};
use nexus_kit::csv_pages;
use nexus_kit::listing::accepts_csv;
use nexus_kit::page::{self, Page};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, Path, Query, Session, listing, respond, version};
use nexus_store::verification::documents::StoredDocument;
use nexus_store::verification::{self, Case, CaseList, PastDecision};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// A document as admins see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewedDocument {
    #[schema(value_type = String, format = "uuid")]
    pub id: DocumentId,
    pub r#type: DocumentType,
    pub file_name: String,
    pub content_type: String,
    pub size: i64,
    pub verification_status: VerificationStatus,
    pub verified_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = "uuid")]
    pub verified_by: Option<UserId>,
}

impl From<StoredDocument> for ReviewedDocument {
    fn from(stored: StoredDocument) -> Self {
        Self {
            id: stored.id,
            r#type: stored.kind,
            file_name: stored.file_name,
            content_type: stored.content_type,
            size: stored.size,
            verification_status: stored.verification_status,
            verified_at: stored.verified_at,
            verified_by: stored.verified_by,
        }
    }
}

/// A case with the person it is about.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaseView {
    #[schema(value_type = String, format = "uuid")]
    user_id: UserId,
    #[schema(format = Email)]
    email: String,
    name: String,
    role: Role,
    #[schema(value_type = Option<String>, format = "uuid")]
    company_id: Option<CompanyId>,
    submitted_at: Timestamp,
    status: VerificationStatus,
    documents: Vec<ReviewedDocument>,
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        Self {
            user_id: case.user_id,
            email: case.email,
            name: case.name,
            role: case.role,
            company_id: case.company_id,
            submitted_at: case.submitted_at,
            status: case.status,
            documents: case.documents.into_iter().map(ReviewedDocument::from).collect(),
        }
    }
}

/// A decision of the past.
#[derive(Serialize, ToSchema)]
pub struct DecisionView {
    at: Timestamp,
    #[schema(value_type = String, format = "uuid")]
    by: UserId,
    decision: VerificationStatus,
    reason: Option<String>,
}

impl From<PastDecision> for DecisionView {
    fn from(past: PastDecision) -> Self {
        Self {
            at: past.at,
            by: past.by,
            decision: past.decision,
            reason: past.reason,
        }
    }
}

/// A case with all that was decided on it.
#[derive(Serialize, ToSchema)]
pub struct CaseDetail {
    #[serde(flatten)]
    case: CaseView,
    decisions: Vec<DecisionView>,
}

#[derive(Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct CaseQuery {
    #[deserr(default)]
    status: Option<VerificationStatus>,
    /// In name and e-mail address.
    #[param(value_type = Option<String>, max_length = 200, pattern = "^[^\\x00-\\x1F\\x7F-\\x9F]*$")]
    #[deserr(default, try_from(Option<String>) = searched -> Invalid)]
    q: Option<Search>,
    /// `submittedAt` (the default) or `-submittedAt`.
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
    /// Of one company; for the platform owner.
    #[param(value_type = Option<String>, format = "uuid")]
    #[deserr(default)]
    company_id: Option<CompanyId>,
}

/// Nothing but white space looks for nothing.
fn searched(given: Option<String>) -> Result<Option<Search>, Invalid> {
    given
        .filter(|text| !text.trim().is_empty())
        .map(|text| text.parse())
        .transpose()
}

/// The cases of one's company; those without a company are the platform owner's.
#[utoipa::path(
    get, path = "/api/v1/admin/verifications", tag = "verification", params(CaseQuery),
    responses((status = 200, body = Page<CaseView>))
)]
pub async fn list_verifications(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Query(query): Query<CaseQuery>,
) -> ApiResult {
    session.require(Role::Admin)?;
    let sort = Sort::parse(query.sort.as_deref(), &["submittedAt"], "submittedAt")
        .map_err(|invalid| ApiError::field("sort", invalid))?;
    let name = format!("verifications:{}", sort.text());
    let limit = query.limit.unwrap_or_default();
    let scope = match (session.scope()?, query.company_id) {
        (Some(own), Some(other)) if own != other => return Err(ApiError::not_found()),
        (own, other) => own.or(other),
    };
    let list = CaseList {
        scope,
        status: query.status,
        search: query.q.as_ref().map(|q| q.pattern().to_owned()),
        sort,
        after: query
            .cursor
            .as_deref()
            .filter(|cursor| !cursor.is_empty())
            .map(|cursor| page::decode_number_and_id(&name, cursor))
            .transpose()?,
        limit: limit.and_one(),
    };
    if accepts_csv(&headers) {
        return csv(app, list);
    }
    let rows = verification::list(app.database(), &list)?;
    let counted = query.with_total.unwrap_or_default().is_set();
    let total = counted
        .then(|| verification::count(app.database(), &list))
        .transpose()?;
    let page = Page::of(rows, limit, total, &name, |case| {
        vec![case.submitted_at.as_millis().into(), case.user_id.to_string().into()]
    });
    Ok(listing::page(&headers, &page.map(CaseView::from)))
}

const COLUMNS: &[&str] = &[
    "userId",
    "email",
    "name",
    "role",
    "companyId",
    "submittedAt",
    "status",
    "documents",
];

fn csv(app: App, list: CaseList) -> ApiResult {
    let mut list = CaseList {
        after: None,
        limit: csv_pages::ROWS,
        ..list
    };
    csv_pages::answer("verifications", COLUMNS, move || {
        let rows = verification::list(app.database(), &list)?;
        list.after = rows.last().map(|case| (case.submitted_at.as_millis(), case.user_id));
        Ok(rows.into_iter().map(CaseView::from).collect())
    })
}

/// One case, with all that was decided on it.
#[utoipa::path(
    get, path = "/api/v1/admin/verifications/{userId}", tag = "verification",
    params(("userId" = String, Path, format = "uuid")),
    responses((status = 200, body = CaseDetail), (status = 304, description = "not changed since"))
)]
pub async fn get_verification(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    Path(user): Path<UserId>,
) -> ApiResult {
    let case = verification::find(app.database(), user, session.scope()?)?.ok_or_else(ApiError::not_found)?;
    session.require(Role::Admin)?;
    let decisions = verification::decisions(app.database(), user)?;
    let case = CaseDetail {
        case: case.into(),
        decisions: decisions.into_iter().map(DecisionView::from).collect(),
    };
    Ok(respond::versioned(&headers, version::of(&case), &case))
}
