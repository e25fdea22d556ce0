//! A logo from the upload to the paper, by the running product.

use nexus_tests::{Answer, Client, TestApp};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::{estate, made};

const PNG: &[u8] = include_bytes!("../../../crates/domain/fixtures/whole.png");

async fn upload(client: &Client, content: Vec<u8>) -> Value {
    let file = Part::bytes(content).file_name("logo.png");
    let request = client
        .request(Method::POST, "/attachments")
        .multipart(Form::new().part("file", file));
    Answer::of(request).await.expect(201).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logo_that_does_not_decode_is_refused_and_papers_are_made_all_the_same() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let admin = &place.admin;
    let lines = json!([{"description": "Rent — Аренда", "unitAmount": 1_000}]);
    let new = json!({"occupancyId": place.lease, "dueDate": "2099-01-01", "lines": lines, "status": "ISSUED"});
    let invoice = format!("/invoices/{}/pdf", made(admin, "/invoices", new).await);
    let company = admin.get("/auth/me").await.expect(200).json()["user"]["companyId"].clone();
    let company = format!("/companies/{}", company.as_str().expect("an id"));
    let cut = upload(admin, PNG[..PNG.len() - 12].to_vec()).await;
    assert!(cut.get("width").is_none_or(Value::is_null), "{cut}");
    let refused = admin.patch(&company, &json!({"branding": {"logo": cut["id"]}})).await;
    refused.expect_problem(400, "VALIDATION_FAILED");
    let whole = upload(admin, PNG.to_vec()).await;
    assert_eq!((&whole["width"], &whole["height"]), (&json!(30), &json!(20)));
    admin
        .patch(&company, &json!({"branding": {"logo": whole["id"]}}))
        .await
        .expect(200);
    let printed = admin.get(&invoice).await.expect(200);
    assert!(printed.body.starts_with(b"%PDF-"));
}
