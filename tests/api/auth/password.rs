use nexus_tests::TestApp;
use serde_json::json;

use super::{PASSWORD, credentials, resident};

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_reset_by_the_mailed_link_once() {
    let app = TestApp::start().await;
    let account = resident(&app, "ana@example.org");
    let session = app.sign_in(&account).await;
    let client = app.client();
    let known = client
        .post("/auth/forgot-password", &json!({ "email": account.email }))
        .await
        .expect(202);
    let unknown = client
        .post("/auth/forgot-password", &json!({ "email": "nobody@example.org" }))
        .await
        .expect(202);
    assert_eq!(known.json(), unknown.json());
    let mail = client.await_mail(&account.email, "password-reset").await;
    let token = mail
        .text
        .split("?token=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a link");
    let reset = json!({ "token": token, "newPassword": PASSWORD });
    client.post("/auth/reset-password", &reset).await.expect(204);
    client
        .post("/auth/reset-password", &reset)
        .await
        .expect_problem(401, "INVALID_TOKEN");
    session.get("/auth/me").await.expect_problem(401, "INVALID_TOKEN");
    client
        .post("/auth/login", &credentials(&account.email, PASSWORD))
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_other_sessions() {
    let app = TestApp::start().await;
    let account = resident(&app, "ana@example.org");
    let own = app.sign_in(&account).await;
    let other = app.sign_in(&account).await;
    let change = json!({ "currentPassword": account.password, "newPassword": PASSWORD });
    own.post("/auth/change-password", &change).await.expect(204);
    own.get("/auth/me").await.expect(200);
    other.get("/auth/me").await.expect_problem(401, "INVALID_TOKEN");
}
