//! Documents: one's own, and their content for admins.

use axum::extract::State;
use axum::response::IntoResponse;
use http::{HeaderName, HeaderValue, header};
use nexus_domain::Role;
use nexus_domain::ids::DocumentId;
use nexus_kit::blob::{self, BlobKey};
use nexus_kit::upload::DocumentView;
use nexus_kit::{ApiError, ApiResult, App, Caller, Path, Session, clock, respond};
use nexus_store::audit::NewAuditEntry;
use nexus_store::verification::{self, documents};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct OwnDocuments {
    items: Vec<DocumentView>,
}

/// One's own documents and how they stand.
#[utoipa::path(
    get, path = "/api/v1/documents", tag = "verification",
    responses((status = 200, body = OwnDocuments))
)]
pub async fn list_own_documents(State(app): State<App>, session: Session) -> ApiResult {
    let items = documents::by_user(app.database(), session.user())?
        .into_iter()
        .map(DocumentView::from)
        .collect();
    Ok(respond::ok(&OwnDocuments { items }))
}

/// A document's content. Each look is written down.
#[utoipa::path(
    get, path = "/api/v1/admin/documents/{id}/content", tag = "verification",
    params(("id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "the content as it was handed in", content_type = "*/*", body = Vec<u8>)
    )
)]
pub async fn get_document_content(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Path(id): Path<DocumentId>,
) -> ApiResult {
    let found = documents::find_content(app.database(), id, session.scope()?)?
        .filter(|found| !found.deleted)
        .ok_or_else(ApiError::not_found)?;
    session.require(Role::Admin)?;
    let content = blob::get(&app, &BlobKey::from_stored(found.blob_key))
        .await?
        .ok_or_else(ApiError::not_found)?;
    let entry = NewAuditEntry {
        action: "document.viewed",
        company: found.owner_company,
        details: serde_json::json!({ "ownerId": found.owner, "fileName": found.file_name }),
        ..caller.audit_entry(Some(session.user()), clock::now())
    };
    // Written down before a byte is shown.
    verification::record_look(app.database(), &entry, id)?;
    let mut response = content.into_response();
    let headers = response.headers_mut();
    let known = HeaderValue::from_str(&found.content_type);
    headers.insert(
        header::CONTENT_TYPE,
        known.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    if let Ok(value) = HeaderValue::from_str(&attachment(&found.file_name)) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    // Whatever it contains, it runs nothing and reaches nothing, even when somebody opens it in the browser.
    headers.insert(
        HeaderName::from_static("content-security-policy"),
        HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'"),
    );
    Ok(response)
}

/// RFC 5987 §3.2.1 `attr-char`: what needs no encoding in `filename*`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// `Content-Disposition` (RFC 6266) with a plain name for the old and the whole one for everybody else.
fn attachment(file_name: &str) -> String {
    let plain: String = file_name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') {
                c
            } else {
                '_'
            }
        })
        .collect();
    format!(
        "attachment; filename=\"{plain}\"; filename*=UTF-8''{}",
        utf8_percent_encode(file_name, ENCODED)
    )
}

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn a_file_name_can_t_leave_its_header() {
        let header = attachment("a\"; x=\"../جواز.pdf");
        assert_eq!(header.matches('"').count(), 2, "{header}");
        assert!(header.is_ascii() && !header.contains('/'), "{header}");
        assert!(header.ends_with(".pdf"), "{header}");
    }
}
