//! Which web pages may call from another origin: those of `FRONTEND_URL`, with credentials.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use nexus_domain::settings::{FRONTEND_URL, SettingError, Settings, WebOrigin};

use crate::backend::{Body, empty};

pub struct Cors {
    origins: Vec<WebOrigin>,
}

const METHODS: &str = "GET, POST, PATCH, PUT, DELETE";
const HEADERS: &str =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-CSRF-Token, X-Request-Id";
const EXPOSED: &str = "X-Request-Id, ETag, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Cache, \
                       Content-Disposition, Idempotency-Replayed";

impl Cors {
    pub fn read(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self {
            origins: settings.get(&FRONTEND_URL)?,
        })
    }

    /// The answer to a preflight, if the request is one. A page from elsewhere gets no permission in it.
    pub fn preflight(&self, request: &Request<Body>) -> Option<Response<Body>> {
        let is_preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(ORIGIN)
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        is_preflight.then(|| {
            let mut answer = Response::new(empty());
            *answer.status_mut() = StatusCode::NO_CONTENT;
            if self.allowed(request.headers()).is_some() {
                let headers = answer.headers_mut();
                headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
                headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
                headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
            }
            answer
        })
    }

    /// The `Origin` of a request, if its page may call.
    pub fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(ORIGIN)?;
        let text = origin.to_str().ok()?;
        self.origins
            .iter()
            .any(|known| known.as_str() == text)
            .then(|| origin.clone())
    }

    /// Lets the page of this origin read the answer. Says `Vary` always: caches mustn't give one
    /// origin's answer to another.
    pub fn permit(&self, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors() -> Cors {
        Cors {
            origins: FRONTEND_URL.parse("https://app.example.com").expect("an origin"),
        }
    }

    fn preflight(origin: &str) -> Response<Body> {
        let request = Request::options("/api/v1/chats")
            .header(ORIGIN, origin)
            .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .body(empty())
            .expect("a request");
        cors().preflight(&request).expect("a preflight")
    }

    #[test]
    fn only_the_frontends_preflight_gets_permission() {
        assert!(
            preflight("https://app.example.com")
                .headers()
                .contains_key(ACCESS_CONTROL_ALLOW_METHODS)
        );
        for other in ["https://evil.example.com", "https://app.example.com.evil.com", "null"] {
            assert!(
                !preflight(other).headers().contains_key(ACCESS_CONTROL_ALLOW_METHODS),
                "{other}"
            );
        }
    }

    #[test]
    fn an_answer_names_the_origin_itself_never_a_star() {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static("https://app.example.com"));
        let origin = cors().allowed(&headers);
        let mut answer = HeaderMap::new();
        cors().permit(origin, &mut answer);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(answer[VARY], "Origin");
    }

    #[test]
    fn a_page_reads_whether_an_answer_was_replayed() {
        let mut answer = HeaderMap::new();
        let origin = HeaderValue::from_static("https://app.example.com");
        cors().permit(Some(origin), &mut answer);
        let exposed = answer[ACCESS_CONTROL_EXPOSE_HEADERS].to_str().expect("text");
        assert!(
            exposed.split(", ").any(|name| name == "Idempotency-Replayed"),
            "{exposed}"
        );
    }
}
