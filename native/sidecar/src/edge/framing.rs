//! What a request's head must say before anybody looks at what it asks for.

use http::header::{CONTENT_ENCODING, HOST};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Version};

use super::problem::EdgeProblem;
use crate::backend::Body;

/// Refuses a request that doesn't name one host (RFC 9112 §3.2), or whose body is compressed: nobody here unpacks it.
pub fn check(request: &Request<Body>) -> Result<(), EdgeProblem> {
    check_host(request)?;
    match is_encoded(request.headers()) {
        true => Err(EdgeProblem::UnsupportedEncoding),
        false => Ok(()),
    }
}

fn check_host(request: &Request<Body>) -> Result<(), EdgeProblem> {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        // HTTP/1.0 needs none, and HTTP/2 says `:authority`.
        (None, _) if request.version() == Version::HTTP_11 => Err(EdgeProblem::BadHost),
        (Some(_), Some(_)) => Err(EdgeProblem::BadHost),
        (Some(host), None) if !is_host(host) => Err(EdgeProblem::BadHost),
        _ => Ok(()),
    }
}

/// A name or an address, perhaps with a port. It may be empty, where the client has no name for us.
fn is_host(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.is_empty() || Authority::try_from(bytes).is_ok() && !bytes.contains(&b'@')
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        let codings = value.as_bytes().split(|byte| *byte == b',');
        codings
            .map(<[u8]>::trim_ascii)
            .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    })
}

/// Where the target names the host, it is that one, whatever the header says (RFC 9112 §3.2.2, RFC 9113 §8.3.1).
pub fn set_host(request: &mut Request<Body>) {
    let Some(authority) = request.uri().authority() else {
        return;
    };
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    if let Ok(host) = HeaderValue::from_str(host) {
        request.headers_mut().insert(HOST, host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::empty;

    fn request(version: Version, headers: &[(&'static str, &'static str)]) -> Request<Body> {
        let mut request = Request::builder().version(version).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(empty()).expect("a request")
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        for (version, headers, is_good) in [
            (Version::HTTP_11, &[("host", "a.example:80")][..], true),
            (Version::HTTP_11, &[("host", "[::1]:3000")], true),
            (Version::HTTP_11, &[("host", "")], true),
            (Version::HTTP_11, &[], false),
            (Version::HTTP_11, &[("host", "a.example"), ("host", "a.example")], false),
            (Version::HTTP_11, &[("host", "a.example, b.example")], false),
            (Version::HTTP_11, &[("host", "a.example/path")], false),
            (Version::HTTP_11, &[("host", "somebody@a.example")], false),
            (Version::HTTP_10, &[], true),
            (Version::HTTP_2, &[], true),
            (Version::HTTP_2, &[("host", "a.example"), ("host", "b.example")], false),
        ] {
            let found = check(&request(version, headers));
            assert_eq!(found.is_ok(), is_good, "{version:?} {headers:?}");
        }
    }

    #[test]
    fn a_compressed_body_is_refused_and_one_that_is_said_to_be_plain_is_not() {
        for (coding, is_good) in [
            ("gzip", false),
            ("identity, br", false),
            ("deflate", false),
            ("zstd", false),
            ("nonsense", false),
            ("identity", true),
            ("Identity", true),
            ("", true),
        ] {
            let request = request(Version::HTTP_11, &[("host", "a.example"), ("content-encoding", coding)]);
            assert_eq!(check(&request).is_ok(), is_good, "{coding}");
        }
    }

    #[test]
    fn the_target_s_host_counts_more_than_the_header_s() {
        let mut absolute = request(Version::HTTP_11, &[("host", "b.example")]);
        *absolute.uri_mut() = "http://me:secret@a.example:81/x".parse().expect("a URI");
        set_host(&mut absolute);
        assert_eq!(absolute.headers()[HOST], "a.example:81");
        let mut origin = request(Version::HTTP_11, &[("host", "b.example")]);
        set_host(&mut origin);
        assert_eq!(origin.headers()[HOST], "b.example");
    }
}
