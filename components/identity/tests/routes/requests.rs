//! What holds for every request, whichever component answers: types of bodies, gates before them, headers after.

use http::{Method, Request, StatusCode};
use nexus_domain::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.org";

#[tokio::test]
async fn json_is_utf_8_and_says_that_it_is_json() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let body = json!({ "email": ANA, "password": PASSWORD }).to_string();
    for (kind, status) in [
        (Some("application/json"), StatusCode::OK),
        (Some("Application/JSON; Charset=\"UTF-8\""), StatusCode::OK),
        (
            Some("application/json; charset=utf-16"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            Some("application/json; charset=iso-8859-1"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (Some("application/json-seq"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("text/json"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some(""), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (None, StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let mut request = Request::post("/api/v1/auth/login");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let reply = app.send(request.body(body.clone().into()).unwrap()).await;
        assert_eq!(reply.status, status, "{kind:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_there_lacks_every_field() {
    let app = TestApp::new();
    let reply = app.call(Method::POST, "/auth/login", None, None).await;
    assert_eq!(
        (reply.status, reply.code()),
        (StatusCode::BAD_REQUEST, "VALIDATION_FAILED")
    );
    assert_eq!(reply.broken(), ["REQUIRED", "REQUIRED"]);
}

#[tokio::test]
async fn what_only_the_native_side_may_call_is_nowhere_whatever_the_method() {
    let app = TestApp::new();
    for method in [Method::GET, Method::POST, Method::DELETE] {
        let request = Request::builder().method(method.clone());
        let request = request.uri("/internal/identity/retention");
        let reply = app.send(request.body(Default::default()).unwrap()).await;
        assert_eq!(
            (reply.status, reply.code()),
            (StatusCode::NOT_FOUND, "NOT_FOUND"),
            "{method}"
        );
        assert!(!reply.headers.contains_key("allow"), "{method}");
    }
}

#[tokio::test]
async fn a_password_that_was_given_must_be_changed_before_anything_else_is_judged() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    app.sql("UPDATE users SET must_change_password = 1", &[]);
    let token = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    for (method, path) in [
        (Method::POST, "/auth/mfa/enroll"),
        (Method::POST, "/auth/mfa/activate"),
        (Method::POST, "/auth/mfa/disable"),
        (Method::GET, "/auth/mfa/passkeys"),
        (Method::POST, "/auth/mfa/passkeys/enroll"),
        (Method::POST, "/auth/mfa/passkeys/activate"),
        (Method::POST, "/auth/mfa/passkeys/challenge"),
        (
            Method::DELETE,
            "/auth/mfa/passkeys/0199aaaa-0000-7000-8000-000000000000",
        ),
        (Method::GET, "/auth/sessions"),
        (Method::POST, "/auth/logout-all"),
        (Method::POST, "/auth/change-email"),
        (Method::GET, "/auth/me/export"),
    ] {
        for body in [None, Some(json!({}))] {
            let reply = app.call(method.clone(), path, Some(&token), body).await;
            assert_eq!(
                (reply.status, reply.code()),
                (StatusCode::FORBIDDEN, "PASSWORD_CHANGE_REQUIRED"),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn browsers_may_list_the_domain_only_where_the_operator_says_so() {
    for (setting, expected) in [
        ("false", "max-age=31536000; includeSubDomains"),
        ("true", "max-age=31536000; includeSubDomains; preload"),
    ] {
        let app = TestApp::with(&[("hsts_preload", setting)]);
        let reply = app.call(Method::GET, "/auth/me", None, None).await;
        assert_eq!(reply.headers["strict-transport-security"], expected);
    }
}
