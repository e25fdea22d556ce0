use futures::future::join_all;
use nexus_tests::TestApp;
use serde_json::json;

use super::{estate, made};

const WRITERS: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn payments_made_at_once_add_up_and_show_on_paper_and_dashboard() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let admin = &place.admin;
    let lines = json!([{"description": "إيجار مارس (A1)", "unitAmount": 1_000}]);
    let invoice = json!({"occupancyId": place.lease, "dueDate": "2099-01-01", "lines": lines, "status": "ISSUED"});
    let invoice = made(admin, "/invoices", invoice).await;
    let stats = || async { admin.get("/dashboard/stats").await.expect(200) };
    assert_eq!(stats().await.header("x-cache"), Some("MISS"));
    assert_eq!(stats().await.header("x-cache"), Some("HIT"));

    let payment = json!({"invoiceId": invoice, "amount": 70, "paymentMethod": "CASH"});
    let answers = join_all((0..WRITERS).map(|_| admin.post("/payments", &payment))).await;
    let with = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(
        (with(201), with(422)),
        (14, WRITERS - 14),
        "14 × 70 is the most that fits into 1,000"
    );
    let paid = admin.get(&format!("/invoices/{invoice}")).await.expect(200).json();
    assert_eq!(
        (&paid["paidAmount"], &paid["status"]),
        (&json!(980), &json!("PARTIALLY_PAID"))
    );
    let shown = stats().await;
    assert_eq!(shown.header("x-cache"), Some("MISS"));
    assert_eq!(shown.json()["revenue"]["thisMonth"], 980);

    let paper = format!("/invoices/{invoice}/pdf?locale=ar");
    let (first, second) = (admin.get(&paper).await.expect(200), admin.get(&paper).await.expect(200));
    assert_eq!(first.header("content-type"), Some("application/pdf"));
    assert!(first.body.starts_with(b"%PDF-") && first.body == second.body);
    let receipts = admin.get("/payments?limit=1").await.expect(200).json();
    let receipt = format!(
        "/payments/{}/receipt",
        receipts["items"][0]["id"].as_str().expect("an id")
    );
    assert!(admin.get(&receipt).await.expect(200).body.starts_with(b"%PDF-"));

    let metrics = app.client().get("/metrics").await.expect(200).text();
    let count = |name: &str| {
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("it is there");
        line.trim().parse::<f64>().expect("a number")
    };
    assert!(count("cache_hits_total ") >= 1.0 && count("cache_misses_total ") >= 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_leases_and_generations_at_once_one_wins() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let admin = &place.admin;
    let compounds = admin.get("/compounds").await.expect(200).json();
    let apartment = json!({"compoundId": compounds["items"][0]["id"], "apartmentNumber": "A2", "monthlyRent": 1});
    let apartment = made(admin, "/apartments", apartment).await;
    let lease = json!({"apartmentId": apartment, "tenantId": place.tenant, "startDate": "2026-01-01"});
    let answers = join_all((0..WRITERS).map(|_| admin.post("/occupancies", &lease))).await;
    let with = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(201), with(409)), (1, WRITERS - 1));

    let month = json!({"month": "2026-03"});
    let answers = join_all((0..WRITERS).map(|_| admin.post("/invoices/generate", &month))).await;
    let created: i64 = answers
        .into_iter()
        .map(|answer| answer.expect(200).json()["created"].as_i64().expect("a number"))
        .sum();
    assert_eq!(created, 2, "one invoice for each of two leases");
    let march = admin
        .get("/invoices?periodStart=2026-03-01&withTotal=true")
        .await
        .expect(200)
        .json();
    assert_eq!(march["total"], 2);
    let number = |place: usize| {
        march["items"][place]["invoiceNumber"]
            .as_str()
            .expect("a number")
            .to_owned()
    };
    assert!(number(0).starts_with("2026-") && number(1).starts_with("2026-") && number(0) != number(1));
}
