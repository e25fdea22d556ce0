use super::*;

fn site() -> (tempfile::TempDir, Site) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    for (name, text) in [
        ("index.html", "<!doctype html>the page"),
        ("assets/app-1a2b.js", "the script"),
        ("assets/app-1a2b.js.br", "brotli"),
        ("assets/app-1a2b.js.gz", "gzip"),
        ("icon.svg", "<svg/>"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let site = Site::new(folder.path());
    (folder, site)
}

fn ask(path: &str, headers: &[(&'static str, &str)]) -> Asked {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(HeaderName::from_static(name), value.parse().unwrap());
    }
    Asked::of(&Method::GET, &path.parse().unwrap(), &map)
}

fn header<'a>(given: &'a Given, name: &str) -> &'a str {
    given.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

const NAVIGATION: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[test]
fn a_navigation_gets_the_page_whatever_the_address() {
    let (_folder, site) = site();
    for path in ["/", "/invoices/0190a8c2", "/documents?token=x", "/a.b/c"] {
        let given = site.answer(&ask(path, &[NAVIGATION]));
        assert_eq!(
            (given.status(), given.body().as_slice()),
            (StatusCode::OK, &b"<!doctype html>the page"[..]),
            "{path}"
        );
        assert_eq!(header(&given, "cache-control"), "no-cache");
        let policy = header(&given, "content-security-policy");
        assert!(
            policy.contains("script-src 'self'") && !policy.contains("unsafe"),
            "{policy}"
        );
    }
}

#[test]
fn anything_else_that_is_not_there_is_a_problem() {
    let (_folder, site) = site();
    for path in [
        "/nothing",
        "/assets/gone-9f.js",
        "/assets/..%2findex.html",
        "/.env",
        "/assets/app-1a2b.js.br",
    ] {
        let given = site.answer(&ask(path, &[("accept", "*/*"), ("x-request-id", "request-one")]));
        assert_eq!(given.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(&given, "content-type"), "application/problem+json");
        assert!(String::from_utf8_lossy(given.body()).contains("\"requestId\":\"request-one\""));
    }
}

#[test]
fn the_smallest_variant_that_is_taken_is_given() {
    let (_folder, site) = site();
    for (accepted, body, encoding) in [
        ("gzip, br", "brotli", "br"),
        ("gzip", "gzip", "gzip"),
        ("identity", "the script", ""),
    ] {
        let given = site.answer(&ask("/assets/app-1a2b.js", &[("accept-encoding", accepted)]));
        assert_eq!(given.body(), body.as_bytes());
        assert_eq!(header(&given, "content-encoding"), encoding);
        assert_eq!(header(&given, "content-type"), "text/javascript; charset=utf-8");
        assert_eq!(header(&given, "vary"), "Accept-Encoding");
        assert!(header(&given, "cache-control").ends_with("immutable"));
    }
}

#[test]
fn a_known_tag_is_answered_with_304_and_no_body() {
    let (_folder, site) = site();
    let tag = header(&site.answer(&ask("/", &[NAVIGATION])), "etag").to_owned();
    let again = site.answer(&ask("/", &[NAVIGATION, ("if-none-match", &tag)]));
    assert_eq!((again.status(), again.body().len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(header(&again, "etag"), tag);
}

#[test]
fn files_are_only_read() {
    let (_folder, site) = site();
    let mut asked = ask("/icon.svg", &[]);
    asked.method = Method::POST;
    let given = site.answer(&asked);
    assert_eq!(
        (given.status(), header(&given, "allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
    asked.method = Method::HEAD;
    let given = site.answer(&asked);
    assert_eq!((given.status(), given.body().len()), (StatusCode::OK, 0));
}

#[test]
fn without_a_build_the_page_says_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let given = Site::new(folder.path()).answer(&ask("/", &[NAVIGATION]));
    assert_eq!(given.status(), StatusCode::NOT_FOUND);
    assert!(String::from_utf8_lossy(given.body()).contains("cargo xtask build"));
}

#[test]
fn without_an_edge_the_security_headers_are_our_own() {
    let (_folder, site) = site();
    let alone = site.answer(&ask("/", &[NAVIGATION]));
    assert_eq!(header(&alone, "x-content-type-options"), "nosniff");
    let behind = site.answer(&ask(
        "/",
        &[NAVIGATION, ("x-nexus-client", "t=1,addr=::1,rid=request-one,v1=00")],
    ));
    assert_eq!(header(&behind, "x-content-type-options"), "");
}
