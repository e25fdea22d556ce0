//! `Idempotency-Key` on what creates money or mail.

use futures::future::join_all;
use nexus_tests::{Answer, Client, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Estate, estate, made};

async fn post(client: &Client, key: &str, path: &str, body: &Value) -> Answer {
    let request = client.request(Method::POST, path).header("idempotency-key", key);
    Answer::of(request.json(body)).await
}

/// The first answer again for the same, and none for anything else.
async fn acts_once(client: &Client, path: &str, body: Value, other: (&str, Value)) -> Value {
    let first = post(client, path, path, &body).await.expect(200);
    let again = post(client, path, path, &body).await.expect(200);
    assert_eq!(
        (
            first.header("idempotency-replayed"),
            again.header("idempotency-replayed")
        ),
        (None, Some("true")),
        "{path}"
    );
    assert_eq!(
        (first.json(), first.header("etag")),
        (again.json(), again.header("etag")),
        "{path}"
    );
    let other = post(client, path, other.0, &other.1).await;
    other.expect_problem(422, "IDEMPOTENCY_MISMATCH");
    first.json()
}

fn draft(place: &Estate) -> Value {
    let lines = json!([{"description": "Cleaning", "unitAmount": 1_000}]);
    json!({"occupancyId": place.lease, "dueDate": "2099-01-01", "lines": lines})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_to_the_ledger_under_a_key_is_done_once() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let admin = &place.admin;
    let generate = |month: &str| json!({ "month": month });
    let path = "/invoices/generate";
    let generated = acts_once(admin, path, generate("2026-03"), (path, generate("2026-04"))).await;
    assert_eq!(generated, json!({"created": 1, "skipped": 0}));
    let months = admin.get("/invoices?kind=RENT&withTotal=true").await.expect(200).json();
    assert_eq!(months["total"], 1, "the other month was refused");

    let (one, two) = (
        made(admin, "/invoices", draft(&place)).await,
        made(admin, "/invoices", draft(&place)).await,
    );
    let issue = |invoice: &str| format!("/invoices/{invoice}/issue");
    let issued = acts_once(admin, &issue(&one), json!({}), (&issue(&two), json!({}))).await;
    assert_eq!(issued["status"], "ISSUED");
    let untouched = admin.get(&format!("/invoices/{two}")).await.expect(200).json();
    assert_eq!(untouched["status"], "DRAFT");

    let payment = json!({"invoiceId": one, "amount": 400, "paymentMethod": "CASH"});
    let payment = made(admin, "/payments", payment).await;
    let reverse = format!("/payments/{payment}/reverse");
    let reason = |reason: &str| json!({ "reason": reason });
    let reversed = acts_once(admin, &reverse, reason("bounced"), (&reverse, reason("by mistake"))).await;
    assert_eq!(reversed["reversalReason"], "bounced");

    let void = |invoice: &str| format!("/invoices/{invoice}/void");
    let voided = acts_once(admin, &void(&one), json!({}), (&void(&two), json!({}))).await;
    assert_eq!((&voided["status"], &voided["paidAmount"]), (&json!("VOID"), &json!(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_under_a_key_moves_once() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let lease = format!("/occupancies/{}", place.lease);
    let agreed = json!({"depositAmount": 1_000});
    place.admin.patch(&lease, &agreed).await.expect(200);
    let deposit = format!("{lease}/deposit");
    let receive = |amount: i64| json!({"action": "RECEIVE", "amount": amount});
    let moved = acts_once(&place.admin, &deposit, receive(600), (&deposit, receive(400))).await;
    assert_eq!(moved["depositHeld"], 600);
    let held = place.admin.get(&lease).await.expect(200).json();
    assert_eq!(held["depositHeld"], 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_same_payment_sent_many_times_at_once_one_is_recorded() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let mut invoice = draft(&place);
    invoice["status"] = json!("ISSUED");
    let invoice = made(&place.admin, "/invoices", invoice).await;
    let payment = json!({"invoiceId": invoice, "amount": 10, "paymentMethod": "CASH"});
    let answers = join_all((0..64).map(|_| post(&place.admin, "k-1", "/payments", &payment))).await;
    let (recorded, running): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert!(!running.is_empty(), "some came while the first was running");
    for answer in running {
        assert_eq!(answer.header("retry-after"), Some("1"));
        answer.expect_problem(409, "IDEMPOTENCY_IN_FLIGHT");
    }
    let after = post(&place.admin, "k-1", "/payments", &payment).await.expect(201);
    assert!(recorded.iter().all(|answer| answer.json() == after.json()));
    let paid = place
        .admin
        .get(&format!("/invoices/{invoice}"))
        .await
        .expect(200)
        .json();
    assert_eq!(paid["paidAmount"], 10);
}
