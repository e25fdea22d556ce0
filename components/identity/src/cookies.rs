//! Browser sessions: the refresh token in a cookie that scripts can't read, and what keeps other sites from using it.

use axum::extract::FromRequestParts;
use http::header::{COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue};
use nexus_domain::ids::SessionId;
use nexus_domain::refresh_token::{RefreshKeys, same_text};
use nexus_domain::settings;
use nexus_kit::{ApiError, App, Code};

const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A request's headers, `Host` among them. Spin tells the host in the URI only, as HTTP/2 does.
pub struct RequestHeaders(pub HeaderMap);

impl<S: Send + Sync> FromRequestParts<S> for RequestHeaders {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self::of(parts))
    }
}

impl RequestHeaders {
    pub fn of(parts: &Parts) -> Self {
        let mut headers = parts.headers.clone();
        let authority = parts
            .uri
            .authority()
            .and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        if let (Some(authority), false) = (authority, headers.contains_key(HOST)) {
            headers.insert(HOST, authority);
        }
        if parts.uri.scheme() == Some(&Scheme::HTTPS) {
            headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
        }
        Self(headers)
    }
}

/// The names of the cookies: with the prefix that binds them to this host and to HTTPS, or without it over plain
/// HTTP on a loopback address, where browsers would refuse it.
struct Names {
    refresh: &'static str,
    csrf: &'static str,
    attributes: &'static str,
}

const SECURE: Names = Names {
    refresh: "__Host-nexus_refresh",
    csrf: "__Host-nexus_csrf",
    attributes: "; Secure; SameSite=Strict; Path=/",
};

const LOOPBACK: Names = Names {
    refresh: "nexus_refresh",
    csrf: "nexus_csrf",
    attributes: "; SameSite=Strict; Path=/",
};

fn names(request: &HeaderMap) -> &'static Names {
    let is_https = text(request, &FORWARDED_PROTO).is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    let is_loopback = text(request, &HOST).is_some_and(is_loopback_host);
    if is_loopback && !is_https { &LOOPBACK } else { &SECURE }
}

fn is_loopback_host(authority: &str) -> bool {
    let host = settings::host_of(authority);
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The refresh token that the browser keeps.
pub fn refresh_token(request: &HeaderMap) -> Option<&str> {
    value(request, names(request).refresh)
}

fn value<'a>(request: &'a HeaderMap, name: &str) -> Option<&'a str> {
    request
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(given, _)| *given == name)
        .map(|(_, value)| value)
}

/// The two `Set-Cookie` headers of a browser session.
pub fn set(request: &HeaderMap, refresh: &str, csrf: &str, seconds: i64) -> Result<Vec<HeaderValue>, ApiError> {
    let names = names(request);
    [
        format!(
            "{}={refresh}; HttpOnly; Max-Age={seconds}{}",
            names.refresh, names.attributes
        ),
        format!("{}={csrf}; Max-Age={seconds}{}", names.csrf, names.attributes),
    ]
    .iter()
    .map(|cookie| HeaderValue::from_str(cookie).map_err(|error| ApiError::internal(error.to_string())))
    .collect()
}

/// The `Set-Cookie` headers that make a browser forget its session.
pub fn forget(request: &HeaderMap) -> Result<Vec<HeaderValue>, ApiError> {
    set(request, "", "", 0)
}

/// 403 unless the request comes from a page of ours: its `Origin` is on the list (or this very host), and it shows
/// the value of the readable cookie, which is tied to the session.
pub fn check_csrf(app: &App, request: &HeaderMap, keys: &RefreshKeys, session: SessionId) -> Result<(), ApiError> {
    if !origin_allowed(app, request)? {
        return Err(refused("The request has no `Origin` that is on the list."));
    }
    let given = text(request, &CSRF_HEADER).unwrap_or_default();
    let cookie = value(request, names(request).csrf).unwrap_or_default();
    if !same_text(given, cookie) || !keys.is_csrf_token(session, given) {
        return Err(refused("`X-CSRF-Token` is not the value of the CSRF cookie."));
    }
    Ok(())
}

/// For a sign-in that would leave cookies: no page of another site may sign somebody in.
pub fn check_origin_if_given(app: &App, request: &HeaderMap) -> Result<(), ApiError> {
    if request.contains_key(ORIGIN) && !origin_allowed(app, request)? {
        return Err(refused("The request has an `Origin` that is not on the list."));
    }
    Ok(())
}

fn origin_allowed(app: &App, request: &HeaderMap) -> Result<bool, ApiError> {
    let Some(origin) = text(request, &ORIGIN) else {
        return Ok(false);
    };
    let listed = app.config().get(&settings::FRONTEND_URL)?;
    if listed
        .iter()
        .any(|allowed| allowed.as_str().eq_ignore_ascii_case(origin))
    {
        return Ok(true);
    }
    // The console is served from here. A browser sets both headers itself, so another site can't make them agree.
    Ok(own_origin(request).is_some_and(|own| own.eq_ignore_ascii_case(origin)))
}

/// The origin of pages that are served from here: over plain HTTP on a loopback address only, as the cookies are.
pub fn own_origin(request: &HeaderMap) -> Option<String> {
    let host = text(request, &HOST)?;
    let scheme = if names(request).refresh == LOOPBACK.refresh {
        "http"
    } else {
        "https"
    };
    Some(format!("{scheme}://{host}"))
}

fn refused(detail: &str) -> ApiError {
    ApiError::new(Code::CsrfFailed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_on_loopback_drops_prefix_and_secure_and_nothing_else_does() {
        let names_for = |host: &str, proto: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            if let Some(proto) = proto {
                headers.insert(FORWARDED_PROTO, proto.parse().unwrap());
            }
            names(&headers).refresh
        };
        for host in ["localhost:3000", "127.0.0.1", "127.4.5.6:80", "[::1]:3000"] {
            assert_eq!(names_for(host, None), LOOPBACK.refresh, "{host}");
            assert_eq!(names_for(host, Some("https")), SECURE.refresh, "{host}");
        }
        for host in [
            "example.org",
            "localhost.example.org",
            "10.0.0.1",
            "[2001:db8::1]:80",
            "",
        ] {
            assert_eq!(names_for(host, None), SECURE.refresh, "{host}");
        }
    }

    #[test]
    fn the_host_is_the_one_of_the_uri_where_there_is_no_header() {
        let headers = |uri: &str| RequestHeaders::of(&http::Request::get(uri).body(()).unwrap().into_parts().0).0;
        assert_eq!(names(&headers("http://127.0.0.1:3000/x")).refresh, LOOPBACK.refresh);
        assert_eq!(names(&headers("https://127.0.0.1:3000/x")).refresh, SECURE.refresh);
        assert_eq!(names(&headers("http://example.org/x")).refresh, SECURE.refresh);
        assert_eq!(names(&headers("/x")).refresh, SECURE.refresh);
    }

    #[test]
    fn a_page_on_this_host_is_ours_only_over_the_scheme_that_the_cookies_are_for() {
        let own = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            own_origin(&headers).unwrap()
        };
        assert_eq!(own("127.0.0.1:3000"), "http://127.0.0.1:3000");
        assert_eq!(own("app.example.org"), "https://app.example.org");
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(
            COOKIE,
            "xnexus_refresh=bad; nexus_refresh=good; other=1".parse().unwrap(),
        );
        assert_eq!(value(&headers, "nexus_refresh"), Some("good"));
        assert_eq!(value(&headers, "refresh"), None);
    }
}
