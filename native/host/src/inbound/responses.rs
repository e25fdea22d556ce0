//! Responses that the host gives by itself.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};

use super::config::StaticResponse;
use crate::body::Body;

/// A response without a body.
pub fn empty(status: StatusCode) -> Response<Body> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// A 200 with this content, and a content type if one is given.
pub fn text(content: impl Into<Bytes>, content_type: Option<&'static str>) -> Response<Body> {
    let body = Full::new(content.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    if let Some(content_type) = content_type {
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    response
}

/// The `static_response` of a trigger. Headers and statuses that HTTP does not allow are left out.
pub fn fixed(answer: &StaticResponse) -> Response<Body> {
    let mut response = text(answer.body.clone().unwrap_or_default(), None);
    if let Some(status) = answer.status_code.and_then(|s| StatusCode::from_u16(s).ok()) {
        *response.status_mut() = status;
    }
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
