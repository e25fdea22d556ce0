//! A case by its link: for people who can't sign in yet.

use axum::extract::{FromRequest, Request, State};
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::Invalid;
use nexus_domain::Timestamp;
use nexus_domain::document::{CheckedDocument, LinkToken};
use nexus_domain::ids::UserId;
use nexus_domain::status::VerificationStatus;
use nexus_kit::upload::{self, DocumentBody, DocumentView, JSON_UPLOAD_LIMIT};
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Json, Query, clock, respond, version};
use nexus_store::audit::NewAuditEntry;
use nexus_store::verification::documents;
use nexus_store::verification::{self, DecisionError};
use serde::Serialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

#[derive(Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(parameter_in = Query)]
pub struct CaseByLink {
    /// From the link in the mail.
    token: String,
}

/// How a case stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaseState {
    status: VerificationStatus,
    submitted_at: Timestamp,
    decided_at: Option<Timestamp>,
    reason: Option<String>,
}

impl From<verification::CaseState> for CaseState {
    fn from(state: verification::CaseState) -> Self {
        Self {
            status: state.status,
            submitted_at: state.submitted_at,
            decided_at: state.decided_at,
            reason: state.reason,
        }
    }
}

fn holder(app: &App, token: &str) -> Result<UserId, ApiError> {
    documents::find_link(app.database(), &LinkToken::hash(token), clock::now())?.ok_or_else(ApiError::not_found)
}

/// How one's case stands.
#[utoipa::path(
    get, path = "/api/v1/documents/case", tag = "verification", params(CaseByLink),
    responses(
        (status = 200, body = CaseState),
        (status = 304, description = "not changed since"),
        (status = 404, description = "no such link, or it has expired")
    ),
    security(())
)]
pub async fn get_case(State(app): State<App>, headers: HeaderMap, Query(query): Query<CaseByLink>) -> ApiResult {
    let user = holder(&app, &query.token)?;
    let state = verification::state(app.database(), user)?.ok_or_else(ApiError::not_found)?;
    let state = CaseState::from(state);
    Ok(respond::versioned(&headers, version::of(&state), &state))
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ResubmitRequest {
    /// From the link in the mail.
    token: String,
    #[schema(min_items = 1, max_items = 5)]
    documents: Vec<DocumentBody>,
}

/// As a form: the token as text, the documents as files.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code)] // read part by part
pub struct ResubmitForm {
    /// From the link in the mail.
    token: String,
    #[schema(value_type = Vec<String>, format = Binary, content_media_type = "application/octet-stream", min_items = 1, max_items = 5)]
    documents: Vec<u8>,
    /// The type of each document, in their order, separated by commas; `OTHER` where there is none.
    #[schema(nullable = false)]
    document_types: Option<String>,
}

/// The case after it was submitted again.
#[derive(Serialize, ToSchema)]
pub struct Resubmitted {
    #[serde(flatten)]
    case: CaseState,
    documents: Vec<DocumentView>,
}

/// Hands documents in; the case waits for a decision again. Takes JSON, or a form with `token` and `documents`.
#[utoipa::path(
    post, path = "/api/v1/documents/resubmit", tag = "verification",
    request_body(content((ResubmitRequest = "application/json"), (ResubmitForm = "multipart/form-data"))),
    responses(
        (status = 201, body = Resubmitted),
        (status = 404, description = "no such link, or it has expired"),
        (status = 409, description = "decided already, or documents are waiting")
    ),
    security(())
)]
pub async fn resubmit_documents(State(app): State<App>, caller: Caller, request: Request) -> ApiResult {
    let (user, checked) = read_submission(&app, request).await?;
    if checked.is_empty() {
        return Err(ApiError::field(
            "documents",
            Invalid::new("REQUIRED", "must have at least one document"),
        ));
    }
    let new = upload::store(&app, checked).await?;
    let entry = NewAuditEntry {
        action: "documents.resubmitted",
        subject_type: "user",
        subject_id: user.to_string(),
        details: json!({ "documents": new.iter().map(|document| document.id).collect::<Vec<_>>() }),
        ..caller.audit_entry(None, clock::now())
    };
    verification::resubmit(app.database(), user, &new, &entry).map_err(explain)?;
    let state = verification::state(app.database(), user)?.ok_or_else(ApiError::not_found)?;
    Ok(respond::created(&Resubmitted {
        case: state.into(),
        documents: new.into_iter().map(DocumentView::from).collect(),
    }))
}

async fn read_submission(app: &App, request: Request) -> Result<(UserId, Vec<CheckedDocument>), ApiError> {
    if upload::is_form(&request) {
        let mut form = upload::read_form(request, &["token"]).await?;
        let token = form
            .texts
            .get("token")
            .ok_or_else(|| ApiError::field("token", Invalid::new("REQUIRED", "is required")))?;
        let user = holder(app, &String::from_utf8_lossy(token))?;
        return Ok((user, form.checked_documents()?));
    }
    let Json(body) = Json::<ResubmitRequest, JSON_UPLOAD_LIMIT>::from_request(request, app).await?;
    let user = holder(app, &body.token)?;
    Ok((user, upload::check_bodies(body.documents)?))
}

fn explain(error: DecisionError) -> ApiError {
    match error {
        DecisionError::AlreadyDecided => ApiError::new(Code::AlreadyDecided, "This case is decided already."),
        DecisionError::NotPending => ApiError::new(
            Code::Conflict,
            "Your documents are being looked at. Wait for the decision.",
        ),
        DecisionError::Store(error) => error.into(),
        _ => ApiError::not_found(),
    }
}
