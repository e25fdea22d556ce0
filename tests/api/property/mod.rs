//! The property side against the running product: what needs its components together, or many writers at once.

mod files;
mod keys;
mod logos;
mod maintenance;
mod payments;
mod residents;

use nexus_tests::{Client, TestApp};
use serde_json::{Value, json};

use crate::admin::{company, owner};

/// A company with an open lease of one apartment.
pub struct Estate {
    pub admin: Client,
    pub apartment: String,
    pub tenant: String,
    pub lease: String,
}

pub async fn made(client: &Client, path: &str, body: Value) -> String {
    let answer = client.post(path, &body).await.expect(201);
    answer.json()["id"].as_str().expect("an id").to_owned()
}

pub async fn estate(app: &TestApp, slug: &str) -> Estate {
    company(&owner(app).await, slug).await;
    let account = app.admin_create(&format!("admin@{slug}.example"), "ADMIN", Some(slug));
    let admin = account.sign_in(&app.client()).await;
    let compound = made(&admin, "/compounds", json!({"name": "Green Hills"})).await;
    let apartment = json!({"compoundId": compound, "apartmentNumber": "A1", "monthlyRent": 310_000});
    let apartment = made(&admin, "/apartments", apartment).await;
    let tenant = json!({"fullName": "مريم أحمد", "email": "mariam@example.org", "phone": "+201001234567"});
    let tenant = made(&admin, "/tenants", tenant).await;
    let lease = json!({"apartmentId": apartment, "tenantId": tenant, "startDate": "2026-01-01"});
    let lease = made(&admin, "/occupancies", lease).await;
    Estate {
        admin,
        apartment,
        tenant,
        lease,
    }
}
