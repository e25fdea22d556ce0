//! ApiError documents (RFC 9457). What the client is told and what the log is told are two values.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use nexus_domain::Invalid;
use nexus_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Code;

mod domain;

/// One wrong field: `field` is its path (`documents[0].type`), `code` is for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    pub field: String,
    pub code: String,
    pub message: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, invalid: Invalid) -> Self {
        Self {
            field: field.into(),
            code: invalid.code.to_owned(),
            message: invalid.message,
        }
    }
}

/// An answer that is a failure. Rendered by the outermost layer, which knows the request id.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Members of this problem only (RFC 9457 §3.2).
    members: serde_json::Map<String, serde_json::Value>,
    /// For the log only; never in an answer.
    cause: Option<String>,
}

/// The document as it goes over the wire.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemDocument<'a> {
    /// Where the kind of problem is described.
    #[schema(format = "uri-reference", example = "/docs#NOT_FOUND")]
    pub r#type: String,
    pub title: &'a str,
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    pub detail: &'a str,
    pub code: &'a str,
    pub request_id: &'a str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    pub errors: &'a [FieldError],
    #[serde(flatten)]
    #[schema(ignore)]
    pub members: &'a serde_json::Map<String, serde_json::Value>,
}

impl ApiError {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut problem = Self(Box::new(Parts {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
            members: serde_json::Map::new(),
            cause: None,
        }));
        if code.status() == http::StatusCode::UNAUTHORIZED {
            problem = problem.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        problem
    }

    /// 404, the same whether nobody has the id or somebody else does.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here under this address.")
    }

    /// 404 for an id within the request: `field` says where it stands. The same whether nobody has it or somebody else.
    pub fn not_found_in(field: &str) -> Self {
        let invalid = Invalid::new("NOT_FOUND", "names nothing that is here");
        Self::new(Code::NotFound, format!("There is nothing here that `{field}` names."))
            .with_errors(vec![FieldError::new(field, invalid)])
    }

    pub fn forbidden() -> Self {
        Self::new(Code::Forbidden, "Your role does not allow this.")
    }

    /// 400 naming one field.
    pub fn field(field: impl Into<String>, invalid: Invalid) -> Self {
        Self::invalid(vec![FieldError::new(field, invalid)])
    }

    /// 400 naming every wrong field.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(
            Code::ValidationFailed,
            "Some fields are not valid; `errors` names them.",
        );
        problem.0.errors = errors;
        problem
    }

    /// 503: the client may try again.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        Self::new(
            Code::Unavailable,
            "This can't be done right now. Try again in a moment.",
        )
        .retry_after(2)
        .because(cause)
    }

    /// 500: a fault of ours; the log has the cause.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(Code::Internal, "Something went wrong on our side.").because(cause)
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = detail.into();
        self
    }

    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// A member of its own, for what a client needs to go on.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: serde_json::Value) -> Self {
        self.0.members.insert(name.to_owned(), value);
        self
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The body; `request_id` is the one also in the answer's header and in the log.
    pub fn document(&self, request_id: &str) -> Vec<u8> {
        let document = ProblemDocument {
            r#type: format!("/docs#{}", self.0.code.as_str()),
            title: self.0.code.title(),
            status: self.0.code.status().as_u16(),
            detail: &self.0.detail,
            code: self.0.code.as_str(),
            request_id,
            errors: &self.0.errors,
            members: &self.0.members,
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        for (name, value) in &self.0.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// What a store error means when the handler had nothing better to say of it.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            error if error.is_not_unique("companies.slug") => {
                Self::new(Code::Conflict, "Another company has this slug.")
            }
            StoreError::NotUnique { .. } | StoreError::ForeignKey => {
                Self::new(Code::Conflict, "This is in conflict with something that is there.")
                    .because(error.to_string())
            }
            // A trigger that keeps the ledger append-only.
            StoreError::Refused { code } if code == "LEDGER_APPEND_ONLY" => {
                Self::new(Code::Conflict, "This stands in the books and stays there.")
            }
            StoreError::Refused { code } if code == "CURRENCY_FIXED" => Self::new(
                Code::Conflict,
                "A company has one currency, and amounts are written down in this one already.",
            ),
            error if error.may_pass() || error.is_foreign_schema() => Self::unavailable(error.to_string()),
            // Equal content is just being deleted elsewhere; an upload a minute later puts it anew.
            error if error.is_refused(nexus_store::blobs::GOING) => {
                Self::unavailable(error.to_string()).retry_after(60)
            }
            error => Self::internal(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_member_of_the_contract() {
        let problem = ApiError::field("email", Invalid::new("INVALID_EMAIL", "must be an address"));
        let document: serde_json::Value = serde_json::from_slice(&problem.document("req-1")).unwrap();
        assert_eq!(document["status"], 400);
        assert_eq!(document["code"], "VALIDATION_FAILED");
        assert_eq!(document["requestId"], "req-1");
        assert_eq!(document["errors"][0]["field"], "email");
    }

    #[test]
    fn a_member_of_its_own_stands_beside_the_others() {
        let problem = ApiError::new(Code::MfaRequired, "").with_member("mfa", serde_json::json!({ "methods": [] }));
        let document: serde_json::Value = serde_json::from_slice(&problem.document("r")).unwrap();
        assert_eq!(document["mfa"]["methods"], serde_json::json!([]));
        assert_eq!(document["code"], "MFA_REQUIRED");
    }

    #[test]
    fn the_cause_is_for_the_log_only() {
        let problem = ApiError::internal("SELECT secret");
        assert!(!String::from_utf8(problem.document("r")).unwrap().contains("SELECT"));
        assert_eq!(problem.cause(), Some("SELECT secret"));
    }

    #[test]
    fn every_401_says_how_to_authenticate() {
        let response = ApiError::new(Code::InvalidToken, "").into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
    }
}
