//! Files in a folder as answers.

use std::fs;
use std::path::{Path, PathBuf};

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri};
use nexus_kit::{ApiError, Code};
use nexus_protocol::edge::{SECURITY_HEADERS, is_request_id};
use nexus_protocol::headers::CLIENT;

use crate::encoding::Encoding;
use crate::page::NOT_BUILT;

/// Scripts, styles and data from here alone, nothing inline. Strings become markup or a worker's address only through
/// the two named policies: Svelte's own for its compiled templates, and ours for the worker that reads PDFs.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
                      connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types svelte-trusted-html nexus-worker";
/// The build puts a hash of the content into the names of the files there.
const HASHED: &str = "assets/";
const INDEX: &str = "index.html";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub type Given = Response<Vec<u8>>;

/// What a request says that matters here.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub is_navigation: bool,
    pub accepted: String,
    pub known: String,
    pub request_id: String,
    pub is_behind_edge: bool,
}

impl Asked {
    pub fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        // The edge's word, `rid=…` among others. It is only shown again, so its signature needs no key here.
        let told = text(CLIENT)
            .split([',', ';'])
            .find_map(|part| part.trim().strip_prefix("rid="));
        let request_id = told.unwrap_or_else(|| text(REQUEST_ID));
        Self {
            method: method.clone(),
            path: uri.path().to_owned(),
            is_navigation: text(ACCEPT).contains("text/html"),
            accepted: text(ACCEPT_ENCODING).to_owned(),
            known: text(IF_NONE_MATCH).to_owned(),
            request_id: Some(request_id)
                .filter(|id| is_request_id(id))
                .unwrap_or_default()
                .to_owned(),
            is_behind_edge: headers.contains_key(CLIENT),
        }
    }
}

/// A folder that holds a build of `web/`, or nothing yet.
pub struct Site {
    root: PathBuf,
}

impl Site {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub fn answer(&self, asked: &Asked) -> Given {
        let is_read = matches!(asked.method, Method::GET | Method::HEAD);
        let name = file_name(&asked.path).filter(|name| self.root.join(name).is_file());
        let mut given = match (name, is_read) {
            (Some(name), true) => self.file(&name, asked),
            (Some(_), false) => not_allowed(asked),
            (None, true) if asked.is_navigation => self.page(asked),
            (None, _) => refusal(&ApiError::not_found(), asked),
        };
        if !asked.is_behind_edge {
            add_what_the_edge_adds(given.headers_mut(), asked);
        }
        if asked.method == Method::HEAD {
            given.body_mut().clear();
        }
        given
    }

    /// Every address of the console is the same page; its script reads the address.
    fn page(&self, asked: &Asked) -> Given {
        if self.root.join(INDEX).is_file() {
            return self.file(INDEX, asked);
        }
        let mut given = refusal(&ApiError::not_found(), asked);
        *given.body_mut() = NOT_BUILT.into();
        set(&mut given, CONTENT_TYPE, "text/html; charset=utf-8");
        given
    }

    fn file(&self, name: &str, asked: &Asked) -> Given {
        let variant = Encoding::ALL
            .into_iter()
            .filter(|encoding| encoding.is_taken_by(&asked.accepted))
            .find_map(|encoding| {
                let path = self.root.join(format!("{name}.{}", encoding.extension()));
                fs::read(path).ok().map(|bytes| (bytes, Some(encoding)))
            })
            .or_else(|| fs::read(self.root.join(name)).ok().map(|bytes| (bytes, None)));
        let Some((bytes, encoding)) = variant else {
            return refusal(&ApiError::not_found(), asked);
        };
        let tag = format!("\"{:016x}\"", fingerprint(&bytes));
        let is_known = asked
            .known
            .split(',')
            .any(|known| known.trim().trim_start_matches("W/") == tag);
        let mut given = Response::new(if is_known { Vec::new() } else { bytes });
        if is_known {
            *given.status_mut() = StatusCode::NOT_MODIFIED;
        }
        set(&mut given, CONTENT_TYPE, content_type(name));
        set(&mut given, CACHE_CONTROL, cache_control(name));
        set(&mut given, ETAG, &tag);
        set(&mut given, VARY, "Accept-Encoding");
        if let (Some(encoding), false) = (encoding, is_known) {
            set(&mut given, CONTENT_ENCODING, encoding.token());
        }
        if content_type(name).starts_with("text/html") || name.ends_with("js") {
            // A worker goes by the policy of its own script.
            set(&mut given, CONTENT_SECURITY_POLICY, POLICY);
        }
        given
    }
}

/// The name below the root. The build makes plain names only; whatever else is asked for is not there.
fn file_name(path: &str) -> Option<String> {
    let name = path.strip_prefix('/')?;
    let is_plain = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    let is_variant = Encoding::ALL.into_iter().any(|encoding| {
        Path::new(name)
            .extension()
            .is_some_and(|extension| extension == encoding.extension())
    });
    (!is_variant && name.split('/').all(is_plain)).then(|| name.to_owned())
}

fn content_type(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn cache_control(name: &str) -> &'static str {
    if name.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else if name == INDEX {
        // Names the hashed files, so it is asked for each time; mostly the answer is 304.
        "no-cache"
    } else {
        "public, max-age=3600"
    }
}

/// FNV-1a: to tell two builds apart, not to withstand anybody.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn not_allowed(asked: &Asked) -> Given {
    let detail = "This address does not take this method; `Allow` names those it takes.";
    let mut given = refusal(&ApiError::new(Code::MethodNotAllowed, detail), asked);
    set(&mut given, ALLOW, "GET, HEAD");
    given
}

fn refusal(error: &ApiError, asked: &Asked) -> Given {
    let mut given = Response::new(error.document(&asked.request_id));
    *given.status_mut() = error.code().status();
    set(&mut given, CONTENT_TYPE, "application/problem+json");
    given
}

fn add_what_the_edge_adds(headers: &mut HeaderMap, asked: &Asked) {
    for (name, value) in SECURITY_HEADERS {
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(HeaderValue::from_static(value));
    }
    if let (Ok(id), false) = (HeaderValue::from_str(&asked.request_id), asked.request_id.is_empty()) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Values are our own words or made of hexadecimal digits: none is refused.
fn set(given: &mut Given, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        given.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
