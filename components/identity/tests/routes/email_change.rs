use http::StatusCode;
use nexus_domain::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

const ANA: &str = "ana@example.org";
const NEW: &str = "ana.kos@example.net";

async fn signed_in(app: &TestApp) -> String {
    app.active_user(ANA, Role::Student);
    app.sign_in(ANA, PASSWORD).await.text("/accessToken")
}

#[tokio::test]
async fn a_new_address_takes_effect_once_it_is_proven_and_the_old_one_is_told() {
    let app = TestApp::new();
    let token = signed_in(&app).await;
    let body = json!({ "newEmail": NEW, "password": PASSWORD });
    assert_eq!(
        app.post_as(&token, "/auth/change-email", body).await.status,
        StatusCode::ACCEPTED
    );
    assert_eq!(app.get_as(&token, "/auth/me").await.text("/user/email"), ANA);
    let confirmed = app
        .post_as(&token, "/auth/change-email/confirm", json!({ "otp": app.otp(NEW) }))
        .await;
    assert_eq!(confirmed.text("/user/email"), NEW);
    assert_eq!(app.mails(ANA).last().unwrap().0, "email-changed");
    assert_eq!(app.sign_in(ANA, PASSWORD).await.code(), "INVALID_CREDENTIALS");
    assert_eq!(app.sign_in(NEW, PASSWORD).await.body["user"]["emailVerified"], true);
}

#[tokio::test]
async fn it_needs_the_password_and_the_right_code() {
    let app = TestApp::new();
    let token = signed_in(&app).await;
    let wrong = json!({ "newEmail": NEW, "password": "Wrong-River-42" });
    assert_eq!(
        app.post_as(&token, "/auth/change-email", wrong).await.code(),
        "WRONG_PASSWORD"
    );
    assert_eq!(
        app.post_as(&token, "/auth/change-email/confirm", json!({ "otp": "000000" }))
            .await
            .code(),
        "INVALID_OTP"
    );
    assert!(app.mails(NEW).is_empty());
}

#[tokio::test]
async fn an_address_that_was_taken_in_the_meantime_stays_its_owners() {
    let app = TestApp::new();
    let token = signed_in(&app).await;
    let body = json!({ "newEmail": NEW, "password": PASSWORD });
    app.post_as(&token, "/auth/change-email", body.clone()).await;
    app.active_user(NEW, Role::Student);
    let late = app
        .post_as(&token, "/auth/change-email/confirm", json!({ "otp": app.otp(NEW) }))
        .await;
    assert_eq!((late.status, late.code()), (StatusCode::CONFLICT, "EMAIL_TAKEN"));
    assert_eq!(
        app.post_as(&token, "/auth/change-email", body).await.code(),
        "EMAIL_TAKEN"
    );
}

#[tokio::test]
async fn with_hidden_disclosure_a_taken_address_is_answered_like_a_free_one() {
    let app = TestApp::with(&[("registration_disclosure", "hidden")]);
    let token = signed_in(&app).await;
    app.active_user("bo@example.org", Role::Student);
    let body = json!({ "newEmail": "bo@example.org", "password": PASSWORD });
    assert_eq!(
        app.post_as(&token, "/auth/change-email", body).await.status,
        StatusCode::ACCEPTED
    );
    assert!(app.mails("bo@example.org").is_empty());
}

#[tokio::test]
async fn a_reset_link_in_the_old_mailbox_is_of_no_use_after_the_change() {
    let app = TestApp::new();
    let token = signed_in(&app).await;
    app.post("/auth/forgot-password", json!({ "email": ANA })).await;
    let link = app.link_token(ANA, "password-reset");
    let body = json!({ "newEmail": NEW, "password": PASSWORD });
    app.post_as(&token, "/auth/change-email", body).await;
    app.post_as(&token, "/auth/change-email/confirm", json!({ "otp": app.otp(NEW) }))
        .await;
    let reset = json!({ "token": link, "newPassword": "Other-River-43" });
    assert_eq!(app.post("/auth/reset-password", reset).await.code(), "INVALID_TOKEN");
}
