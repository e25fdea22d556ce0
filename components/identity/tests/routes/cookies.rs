use http::{Method, StatusCode};
use nexus_domain::Role;
use serde_json::json;

use crate::support::{PASSWORD, Reply, TestApp};

const ANA: &str = "ana@example.org";
const ORIGIN: &str = "http://localhost:3000";

async fn signed_in(app: &TestApp, host: &str) -> Reply {
    app.active_user(ANA, Role::Student);
    let body = json!({ "email": ANA, "password": PASSWORD });
    app.call_with(
        Method::POST,
        "/auth/login?session=cookie",
        None,
        Some(body),
        &[("host", host)],
    )
    .await
}

/// What a browser sends back: the cookies, and the value of the readable one.
fn jar(reply: &Reply) -> (String, String) {
    let pairs: Vec<String> = reply
        .cookies()
        .iter()
        .map(|cookie| cookie.split(';').next().unwrap().to_owned())
        .collect();
    let csrf = pairs
        .iter()
        .find(|pair| pair.contains("csrf"))
        .unwrap()
        .split_once('=')
        .unwrap()
        .1
        .to_owned();
    (pairs.join("; "), csrf)
}

async fn refresh(app: &TestApp, headers: &[(&str, &str)]) -> Reply {
    app.call_with(Method::POST, "/auth/refresh", None, None, headers).await
}

#[tokio::test]
async fn a_browser_session_keeps_the_refresh_token_in_a_cookie_out_of_reach_of_scripts() {
    let app = TestApp::new();
    let reply = signed_in(&app, "app.example.org").await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.body.get("refreshToken").is_none());
    let cookies = reply.cookies();
    assert_eq!(cookies.len(), 2);
    assert!(cookies[0].starts_with("__Host-nexus_refresh="));
    for attribute in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookies[0].contains(attribute), "{attribute}: {}", cookies[0]);
    }
    assert!(cookies[1].starts_with("__Host-nexus_csrf="));
    assert!(!cookies[1].contains("HttpOnly") && cookies[1].contains("Secure"));
}

#[tokio::test]
async fn on_loopback_over_plain_http_prefix_and_secure_are_dropped() {
    let app = TestApp::new();
    let cookies = signed_in(&app, "127.0.0.1:3000").await.cookies();
    assert!(
        cookies[0].starts_with("nexus_refresh=") && !cookies[0].contains("Secure"),
        "{}",
        cookies[0]
    );
    assert!(cookies[1].starts_with("nexus_csrf=") && !cookies[1].contains("Secure"));
}

#[tokio::test]
async fn refreshing_by_cookie_needs_the_csrf_token_and_an_origin_on_the_list() {
    let app = TestApp::new();
    let (cookies, csrf) = jar(&signed_in(&app, "app.example.org").await);
    let all = [
        ("host", "app.example.org"),
        ("cookie", &cookies),
        ("x-csrf-token", &csrf),
        ("origin", ORIGIN),
    ];
    for missing in ["x-csrf-token", "origin"] {
        let some: Vec<_> = all.iter().copied().filter(|(name, _)| *name != missing).collect();
        let refused = refresh(&app, &some).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::FORBIDDEN, "CSRF_FAILED"),
            "{missing}"
        );
    }
    for (name, value) in [
        ("x-csrf-token", "AAAA"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        let changed: Vec<_> = all
            .iter()
            .map(|(given, text)| (*given, if *given == name { value } else { text }))
            .collect();
        assert_eq!(refresh(&app, &changed).await.code(), "CSRF_FAILED", "{name}: {value}");
    }
    let refreshed = refresh(&app, &all).await;
    assert_eq!(refreshed.status, StatusCode::OK, "{}", refreshed.body);
    assert!(refreshed.body.get("refreshToken").is_none());
    assert_eq!(refreshed.cookies().len(), 2);
    let (cookies, csrf) = jar(&refreshed);
    let again = [
        ("host", "app.example.org"),
        ("cookie", &cookies),
        ("x-csrf-token", &csrf),
        ("origin", "https://app.example.org"),
    ];
    assert_eq!(refresh(&app, &again).await.status, StatusCode::OK, "same origin");
}

#[tokio::test]
async fn a_csrf_token_of_another_session_does_not_do() {
    let app = TestApp::new();
    let (cookies, _) = jar(&signed_in(&app, "app.example.org").await);
    let body = json!({ "email": ANA, "password": PASSWORD });
    let other = app
        .call_with(
            Method::POST,
            "/auth/login?session=cookie",
            None,
            Some(body),
            &[("host", "app.example.org")],
        )
        .await;
    let (_, planted) = jar(&other);
    let refresh_cookie = cookies.split("; ").next().unwrap();
    let cookies = format!("{refresh_cookie}; __Host-nexus_csrf={planted}");
    let headers = [
        ("host", "app.example.org"),
        ("cookie", cookies.as_str()),
        ("x-csrf-token", &planted),
        ("origin", ORIGIN),
    ];
    assert_eq!(refresh(&app, &headers).await.code(), "CSRF_FAILED");
}

#[tokio::test]
async fn signing_out_by_cookie_needs_the_same_and_makes_the_browser_forget() {
    let app = TestApp::new();
    let reply = signed_in(&app, "app.example.org").await;
    let (cookies, csrf) = jar(&reply);
    let headers = [
        ("host", "app.example.org"),
        ("cookie", cookies.as_str()),
        ("origin", ORIGIN),
    ];
    let refused = app.call_with(Method::POST, "/auth/logout", None, None, &headers).await;
    assert_eq!(refused.code(), "CSRF_FAILED");
    let headers = [headers[0], headers[1], headers[2], ("x-csrf-token", csrf.as_str())];
    let done = app.call_with(Method::POST, "/auth/logout", None, None, &headers).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    assert!(
        done.cookies()
            .iter()
            .all(|cookie| cookie.contains("=; ") && cookie.contains("Max-Age=0")),
        "{:?}",
        done.cookies()
    );
    assert_eq!(
        app.get_as(&reply.text("/accessToken"), "/auth/me").await.code(),
        "INVALID_TOKEN"
    );
}

#[tokio::test]
async fn no_page_of_another_site_signs_a_browser_in() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let body = json!({ "email": ANA, "password": PASSWORD });
    let headers = [("host", "app.example.org"), ("origin", "https://evil.example")];
    let refused = app
        .call_with(Method::POST, "/auth/login?session=cookie", None, Some(body), &headers)
        .await;
    assert_eq!((refused.code(), refused.cookies().len()), ("CSRF_FAILED", 0));
}
