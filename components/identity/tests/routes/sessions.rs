use http::{Method, StatusCode};
use nexus_domain::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.org";

async fn sign_in_with(app: &TestApp, device: &str) -> (String, String) {
    let body = json!({ "email": ANA, "password": PASSWORD });
    let reply = app
        .call_with(Method::POST, "/auth/login", None, Some(body), &[("user-agent", device)])
        .await;
    (reply.text("/accessToken"), reply.text("/refreshToken"))
}

#[tokio::test]
async fn sessions_are_listed_with_their_device_and_the_own_one_is_marked() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let (phone, _) = sign_in_with(&app, "Phone/1").await;
    sign_in_with(&app, "Desktop/2").await;
    let list = app.get_as(&phone, "/auth/sessions").await;
    let items = list.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let own: Vec<_> = items.iter().filter(|item| item["current"] == true).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(own[0]["userAgent"], "Phone/1");
    for member in ["id", "createdAt", "lastUsedAt", "ip"] {
        assert!(own[0][member].is_string(), "{member}");
    }
}

#[tokio::test]
async fn a_session_is_ended_by_its_owner_and_by_nobody_else() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    app.active_user("bo@example.org", Role::Student);
    let (own, _) = sign_in_with(&app, "Phone/1").await;
    let (other, other_refresh) = sign_in_with(&app, "Desktop/2").await;
    let list = app.get_as(&other, "/auth/sessions").await;
    let id = list.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["current"] == true)
        .unwrap()["id"]
        .clone();
    let path = format!("/auth/sessions/{}", id.as_str().unwrap());
    let bo = app.sign_in("bo@example.org", PASSWORD).await.text("/accessToken");
    assert_eq!(
        app.call(Method::DELETE, &path, Some(&bo), None).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        app.call(Method::DELETE, &path, Some(&own), None).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        app.call(Method::DELETE, &path, Some(&own), None).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(app.get_as(&other, "/auth/me").await.status, StatusCode::UNAUTHORIZED);
    let refreshed = app
        .post("/auth/refresh", json!({ "refreshToken": other_refresh }))
        .await;
    assert_eq!(refreshed.code(), "INVALID_TOKEN");
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let (access, refresh) = sign_in_with(&app, "a").await;
    let done = app.call(Method::POST, "/auth/logout", Some(&access), None).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get_as(&access, "/auth/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        app.post("/auth/refresh", json!({ "refreshToken": refresh }))
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    let (access, refresh) = sign_in_with(&app, "b").await;
    let by_refresh = app.post("/auth/logout", json!({ "refreshToken": refresh })).await;
    assert_eq!(by_refresh.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get_as(&access, "/auth/me").await.status, StatusCode::UNAUTHORIZED);
    let none = app.call(Method::POST, "/auth/logout", None, None).await;
    assert_eq!(
        (none.status, none.code()),
        (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED")
    );
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let (one, _) = sign_in_with(&app, "a").await;
    let (other, _) = sign_in_with(&app, "b").await;
    assert_eq!(
        app.call(Method::POST, "/auth/logout-all", Some(&one), None)
            .await
            .status,
        StatusCode::NO_CONTENT
    );
    for token in [one, other] {
        assert_eq!(app.get_as(&token, "/auth/me").await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn each_sign_in_is_a_session_of_its_own() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let one = sign_in_with(&app, "a").await;
    let other = sign_in_with(&app, "a").await;
    assert_ne!(one, other);
    assert_eq!(app.number("SELECT count(*) FROM sessions WHERE ended_at IS NULL"), 2);
}
