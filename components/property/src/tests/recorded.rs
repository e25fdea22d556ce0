//! What the audit log says of changes to property, and that it says so in the change's own commit.

use super::*;

/// `(action, details)` of the entries about something, oldest first; about everything where it is empty.
fn entries(product: &Product, company: CompanyId, subject: &str) -> Vec<(String, Value)> {
    product
        .app
        .database()
        .query(
            "SELECT action, details, actor_id IS NOT NULL FROM audit_log WHERE company_id = ?1 \
             AND (?2 = '' OR subject_id = ?2) ORDER BY position",
            params![company, subject],
        )
        .unwrap()
        .iter()
        .map(|row| {
            assert!(row.get::<bool>(2).unwrap(), "somebody did it");
            let details: String = row.get(1).unwrap();
            (row.get(0).unwrap(), serde_json::from_str(&details).unwrap())
        })
        .collect()
}

fn actions(entries: &[(String, Value)]) -> Vec<&str> {
    entries.iter().map(|(action, _)| action.as_str()).collect()
}

#[tokio::test]
async fn every_change_is_written_down_by_whom_and_from_what_to_what() {
    let product = Product::start();
    let company = product.company();
    let (_, manager) = product.person(Role::Manager, Some(company));
    let (apartment, tenant, lease) = product.lease(&manager).await;
    let path = format!("/apartments/{apartment}");
    product.patch(&path, &manager, json!({})).await.is(200);
    product
        .patch(&path, &manager, json!({"monthlyRent": 320_000}))
        .await
        .is(200);
    let found = entries(&product, company, &apartment);
    assert_eq!(actions(&found), ["apartment.created", "apartment.updated"]);
    assert_eq!(found[0].1["apartmentNumber"], "A1");
    assert_eq!(found[1].1, json!({"changed": {"monthlyRent": [310_000, 320_000]}}));

    let deposit = json!({"action": "RECEIVE", "amount": 1000});
    product
        .post(&format!("/occupancies/{lease}/deposit"), &manager, deposit)
        .await
        .is(200);
    let end = json!({"endDate": "2025-12-31"});
    product
        .post(&format!("/occupancies/{lease}/end"), &manager, end)
        .await
        .is(200);
    let found = entries(&product, company, &lease);
    assert_eq!(
        actions(&found),
        ["occupancy.created", "occupancy.deposit_received", "occupancy.ended"]
    );
    assert_eq!(found[2].1["changed"]["status"], json!(["ACTIVE", "ENDED"]));

    product
        .patch(
            &format!("/tenants/{tenant}"),
            &manager,
            json!({"phone": "+201009999999", "fullName": "Mona Said"}),
        )
        .await
        .is(200);
    let found = entries(&product, company, &tenant);
    assert_eq!(found[1].1, json!({"changed": {"phone": null, "fullName": null}}));
    let log = entries(&product, company, "");
    for word in ["29801011234567", "+2010", "Mona", "ana@example.org"] {
        assert!(
            !log.iter().any(|(_, details)| details.to_string().contains(word)),
            "{word}: what describes a person stays out of a log that can't be cleaned"
        );
    }
}

#[tokio::test]
async fn the_ledger_s_acts_are_written_down_once_each_and_refused_ones_not_at_all() {
    let product = Product::start();
    let company = product.company();
    let (_, admin) = product.person(Role::Admin, Some(company));
    let (_, _, lease) = product.lease(&admin).await;
    let lines = json!([{"description": "x", "unitAmount": 1000}]);
    let draft = json!({"occupancyId": lease, "dueDate": "2099-01-01", "lines": lines});
    let invoice = product.post("/invoices", &admin, draft).await.is(201).id();
    let issue = format!("/invoices/{invoice}/issue");
    product.post(&issue, &admin, json!({})).await.is(200);
    product.post(&issue, &admin, json!({})).await.is(422);
    let pay = |amount: i64| json!({"invoiceId": invoice, "amount": amount, "paymentMethod": "CASH"}).to_string();
    let keyed = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let mut payment = String::new();
    for _ in 0..2 {
        payment = product
            .send(Method::POST, "/payments", &admin, &keyed, pay(400))
            .await
            .is(201)
            .id();
    }
    let keyed = [("content-type", "application/json"), ("idempotency-key", "k-2")];
    product
        .send(Method::POST, "/payments", &admin, &keyed, pay(601))
        .await
        .is(422);
    product
        .post(
            &format!("/payments/{payment}/reverse"),
            &admin,
            json!({"reason": "bounced"}),
        )
        .await
        .is(200);
    product
        .post(&format!("/invoices/{invoice}/void"), &admin, json!({}))
        .await
        .is(200);
    let generated = json!({"month": "2025-02"});
    product
        .post("/invoices/generate", &admin, generated.clone())
        .await
        .is(200);
    product.post("/invoices/generate", &admin, generated).await.is(200);
    assert_eq!(
        actions(&entries(&product, company, &invoice)),
        ["invoice.created", "invoice.issued", "invoice.voided"]
    );
    let found = entries(&product, company, &payment);
    assert_eq!(actions(&found), ["payment.created", "payment.reversed"]);
    assert_eq!(
        (&found[0].1["amount"], &found[1].1["reason"]),
        (&json!(400), &json!("bounced"))
    );
    let of_company = entries(&product, company, &company.to_string());
    assert_eq!(actions(&of_company), ["company.invoices_generated"]);
    assert_eq!(
        of_company[0].1,
        json!({"month": "2025-02", "created": 1, "first": "2025-000001", "last": "2025-000001"})
    );
    let all = nexus_store::audit::reader::verify(product.app.database()).unwrap();
    assert!(all.valid && all.entries > 8, "{all:?}");
}

#[tokio::test]
async fn generated_lines_and_notices_are_in_the_tenant_s_language() {
    let product = Product::start();
    let company = product.company();
    let (_, admin) = product.person(Role::Admin, Some(company));
    let (user, _) = product.person(Role::Tenant, Some(company));
    product
        .app
        .database()
        .execute("UPDATE users SET locale = 'fr' WHERE id = ?1", params![user])
        .unwrap();
    let (_, tenant, _) = product.lease(&admin).await;
    product
        .patch(&format!("/tenants/{tenant}"), &admin, json!({"userId": user}))
        .await
        .is(200);
    let fee = json!({"lateFee": {"type": "FIXED", "value": 500, "graceDays": 0}});
    product
        .patch(&format!("/companies/{company}"), &admin, fee)
        .await
        .is(200);
    product
        .post("/invoices/generate", &admin, json!({"month": "2025-02"}))
        .await
        .is(200);
    let path = "/internal/jobs/late-fees";
    let header = sign_request(INTERNAL.as_bytes(), clock::now().as_seconds(), "POST", path, b"");
    let request = Request::post(path)
        .header("x-nexus-signature", header)
        .body(Body::empty())
        .unwrap();
    let answer = product.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let invoices = product.get("/invoices?sort=invoiceDate", &admin).await.is(200).json;
    let line = |place: usize| {
        invoices["items"][place]["lines"][0]["description"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(line(0), "Loyer 2025-02, appartement A1");
    assert!(
        line(1).starts_with("Frais de retard pour la facture 2025-"),
        "{}",
        line(1)
    );
    let told = product
        .app
        .database()
        .query(
            "SELECT title FROM notifications WHERE user_id = ?1 ORDER BY id",
            params![user],
        )
        .unwrap();
    let titles: Vec<String> = told.iter().map(|row| row.get(0).unwrap()).collect();
    assert!(titles.iter().any(|title| title.starts_with("Facture ")), "{titles:?}");
    let row = product
        .app
        .database()
        .query(
            "SELECT actor_id IS NULL, details FROM audit_log WHERE action = 'company.late_fees_charged'",
            params![],
        )
        .unwrap();
    assert!(row.len() == 1 && row[0].get::<bool>(0).unwrap(), "by the system itself");
}
