//! What residents see of the ledger: their own, and nothing that tells them of anybody else's.

use nexus_tests::{Client, TestApp};
use serde_json::{Value, json};

use super::{Estate, estate, made};

/// Somebody's invoice of 1,000, with that much paid, and their sign-in.
struct Resident {
    client: Client,
    invoice: String,
    payment: String,
}

async fn issued(place: &Estate, lease: &str, status: &str) -> String {
    let lines = json!([{"description": "Rent", "unitAmount": 1_000}]);
    let invoice = json!({"occupancyId": lease, "dueDate": "2099-01-01", "lines": lines, "status": status});
    made(&place.admin, "/invoices", invoice).await
}

async fn resident(app: &TestApp, place: &Estate, (tenant, lease): (&str, &str), name: &str, amount: i64) -> Resident {
    let account = app.admin_create(&format!("{name}@example.org"), "TENANT", Some("haus"));
    let client = account.sign_in(&app.client()).await;
    let user = client.get("/auth/me").await.expect(200).json()["user"]["id"].clone();
    let moved_in = json!({ "userId": user });
    place
        .admin
        .patch(&format!("/tenants/{tenant}"), &moved_in)
        .await
        .expect(200);
    let invoice = issued(place, lease, "ISSUED").await;
    let payment = json!({"invoiceId": invoice, "amount": amount, "paymentMethod": "CASH"});
    let payment = made(&place.admin, "/payments", payment).await;
    Resident {
        client,
        invoice,
        payment,
    }
}

/// Another apartment of the company, with a tenant.
async fn next_door(place: &Estate) -> (String, String) {
    let compounds = place.admin.get("/compounds").await.expect(200).json();
    let apartment = json!({"compoundId": compounds["items"][0]["id"], "apartmentNumber": "A2", "monthlyRent": 1_000});
    let apartment = made(&place.admin, "/apartments", apartment).await;
    let tenant = made(
        &place.admin,
        "/tenants",
        json!({"fullName": "Omar", "email": "omar@example.org"}),
    )
    .await;
    let lease = json!({"apartmentId": apartment, "tenantId": tenant, "startDate": "2026-01-01"});
    let lease = made(&place.admin, "/occupancies", lease).await;
    (tenant, lease)
}

fn ids(list: &Value) -> Vec<&Value> {
    list["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| &item["id"])
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_and_receipts_are_for_whoever_paid_and_the_staff() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let (tenant, lease) = next_door(&place).await;
    let one = resident(&app, &place, (&place.tenant, &place.lease), "mariam", 400).await;
    let other = resident(&app, &place, (&tenant, &lease), "omar", 500).await;
    for (own, others) in [(&one, &other), (&other, &one)] {
        let list = own.client.get("/payments").await.expect(200).json();
        assert_eq!(ids(&list), [&json!(own.payment)]);
        let invoice = format!("/payments?invoiceId={}", others.invoice);
        assert_eq!(own.client.get(&invoice).await.expect(200).json()["items"], json!([]));
        for rest in ["", "/receipt"] {
            own.client
                .get(&format!("/payments/{}{rest}", own.payment))
                .await
                .expect(200);
            let hidden = own.client.get(&format!("/payments/{}{rest}", others.payment)).await;
            hidden.expect_problem(404, "NOT_FOUND");
            place
                .admin
                .get(&format!("/payments/{}{rest}", own.payment))
                .await
                .expect(200);
        }
        let hidden = own.client.get(&format!("/invoices/{}/pdf", others.invoice)).await;
        hidden.expect_problem(404, "NOT_FOUND");
        let reverse = format!("/payments/{}/reverse", own.payment);
        let refused = own.client.post(&reverse, &json!({"reason": "mine"})).await;
        refused.expect_problem(403, "FORBIDDEN");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_on_paper_is_for_the_staff_and_a_void_invoice_says_so_to_both() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let mariam = resident(&app, &place, (&place.tenant, &place.lease), "mariam", 1).await;
    let draft = format!("/invoices/{}/pdf", issued(&place, &place.lease, "DRAFT").await);
    let printed = place.admin.get(&draft).await.expect(200);
    assert_eq!(
        printed.header("content-disposition"),
        Some("inline; filename=\"invoice-draft.pdf\"")
    );
    mariam.client.get(&draft).await.expect_problem(404, "NOT_FOUND");

    let invoice = issued(&place, &place.lease, "ISSUED").await;
    let paper = format!("/invoices/{invoice}/pdf");
    let before = mariam.client.get(&paper).await.expect(200);
    place
        .admin
        .post_empty(&format!("/invoices/{invoice}/void"))
        .await
        .expect(200);
    let after = mariam.client.get(&paper).await.expect(200);
    assert!(after.body.starts_with(b"%PDF-") && after.body != before.body);
    assert_eq!(place.admin.get(&paper).await.expect(200).body, after.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_s_currency_stays_once_something_is_invoiced_in_it() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    issued(&place, &place.lease, "ISSUED").await;
    let companies = place.admin.get("/companies").await.expect(200).json();
    let company = format!("/companies/{}", companies["items"][0]["id"].as_str().expect("an id"));
    let refused = place
        .admin
        .patch(&company, &json!({"currency": "USD", "name": "Haus"}))
        .await;
    refused.expect_problem(409, "CONFLICT");
    let kept = place.admin.get(&company).await.expect(200).json();
    assert_eq!(
        (&kept["currency"], &kept["name"]),
        (&json!("EUR"), &json!("haus")),
        "nothing is half done"
    );
}
