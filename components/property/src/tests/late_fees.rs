//! Voiding an invoice that bears a late fee.

use super::*;

/// A rent invoice of long ago and its fee, both as they are now.
async fn late(product: &Product, company: CompanyId, admin: &str) -> (Value, Value) {
    product.lease(admin).await;
    let fee = json!({"lateFee": {"type": "FIXED", "value": 500, "graceDays": 0}});
    product
        .patch(&format!("/companies/{company}"), admin, fee)
        .await
        .is(200);
    let month = json!({"month": "2025-02"});
    product.post("/invoices/generate", admin, month).await.is(200);
    assert_eq!(product.run_job("late-fees").await.status(), StatusCode::OK);
    let one = async |kind: &str| {
        let found = product.get(&format!("/invoices?kind={kind}"), admin).await.is(200).json;
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
        found["items"][0].clone()
    };
    (one("RENT").await, one("LATE_FEE").await)
}

fn path(invoice: &Value, rest: &str) -> String {
    format!("/invoices/{}{rest}", invoice["id"].as_str().unwrap())
}

/// What the log says of an invoice's being voided.
fn voided(product: &Product, invoice: &Value) -> Vec<Value> {
    product
        .app
        .database()
        .query(
            "SELECT details FROM audit_log WHERE action = 'invoice.voided' AND subject_id = ?1",
            params![invoice["id"].as_str().unwrap()],
        )
        .unwrap()
        .iter()
        .map(|row| serde_json::from_str(&row.get::<String>(0).unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn an_invoice_is_voided_with_its_fee_and_both_are_written_down() {
    let product = Product::start();
    let company = product.company();
    let (_, admin) = product.person(Role::Admin, Some(company));
    let (rent, fee) = late(&product, company, &admin).await;
    let key = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    for _ in 0..2 {
        let answer = product
            .send(Method::POST, &path(&rent, "/void"), &admin, &key, "{}")
            .await
            .is(200);
        assert_eq!(
            (&answer.json["id"], &answer.json["status"]),
            (&rent["id"], &json!("VOID"))
        );
    }
    let now = product.get(&path(&fee, ""), &admin).await.is(200).json;
    assert_eq!(
        (&now["status"], &now["invoiceNumber"], &now["version"]),
        (&json!("VOID"), &fee["invoiceNumber"], &json!(2))
    );
    assert_eq!(
        voided(&product, &fee),
        [json!({"invoiceNumber": fee["invoiceNumber"], "totalAmount": 500, "lateFeeFor": rent["invoiceNumber"]})]
    );
    assert_eq!(voided(&product, &rent).len(), 1);
    assert_eq!(product.run_job("late-fees").await.status(), StatusCode::OK);
    let invoices = product.get("/invoices?withTotal=true", &admin).await.is(200).json;
    assert_eq!(invoices["total"], 2, "no fee is made for what is void");
}

#[tokio::test]
async fn an_invoice_whose_fee_was_paid_is_refused_with_what_to_do_and_stays() {
    let product = Product::start();
    let company = product.company();
    let (_, admin) = product.person(Role::Admin, Some(company));
    let (rent, fee) = late(&product, company, &admin).await;
    let payment = json!({"invoiceId": fee["id"], "amount": 1, "paymentMethod": "CASH"});
    let payment = product.post("/payments", &admin, payment).await.is(201).id();
    let refused = product.post(&path(&rent, "/void"), &admin, json!({})).await.is(422);
    assert_eq!(refused.code(), "INVALID_TRANSITION");
    let detail = refused.json["detail"].as_str().unwrap();
    let number = fee["invoiceNumber"].as_str().unwrap();
    assert!(detail.contains(number) && detail.contains("Reverse"), "{detail}");
    assert_eq!(product.get(&path(&rent, ""), &admin).await.is(200).json, rent);
    assert!(voided(&product, &rent).is_empty() && voided(&product, &fee).is_empty());
    let reversal = json!({"reason": "bounced"});
    product
        .post(&format!("/payments/{payment}/reverse"), &admin, reversal)
        .await
        .is(200);
    product.post(&path(&rent, "/void"), &admin, json!({})).await.is(200);
    assert_eq!((voided(&product, &rent).len(), voided(&product, &fee).len()), (1, 1));
}
