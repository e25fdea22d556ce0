use http::{Method, StatusCode};
use nexus_domain::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.org";

async fn token(app: &TestApp) -> String {
    app.active_user(ANA, Role::Student);
    app.sign_in(ANA, PASSWORD).await.text("/accessToken")
}

#[tokio::test]
async fn oneself_is_shown_with_an_etag() {
    let app = TestApp::new();
    let token = token(&app).await;
    let me = app.get_as(&token, "/auth/me").await;
    assert_eq!(me.headers["cache-control"], "no-store");
    let tag = me.headers["etag"].to_str().unwrap().to_owned();
    let again = app
        .call_with(Method::GET, "/auth/me", Some(&token), None, &[("if-none-match", &tag)])
        .await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn name_and_language_can_be_changed_and_an_empty_change_is_fine() {
    let app = TestApp::new();
    let token = token(&app).await;
    let patch = |body| app.call(Method::PATCH, "/auth/me", Some(&token), Some(body));
    let changed = patch(json!({ "name": " Ana K. ", "locale": "fr", "discoverable": false })).await;
    assert_eq!(
        (changed.text("/user/name"), changed.text("/user/locale")),
        ("Ana K.".into(), "fr".into())
    );
    let unchanged = patch(json!({})).await;
    assert_eq!(unchanged.status, StatusCode::OK);
    assert_eq!(unchanged.headers["etag"], changed.headers["etag"]);
    // Nothing at all is as empty as `{}`.
    let nothing = app.call(Method::PATCH, "/auth/me", Some(&token), None).await;
    assert_eq!(nothing.status, StatusCode::OK);
    assert_eq!(nothing.headers["etag"], changed.headers["etag"]);
    for body in [
        json!({ "name": null }),
        json!({ "locale": null }),
        json!({ "role": "ADMIN" }),
        json!({ "name": "" }),
        json!({ "locale": "tlh" }),
        json!({ "name": 7 }),
    ] {
        assert_eq!(patch(body).await.code(), "VALIDATION_FAILED");
    }
}

#[tokio::test]
async fn a_change_of_an_older_version_is_refused() {
    let app = TestApp::new();
    let token = token(&app).await;
    let tag = app.get_as(&token, "/auth/me").await.headers["etag"]
        .to_str()
        .unwrap()
        .to_owned();
    let patch = |name: &str| {
        let body = json!({ "name": name });
        let (app, token, tag) = (&app, token.clone(), tag.clone());
        async move {
            app.call_with(
                Method::PATCH,
                "/auth/me",
                Some(&token),
                Some(body),
                &[("if-match", &tag)],
            )
            .await
        }
    };
    assert_eq!(patch("First").await.status, StatusCode::OK);
    assert_eq!(patch("Second").await.code(), "PRECONDITION_FAILED");
}

#[tokio::test]
async fn without_or_with_a_bad_token_there_is_nobody() {
    let app = TestApp::new();
    let none = app.call(Method::GET, "/auth/me", None, None).await;
    assert_eq!(
        (none.status, none.code()),
        (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED")
    );
    assert_eq!(none.headers["www-authenticate"], "Bearer");
    assert_eq!(app.get_as("x.y.z", "/auth/me").await.code(), "INVALID_TOKEN");
    let wrong = app.call(Method::PUT, "/auth/me", None, None).await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(wrong.headers.contains_key("allow"));
}

#[tokio::test]
async fn a_sign_in_elsewhere_changes_the_version_and_the_new_one_can_be_changed() {
    let app = TestApp::new();
    let token = token(&app).await;
    let tag = async || {
        app.get_as(&token, "/auth/me").await.headers["etag"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let before = tag().await;
    app.sql("UPDATE users SET last_login_at = last_login_at + 60000", &[]);
    let after = tag().await;
    assert_ne!(before, after, "`lastLoginAt` is another");
    let stale = app
        .call_with(
            Method::GET,
            "/auth/me",
            Some(&token),
            None,
            &[("if-none-match", &before)],
        )
        .await;
    assert_eq!(stale.status, StatusCode::OK);
    let body = json!({ "name": "First" });
    let changed = app
        .call_with(
            Method::PATCH,
            "/auth/me",
            Some(&token),
            Some(body),
            &[("if-match", &after)],
        )
        .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
    assert_eq!(changed.headers["etag"].to_str().unwrap(), tag().await);
}
