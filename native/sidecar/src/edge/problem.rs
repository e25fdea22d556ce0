//! The answers that the edge gives by itself when something is wrong, as RFC 9457 problems.

use std::sync::LazyLock;

use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, UPGRADE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body as _;
use nexus_protocol::edge::{HSTS_WITH_PRELOAD, SECURITY_HEADERS};
use serde_json::json;

use crate::backend::{Body, full};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeProblem {
    BadRequest,
    /// None, several, or what can't be one.
    BadHost,
    Unauthenticated,
    ForeignOrigin,
    IpNotAllowed,
    NotFound,
    MethodNotAllowed {
        allow: &'static str,
    },
    PayloadTooLarge,
    UnsupportedEncoding,
    UpgradeRequired,
    RateLimitExceeded {
        retry_after: u64,
    },
    /// Too many are at the door of the sockets.
    Crowded {
        retry_after: u64,
    },
    Internal,
    Unavailable {
        retry_after: u64,
    },
}

impl EdgeProblem {
    /// Status, code, title and what the client is told; codes and titles as in `kit`.
    const fn parts(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Self::BadRequest => (
                StatusCode::BAD_REQUEST,
                "VALIDATION_FAILED",
                "The request is not valid",
                "The request can't be read to its end.",
            ),
            Self::BadHost => (
                StatusCode::BAD_REQUEST,
                "VALIDATION_FAILED",
                "The request is not valid",
                "The request must name one host, in one `Host` header.",
            ),
            Self::ForeignOrigin => (
                StatusCode::FORBIDDEN,
                "FORBIDDEN",
                "Not allowed",
                "Pages of this origin may not connect.",
            ),
            Self::UnsupportedEncoding => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "UNSUPPORTED_MEDIA_TYPE",
                "The body is of a wrong type",
                "Bodies are taken as they are; send it without `Content-Encoding`.",
            ),
            Self::UpgradeRequired => (
                StatusCode::UPGRADE_REQUIRED,
                "UPGRADE_REQUIRED",
                "A WebSocket is needed",
                "This address is a WebSocket's: the request must ask for the upgrade.",
            ),
            Self::Unauthenticated => (
                StatusCode::UNAUTHORIZED,
                "UNAUTHENTICATED",
                "Sign in first",
                "This needs a valid bearer token.",
            ),
            Self::IpNotAllowed => (
                StatusCode::FORBIDDEN,
                "IP_NOT_ALLOWED",
                "Not from this address",
                "This may not be called from your network address.",
            ),
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "NOT_FOUND",
                "Not found",
                "There is nothing here under this address.",
            ),
            Self::MethodNotAllowed { .. } => (
                StatusCode::METHOD_NOT_ALLOWED,
                "METHOD_NOT_ALLOWED",
                "Not with this method",
                "This address does not take this method; `Allow` names those it takes.",
            ),
            Self::PayloadTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "PAYLOAD_TOO_LARGE",
                "The body is too large",
                "The body is larger than is accepted here.",
            ),
            Self::RateLimitExceeded { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMIT_EXCEEDED",
                "Too many requests",
                "Your address has made too many requests. Try again later.",
            ),
            Self::Crowded { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "RATE_LIMIT_EXCEEDED",
                "Too many requests",
                "Too many are connecting at this moment. Try again later.",
            ),
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                "Something went wrong",
                "Something went wrong on our side.",
            ),
            Self::Unavailable { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "UNAVAILABLE",
                "Not available right now",
                "This can't be done right now. Try again in a moment.",
            ),
        }
    }

    pub fn answer(self, request_id: &str) -> Response<Body> {
        let (status, code, title, detail) = self.parts();
        let body = json!({
            "type": format!("/docs#{code}"),
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
            "code": code,
            "requestId": request_id,
        });
        let mut answer = Response::new(full(body.to_string()));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::RateLimitExceeded { retry_after }
            | Self::Crowded { retry_after }
            | Self::Unavailable { retry_after } => {
                headers.insert(RETRY_AFTER, retry_after.max(1).into());
            }
            Self::Unauthenticated => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::UnsupportedEncoding => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            }
            Self::UpgradeRequired => {
                headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            }
            Self::MethodNotAllowed { allow } => {
                headers.insert(ALLOW, HeaderValue::from_static(allow));
            }
            _ => {}
        }
        answer
    }

    /// Runtimes answer with a bare status where no component did: no route, a trap, no instance left.
    /// Clients get a problem document all the same.
    pub fn for_bare_answer(answer: &Response<Body>) -> Option<Self> {
        let bare = answer.status().as_u16() >= 400
            && !answer.headers().contains_key(CONTENT_TYPE)
            && (answer.body().is_end_stream()
                || answer.headers().get(CONTENT_LENGTH).is_some_and(|length| length == "0")
                || answer.status() == StatusCode::INTERNAL_SERVER_ERROR);
        bare.then(|| match answer.status() {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => Self::PayloadTooLarge,
            StatusCode::INTERNAL_SERVER_ERROR => Self::Internal,
            status if status.is_server_error() => Self::Unavailable { retry_after: 1 },
            _ => Self::BadRequest,
        })
    }
}

/// Read once: they are on every answer.
static SECURITY: LazyLock<Vec<(HeaderName, HeaderValue)>> = LazyLock::new(|| {
    let read = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    SECURITY_HEADERS.into_iter().map(read).collect()
});

/// Adds what every answer says, unless it says otherwise itself.
pub fn secure(headers: &mut HeaderMap) {
    for (name, value) in SECURITY.iter() {
        headers.entry(name).or_insert_with(|| value.clone());
    }
}

/// Lets browsers' makers put the domain on their lists (`HSTS_PRELOAD`).
pub fn preload(headers: &mut HeaderMap) {
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS_WITH_PRELOAD));
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::backend::empty;

    #[tokio::test]
    async fn a_problem_carries_what_the_contract_asks_for() {
        let answer = EdgeProblem::RateLimitExceeded { retry_after: 7 }.answer("request-1");
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()[RETRY_AFTER], "7");
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(problem["code"], "RATE_LIMIT_EXCEEDED");
        assert_eq!(problem["status"], 429);
        assert_eq!(problem["requestId"], "request-1");
        assert!(problem["title"].is_string() && problem["detail"].is_string() && problem["type"].is_string());
    }

    #[test]
    fn an_answer_keeps_what_it_says_itself() {
        let (name, value) = SECURITY_HEADERS[0];
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static("its own"));
        secure(&mut headers);
        assert_eq!(headers[name], "its own");
        assert_eq!(headers.len(), SECURITY_HEADERS.len());
        let mut headers = HeaderMap::new();
        secure(&mut headers);
        assert_eq!(headers[name], value);
    }

    #[test]
    fn a_bare_404_or_500_becomes_a_problem_and_others_stay() {
        let bare = |status: u16| {
            let mut answer = Response::new(empty());
            *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
            EdgeProblem::for_bare_answer(&answer)
        };
        assert_eq!(bare(404), Some(EdgeProblem::NotFound));
        assert_eq!(bare(500), Some(EdgeProblem::Internal));
        assert_eq!(bare(304), None);
        let mut spoken = Response::new(full("x"));
        *spoken.status_mut() = StatusCode::NOT_FOUND;
        spoken
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert_eq!(EdgeProblem::for_bare_answer(&spoken), None);
    }
}
