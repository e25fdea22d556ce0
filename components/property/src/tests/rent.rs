use super::*;

#[tokio::test]
async fn from_compound_to_payment() {
    let product = Product::start();
    let company = product.company();
    let (_, manager) = product.person(Role::Manager, Some(company));
    let (apartment, _, lease) = product.lease(&manager).await;
    assert_eq!(
        product
            .get(&format!("/apartments/{apartment}"), &manager)
            .await
            .is(200)
            .json["status"],
        "OCCUPIED"
    );

    let overlap = json!({"apartmentId": apartment, "tenantId": product.get("/tenants", &manager).await.json["items"][0]["id"], "startDate": "2026-01-01"});
    assert_eq!(
        product.post("/occupancies", &manager, overlap).await.is(409).code(),
        "OCCUPANCY_OVERLAP"
    );

    let generated = product
        .post("/invoices/generate", &manager, json!({"month": "2026-02"}))
        .await
        .is(200);
    assert_eq!(generated.json, json!({"created": 1, "skipped": 0}));
    let generated = product
        .post("/invoices/generate", &manager, json!({"month": "2026-02"}))
        .await
        .is(200);
    assert_eq!(generated.json, json!({"created": 0, "skipped": 1}));

    let lines = json!([{"description": "Cleaning", "quantity": 2, "unitAmount": 500}]);
    let draft = json!({"occupancyId": lease, "dueDate": "2099-01-01", "lines": lines});
    let draft = product.post("/invoices", &manager, draft).await.is(201);
    assert_eq!(
        (
            &draft.json["status"],
            &draft.json["totalAmount"],
            &draft.json["invoiceNumber"]
        ),
        (&json!("DRAFT"), &json!(1000), &Value::Null)
    );
    let invoice = draft.id();
    let pay = |amount: i64| json!({"invoiceId": invoice, "amount": amount, "currency": "EGP", "paymentMethod": "CASH", "paymentDate": "2026-01-31T22:30:00Z"});
    assert_eq!(
        product.post("/payments", &manager, pay(1)).await.is(422).code(),
        "INVALID_TRANSITION"
    );
    let issued = product
        .send(
            Method::POST,
            &format!("/invoices/{invoice}/issue"),
            &manager,
            &[],
            Body::empty(),
        )
        .await
        .is(200);
    assert_eq!(issued.json["status"], "ISSUED");
    assert!(issued.json["invoiceNumber"].is_string());
    assert_eq!(
        product.post("/payments", &manager, pay(1001)).await.is(422).code(),
        "OVERPAYMENT"
    );

    let key = [("content-type", "application/json"), ("idempotency-key", "k-1")];
    let first = product
        .send(Method::POST, "/payments", &manager, &key, pay(400).to_string())
        .await
        .is(201);
    assert_eq!(first.json["paymentDate"], "2026-02-01", "half past midnight in Cairo");
    let again = product
        .send(Method::POST, "/payments", &manager, &key, pay(400).to_string())
        .await
        .is(201);
    assert_eq!(first.id(), again.id());
    assert_eq!(first.etag(), again.etag(), "the first answer again, with its version");
    let other = product
        .send(Method::POST, "/payments", &manager, &key, pay(401).to_string())
        .await
        .is(422);
    assert_eq!(other.code(), "IDEMPOTENCY_MISMATCH");
    let paid = product.get(&format!("/invoices/{invoice}"), &manager).await.is(200);
    assert_eq!(
        (&paid.json["status"], &paid.json["balance"]),
        (&json!("PARTIALLY_PAID"), &json!(600))
    );

    let path = format!("/payments/{}/reverse", first.id());
    product
        .post(&path, &manager, json!({"reason": "bounced"}))
        .await
        .is(200);
    assert_eq!(
        product
            .post(&path, &manager, json!({"reason": "bounced"}))
            .await
            .is(422)
            .code(),
        "INVALID_TRANSITION"
    );
    product
        .delete(&format!("/payments/{}", first.id()), &manager)
        .await
        .is(405);
    assert_eq!(
        product.get(&format!("/invoices/{invoice}"), &manager).await.json["status"],
        "ISSUED"
    );
    product
        .send(
            Method::POST,
            &format!("/invoices/{invoice}/void"),
            &manager,
            &[],
            Body::empty(),
        )
        .await
        .is(200);

    let deposit = format!("/occupancies/{lease}/deposit");
    assert_eq!(
        product
            .post(&deposit, &manager, json!({"action": "RECEIVE", "amount": 900}))
            .await
            .is(200)
            .json["depositHeld"],
        900
    );
    assert_eq!(
        product
            .post(&deposit, &manager, json!({"action": "RETURN", "amount": 901}))
            .await
            .is(422)
            .code(),
        "OVERPAYMENT"
    );
    let ended = product
        .post(
            &format!("/occupancies/{lease}/end"),
            &manager,
            json!({"endDate": "2026-01-31"}),
        )
        .await
        .is(200);
    assert_eq!(ended.json["status"], "ENDED");
    assert_eq!(
        product.get(&format!("/apartments/{apartment}"), &manager).await.json["status"],
        "VACANT"
    );
}

#[tokio::test]
async fn nothing_is_received_for_a_cancelled_occupancy_and_what_was_goes_back() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let (_, tenant, _) = product.lease(&manager).await;
    let compounds = product.get("/compounds", &manager).await.json;
    let apartment = json!({"compoundId": compounds["items"][0]["id"], "apartmentNumber": "A2", "monthlyRent": 1_000});
    let apartment = product.post("/apartments", &manager, apartment).await.is(201).id();
    let lease =
        json!({"apartmentId": apartment, "tenantId": tenant, "startDate": "2199-01-01", "depositAmount": 1_000});
    let lease = product.post("/occupancies", &manager, lease).await.is(201).id();
    let deposit = format!("/occupancies/{lease}/deposit");
    let moved = |action: &str, amount: i64| json!({"action": action, "amount": amount});
    product.post(&deposit, &manager, moved("RECEIVE", 600)).await.is(200);
    let cancel = json!({"status": "CANCELLED"});
    product
        .patch(&format!("/occupancies/{lease}"), &manager, cancel)
        .await
        .is(200);
    let refused = product.post(&deposit, &manager, moved("RECEIVE", 100)).await.is(422);
    assert_eq!(refused.code(), "INVALID_TRANSITION");
    let returned = product.post(&deposit, &manager, moved("RETURN", 600)).await.is(200);
    assert_eq!(returned.json["depositHeld"], 0);
}
