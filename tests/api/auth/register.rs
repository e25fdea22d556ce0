use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_tests::TestApp;
use serde_json::{Value, json};

use super::{PASSWORD, credentials};

fn account(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "name": "Ana Kos" })
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_registers_proves_the_address_and_waits() {
    let app = TestApp::start().await;
    let client = app.client();
    let mut body = account("ana@example.org");
    let data = STANDARD.encode(b"%PDF-1.7\n%%EOF\n");
    body["documents"] =
        json!([{ "type": "PASSPORT", "fileName": "p.pdf", "contentType": "application/pdf", "data": data }]);
    let registered = client.post("/auth/register", &body).await.expect(201);
    assert_eq!(registered.header("cache-control"), Some("no-store"));
    let user = &registered.json()["user"];
    assert_eq!((&user["status"], &user["role"]), (&json!("PENDING"), &json!("STUDENT")));
    assert_eq!(user["documents"][0]["verificationStatus"], "PENDING");
    let mail = client.await_mail("ana@example.org", "verification-otp").await;
    let otp = mail.line(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
    let proof = json!({ "email": "ana@example.org", "otp": otp });
    assert_eq!(
        client.post("/auth/verify-email", &proof).await.expect(200).json(),
        json!({ "emailVerified": true })
    );
    client
        .post("/auth/verify-email", &proof)
        .await
        .expect_problem(400, "INVALID_OTP");
    client
        .post("/auth/login", &credentials("ana@example.org", PASSWORD))
        .await
        .expect_problem(401, "ACCOUNT_PENDING");
    client
        .post("/auth/register", &account("ANA@example.org"))
        .await
        .expect_problem(409, "EMAIL_TAKEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_the_documents_is_mailed_to_who_has_sent_none() {
    let app = TestApp::start().await;
    let client = app.client();
    client
        .post("/auth/register", &account("bo@example.org"))
        .await
        .expect(201);
    let mail = client.await_mail("bo@example.org", "documents-requested").await;
    let token = mail
        .text
        .split("?token=")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("a link");
    let case = client.get(&format!("/documents/case?token={token}")).await.expect(200);
    assert_eq!(case.json()["status"], "PENDING");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_and_every_broken_rule_is_named() {
    let app = TestApp::start().await;
    let client = app.client();
    let wrong = json!({ "email": "nobody", "password": 7, "surprise": true });
    let answer = client
        .post("/auth/register", &wrong)
        .await
        .expect_problem(400, "VALIDATION_FAILED")
        .json();
    let mut fields: Vec<&str> = answer["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .filter_map(|error| error["field"].as_str())
        .collect();
    fields.sort_unstable();
    assert_eq!(fields, ["email", "name", "password", "surprise"]);
    let mut weak = account("ana@example.org");
    weak["password"] = json!("abc");
    let answer = client
        .post("/auth/register", &weak)
        .await
        .expect_problem(400, "WEAK_PASSWORD")
        .json();
    assert_eq!(answer["errors"].as_array().expect("errors").len(), 4);
    let mut grasping = account("ana@example.org");
    grasping["role"] = json!("ADMIN");
    client
        .post("/auth/register", &grasping)
        .await
        .expect_problem(400, "VALIDATION_FAILED");
}
