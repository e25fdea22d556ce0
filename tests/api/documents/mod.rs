//! `/documents`.

mod s3;

use nexus_tests::TestApp;
use serde_json::json;

use crate::admin::pdf;

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_nobody_has_opens_nothing() {
    let app = TestApp::start().await;
    let client = app.client();
    client
        .get("/documents/case?token=nonsense")
        .await
        .expect_problem(404, "NOT_FOUND");
    client
        .get("/documents/case")
        .await
        .expect_problem(400, "VALIDATION_FAILED");
    let body = json!({ "token": "nonsense", "documents": [pdf("x")] });
    client
        .post("/documents/resubmit", &body)
        .await
        .expect_problem(404, "NOT_FOUND");
    client.get("/documents").await.expect_problem(401, "UNAUTHENTICATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bound_scanner_refuses_is_not_kept() {
    let app = TestApp::start().await;
    let account = |content: &str| {
        json!({ "email": "ana@example.org", "password": "Quiet-River-42", "name": "Ana",
            "documents": [pdf("fine"), pdf(content)] })
    };
    let client = app.client();
    let refused = client.post("/auth/register", &account("<< /S /JavaScript >>")).await;
    let refused = refused.expect_problem(400, "INVALID_DOCUMENT").json();
    assert_eq!(refused["errors"][0]["field"], "documents[1].data");
    assert_eq!(refused["errors"][0]["code"], "REFUSED_BY_SCANNER");
    client.post("/auth/register", &account("fine too")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_handed_in_as_a_form_are_judged_by_their_content() {
    let app = TestApp::start().await;
    let client = app.client();
    let account = json!({ "email": "ana@example.org", "password": "Quiet-River-42", "name": "Ana" });
    client.post("/auth/register", &account).await.expect(201);
    let mail = client.await_mail("ana@example.org", "documents-requested").await;
    let token = mail
        .line(|line| line.contains("?token="))
        .split("?token=")
        .nth(1)
        .expect("a token")
        .to_owned();
    let form = |content: &'static [u8]| {
        let file = reqwest::multipart::Part::bytes(content)
            .file_name("../pass.png")
            .mime_str("image/png")
            .expect("a type");
        reqwest::multipart::Form::new()
            .text("token", token.clone())
            .part("documents", file)
    };
    let post = async |content: &'static [u8]| {
        let request = client
            .request(reqwest::Method::POST, "/documents/resubmit")
            .multipart(form(content));
        nexus_tests::Answer::of(request).await
    };
    post(b"%PDF-1.7").await.expect_problem(400, "INVALID_DOCUMENT");
    let answer = post(include_bytes!("../../../crates/domain/fixtures/whole.png"))
        .await
        .expect(201)
        .json();
    assert_eq!(answer["documents"][0]["fileName"], "../pass.png");
    assert_eq!(answer["documents"][0]["contentType"], "image/png");
}
