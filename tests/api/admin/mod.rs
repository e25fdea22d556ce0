//! `/admin`: one file per resource.

mod audit;
mod users;
mod verifications;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_tests::{Client, TestApp};
use serde_json::{Value, json};

/// The platform owner, signed in.
pub async fn owner(app: &TestApp) -> Client {
    let account = app.admin_create("owner@example.org", "SUPER_ADMIN", None);
    account.sign_in(&app.client()).await
}

/// A company, by its id and slug.
pub async fn company(owner: &Client, slug: &str) -> String {
    let body = json!({ "name": slug, "slug": slug, "currency": "EUR", "timezone": "Europe/Berlin" });
    let made = owner.post("/companies", &body).await.expect(201);
    made.json()["id"].as_str().expect("an id").to_owned()
}

pub fn pdf(text: &str) -> Value {
    let data = STANDARD.encode(format!("%PDF-1.7\n{text}\n%%EOF\n"));
    json!({ "type": "PASSPORT", "fileName": "pass.pdf", "contentType": "application/pdf", "data": data })
}

/// Somebody registers with one document; gives the id.
pub async fn applicant(app: &TestApp, email: &str, company_slug: Option<&str>) -> String {
    let mut body =
        json!({ "email": email, "password": "Quiet-River-42", "name": "Ana Kos", "documents": [pdf(email)] });
    if let Some(slug) = company_slug {
        body["companySlug"] = json!(slug);
    }
    let made = app.client().post("/auth/register", &body).await.expect(201);
    made.json()["user"]["id"].as_str().expect("an id").to_owned()
}
