use nexus_tests::{Answer, TestApp};
use reqwest::Method;
use serde_json::json;

use super::{credentials, resident};

#[tokio::test(flavor = "multi_thread")]
async fn somebody_takes_their_data_along_and_asks_to_be_forgotten() {
    let app = TestApp::start().await;
    let account = resident(&app, "ana@example.org");
    let session = app.sign_in(&account).await;
    let export = session.get("/auth/me/export").await.expect(200);
    assert_eq!(export.header("cache-control"), Some("no-store"));
    assert!(
        export
            .header("content-disposition")
            .is_some_and(|value| value.starts_with("attachment"))
    );
    let export = export.json();
    assert_eq!(export["account"]["email"], account.email);
    assert_eq!(export["sessions"].as_array().map(Vec::len), Some(1));
    assert!(!export.to_string().contains("$2b$"), "no hash leaves the house");
    let delete = |password: &str| {
        Answer::of(
            session
                .request(Method::DELETE, "/auth/me")
                .json(&json!({ "password": password })),
        )
    };
    delete("Wrong-Horse-7").await.expect_problem(403, "WRONG_PASSWORD");
    let asked = delete(&account.password).await.expect(202).json();
    assert!(asked["anonymisedAt"].is_string());
    session.get("/auth/me").await.expect_problem(401, "INVALID_TOKEN");
    app.client()
        .post("/auth/login", &credentials(&account.email, &account.password))
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_changed_by_the_code_that_was_mailed_to_the_new_one() {
    let app = TestApp::start().await;
    let account = resident(&app, "ana@example.org");
    let session = app.sign_in(&account).await;
    let body = json!({ "newEmail": "ana.kos@example.net", "password": account.password });
    session.post("/auth/change-email", &body).await.expect(202);
    let mail = session.await_mail("ana.kos@example.net", "verification-otp").await;
    let otp = mail.line(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
    let confirmed = session
        .post("/auth/change-email/confirm", &json!({ "otp": otp }))
        .await
        .expect(200)
        .json();
    assert_eq!(confirmed["user"]["email"], "ana.kos@example.net");
    session.await_mail(&account.email, "email-changed").await;
    let client = app.client();
    client
        .post("/auth/login", &credentials(&account.email, &account.password))
        .await
        .expect_problem(401, "INVALID_CREDENTIALS");
    client
        .post("/auth/login", &credentials("ana.kos@example.net", &account.password))
        .await
        .expect(200);
}
