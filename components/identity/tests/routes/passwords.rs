use http::StatusCode;
use nexus_domain::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.org";
const NEW: &str = "Other-River-43";

#[tokio::test]
async fn changing_the_password_ends_the_other_sessions() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let own = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    let other = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    let change = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    assert_eq!(
        app.post_as(&own, "/auth/change-password", change).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(app.get_as(&own, "/auth/me").await.status, StatusCode::OK);
    assert_eq!(app.get_as(&other, "/auth/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.sign_in(ANA, PASSWORD).await.code(), "INVALID_CREDENTIALS");
    assert_eq!(app.sign_in(ANA, NEW).await.status, StatusCode::OK);
    assert_eq!(
        app.number("SELECT count(*) FROM audit_log WHERE action = 'user.password_changed'"),
        1
    );
}

#[tokio::test]
async fn the_new_password_is_held_to_all_rules_and_differs_from_the_old() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let token = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    for (new, broken) in [
        (PASSWORD, vec!["SAME_AS_CURRENT"]),
        ("Password1!", vec!["COMMON"]),
        ("a", vec!["TOO_SHORT", "NO_UPPERCASE", "NO_DIGIT", "NO_SPECIAL"]),
    ] {
        let change = json!({ "currentPassword": PASSWORD, "newPassword": new });
        let reply = app.post_as(&token, "/auth/change-password", change).await;
        assert_eq!((reply.code(), reply.broken()), ("WEAK_PASSWORD", broken));
    }
}

#[tokio::test]
async fn guessing_the_current_password_is_throttled_too() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let token = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    let change = |current: &str| {
        let body = json!({ "currentPassword": current, "newPassword": NEW });
        let (app, token) = (&app, token.clone());
        async move { app.post_as(&token, "/auth/change-password", body).await }
    };
    for _ in 0..5 {
        assert_eq!(change("Wrong-River-42").await.code(), "WRONG_PASSWORD");
    }
    assert_eq!(change(PASSWORD).await.code(), "TOO_MANY_LOGIN_ATTEMPTS");
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_a_link_that_works_once_and_ends_all_sessions() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let session = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    let forgot = app
        .post("/auth/forgot-password", json!({ "email": "ANA@example.org" }))
        .await;
    assert_eq!(forgot.status, StatusCode::ACCEPTED);
    let token = app.link_token(ANA, "password-reset");
    let reset = |password: &str| {
        app.post(
            "/auth/reset-password",
            json!({ "token": token, "newPassword": password }),
        )
    };
    assert_eq!(
        reset("weak").await.code(),
        "WEAK_PASSWORD",
        "which doesn't use the link up"
    );
    assert_eq!(reset(NEW).await.status, StatusCode::NO_CONTENT);
    assert_eq!(reset("Third-River-44").await.code(), "INVALID_TOKEN");
    assert_eq!(app.get_as(&session, "/auth/me").await.status, StatusCode::UNAUTHORIZED);
    let again = app.sign_in(ANA, NEW).await;
    assert_eq!(again.body["user"]["emailVerified"], true, "the link proved the address");
}

#[tokio::test]
async fn a_link_is_good_for_half_an_hour() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    app.post("/auth/forgot-password", json!({ "email": ANA })).await;
    let token = app.link_token(ANA, "password-reset");
    assert_eq!(
        app.number("SELECT expires_at - created_at FROM password_resets"),
        30 * 60 * 1_000
    );
    app.sql("UPDATE password_resets SET expires_at = created_at", &[]);
    let late = app
        .post("/auth/reset-password", json!({ "token": token, "newPassword": NEW }))
        .await;
    assert_eq!((late.status, late.code()), (StatusCode::UNAUTHORIZED, "INVALID_TOKEN"));
}

#[tokio::test]
async fn a_reset_lets_in_who_was_locked_out_by_somebody_elses_guesses() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    for _ in 0..6 {
        app.sign_in(ANA, "Wrong-River-42").await;
    }
    app.post("/auth/forgot-password", json!({ "email": ANA })).await;
    let token = app.link_token(ANA, "password-reset");
    app.post("/auth/reset-password", json!({ "token": token, "newPassword": NEW }))
        .await;
    assert_eq!(app.sign_in(ANA, NEW).await.status, StatusCode::OK);
}

#[tokio::test]
async fn asking_for_a_link_is_answered_alike_for_every_address_and_costs_as_many_statements() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let mut seen = Vec::new();
    for email in [ANA, "nobody@example.org"] {
        app.database().take_usage();
        let before = app.number("SELECT count(*) FROM outbox") + app.number("SELECT count(*) FROM decoy_mails");
        let reply = app.post("/auth/forgot-password", json!({ "email": email })).await;
        let written =
            app.number("SELECT count(*) FROM outbox") + app.number("SELECT count(*) FROM decoy_mails") - before;
        seen.push((
            reply.status,
            reply.body.clone(),
            reply.headers.contains_key("x-nexus-nudge"),
        ));
        assert!(written >= 1);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(app.mails("nobody@example.org").is_empty());
}

#[tokio::test]
async fn an_address_gets_five_links_in_a_quarter_of_an_hour() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    for _ in 0..8 {
        assert_eq!(
            app.post("/auth/forgot-password", json!({ "email": ANA })).await.status,
            StatusCode::ACCEPTED
        );
    }
    assert_eq!(app.mails(ANA).len(), 5);
}

#[tokio::test]
async fn a_reset_leaves_the_second_factor_as_it_is() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    app.sql("UPDATE users SET mfa_enabled = 1", &[]);
    app.post("/auth/forgot-password", json!({ "email": ANA })).await;
    let token = app.link_token(ANA, "password-reset");
    let reset = json!({ "token": token, "newPassword": NEW });
    assert_eq!(
        app.post("/auth/reset-password", reset).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(app.sign_in(ANA, NEW).await.code(), "MFA_REQUIRED");
}

#[tokio::test]
async fn a_changed_password_makes_reset_links_useless() {
    let app = TestApp::new();
    app.active_user("ana@example.org", nexus_domain::Role::Student);
    let token = app.sign_in("ana@example.org", PASSWORD).await.text("/accessToken");
    app.post("/auth/forgot-password", json!({ "email": "ana@example.org" }))
        .await;
    let link = app.link_token("ana@example.org", "password-reset");
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "Other-River-43" });
    app.post_as(&token, "/auth/change-password", change).await;
    let reset = json!({ "token": link, "newPassword": "Third-River-44" });
    assert_eq!(app.post("/auth/reset-password", reset).await.code(), "INVALID_TOKEN");
}
