//! Answers with a body: JSON, and the validators of a single resource.

use std::hash::{DefaultHasher, Hasher};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::{ApiError, Code};

/// 200 with JSON.
pub fn ok(body: &impl Serialize) -> Response {
    json(StatusCode::OK, body)
}

/// 201 with JSON.
pub fn created(body: &impl Serialize) -> Response {
    json(StatusCode::CREATED, body)
}

/// 202 with JSON.
pub fn accepted(body: &impl Serialize) -> Response {
    json(StatusCode::ACCEPTED, body)
}

/// What a check found: 200, or 503 when whoever asked had better go elsewhere.
pub fn report(fit: bool, body: &impl Serialize) -> Response {
    let status = if fit {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    json(status, body)
}

/// 204.
pub fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (
            status,
            [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            bytes,
        )
            .into_response(),
        Err(error) => ApiError::internal(error.to_string()).into_response(),
    }
}

/// A single resource with its `ETag`, or 304 when the client has this version already.
pub fn versioned(request: &HeaderMap, version: i64, body: &impl Serialize) -> Response {
    not_modified(request, version).unwrap_or_else(|| with_etag(ok(body), version))
}

/// 304, when the client has this version already.
pub fn not_modified(request: &HeaderMap, version: i64) -> Option<Response> {
    let tag = etag(version);
    has(request, &tag).then(|| with_etag(StatusCode::NOT_MODIFIED.into_response(), version))
}

/// A list with an `ETag` of what is in it, or 304 when the client has the same. A list has no version of its own, so
/// the tag is a hash of the answer; a weak one, since nobody edits a list under its tag.
pub fn hashed(request: &HeaderMap, body: &impl Serialize) -> Response {
    let bytes = match serde_json::to_vec(body) {
        Ok(bytes) => bytes,
        Err(error) => return ApiError::internal(error.to_string()).into_response(),
    };
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let mut response = if has(request, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (
            [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))],
            bytes,
        )
            .into_response()
    };
    if let Ok(value) = HeaderValue::from_str(&format!("W/{tag}")) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// Whether the client has what this tag names.
fn has(request: &HeaderMap, tag: &str) -> bool {
    request
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|given| given.trim() == "*" || names_tag(given, tag))
}

/// Adds the `ETag` of this version to an answer.
pub fn with_etag(mut response: Response, version: i64) -> Response {
    if let Ok(value) = HeaderValue::from_str(&etag(version)) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// 412 when the client's `If-Match` names another version than the present one.
pub fn check_if_match(request: &HeaderMap, version: i64) -> Result<(), ApiError> {
    let Some(given) = request.get(header::IF_MATCH) else {
        return Ok(());
    };
    let given = given.to_str().unwrap_or_default();
    if given.trim() == "*" || names_tag(given, &etag(version)) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::PreconditionFailed,
        "Somebody changed this since you read it. Read it again and repeat your change.",
    ))
}

fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

fn names_tag(list: &str, tag: &str) -> bool {
    // Compression on the way makes a strong tag weak; the version it names is the same.
    list.split(',')
        .any(|given| given.trim().trim_start_matches("W/") == tag)
}
