//! The `Spin-*` headers, which describe a request to its component.

use std::net::SocketAddr;

use http::header::{CONNECTION, HOST};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};

use crate::outbound::config::internal_target;

pub const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
pub const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
pub const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
pub const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
pub const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
pub const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
pub const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");
const SPIN_HEADERS: [HeaderName; 7] = [
    PATH_INFO,
    FULL_URL,
    MATCHED_ROUTE,
    BASE_PATH,
    RAW_COMPONENT_ROUTE,
    COMPONENT_ROUTE,
    CLIENT_ADDR,
];
const PATH_MATCH_PREFIX: &str = "spin-path-match-";

/// A route's part of the headers.
#[derive(Clone, Debug)]
pub struct RouteValues {
    pub matched: HeaderValue,
    pub raw: HeaderValue,
    pub prefix: HeaderValue,
}

/// The values for a call from one component to another: the callee answers every path.
pub static CHAINED: RouteValues = RouteValues {
    matched: HeaderValue::from_static("/..."),
    raw: HeaderValue::from_static("/..."),
    prefix: HeaderValue::from_static(""),
};

/// How a request matched its component's route.
pub struct Matched<'a> {
    pub route: &'a RouteValues,
    pub trailing: &'a str,
    pub names: &'a [(&'a str, &'a str)],
}

/// Sets the headers, and removes values that the client sent under these names: a component would trust them.
pub fn set_spin_headers<B>(request: &mut Request<B>, matched: &Matched<'_>, client: SocketAddr) {
    let url = full_url(request);
    strip_spin_headers(request.headers_mut());
    let headers = request.headers_mut();
    headers.reserve(7 + matched.names.len());
    headers.insert(MATCHED_ROUTE, matched.route.matched.clone());
    headers.insert(RAW_COMPONENT_ROUTE, matched.route.raw.clone());
    headers.insert(COMPONENT_ROUTE, matched.route.prefix.clone());
    headers.insert(BASE_PATH, HeaderValue::from_static("/"));
    set(headers, PATH_INFO, matched.trailing.to_owned());
    set(headers, FULL_URL, url);
    set(headers, CLIENT_ADDR, client.to_string());
    for (name, value) in matched.names {
        let name = format!("{PATH_MATCH_PREFIX}{}", name.to_ascii_lowercase());
        if let Ok(name) = HeaderName::try_from(name) {
            set(headers, name, (*value).to_owned());
        }
    }
}

/// Removes the headers that the client sent under these names.
pub fn strip_spin_headers(headers: &mut HeaderMap) {
    let forged: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("spin-"))
        .filter(|name| SPIN_HEADERS.contains(name) || name.as_str().starts_with(PATH_MATCH_PREFIX))
        .cloned()
        .collect();
    for name in forged {
        headers.remove(name);
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: String) {
    match HeaderValue::try_from(value) {
        Ok(value) => headers.insert(name, value),
        Err(_) => headers.remove(name),
    };
}

fn full_url<B>(request: &Request<B>) -> String {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let scheme = request.uri().scheme_str().unwrap_or("http");
    let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    format!("{scheme}://{host}{path}")
}

/// Removes hop-by-hop headers, and a `Host` that names a component.
pub fn strip_hop(headers: &mut HeaderMap) {
    let inside = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| internal_target(host.split(':').next().unwrap_or(host)).is_some());
    if inside {
        headers.remove(HOST);
    }
    headers.remove(CONNECTION);
}

/// Makes the URI absolute. Components expect that.
pub fn complete_uri<B>(request: &mut Request<B>) {
    if request.uri().scheme().is_some() && request.uri().authority().is_some() {
        return;
    }
    let authority = request
        .headers()
        .get(HOST)
        .and_then(|host| Authority::try_from(host.as_bytes()).ok())
        .unwrap_or_else(|| Authority::from_static("localhost"));
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority.get_or_insert(authority);
    parts
        .path_and_query
        .get_or_insert_with(|| PathAndQuery::from_static("/"));
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}
