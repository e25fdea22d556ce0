//! What other components note for somebody is heard on their open socket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_tests::{Account, Client, PlainSocket};
use serde_json::{Value, json};

use crate::Scene;

async fn made(client: &Client, path: &str, body: Value) -> String {
    let answer = client.post(path, &body).await.expect(201);
    answer.json()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resident_hears_of_invoices_payments_and_repairs_and_nobody_else_does() {
    let scene = Scene::new().await;
    let resident = scene.app.sign_in(&scene.resident).await;
    let url = scene.app.url();
    let mut socket = PlainSocket::connect(url, resident.token()).await;
    let mut ben = PlainSocket::connect(url, scene.ben.token()).await;
    socket.next("CONNECTED").await;
    ben.next("CONNECTED").await;
    let leases = resident.get("/occupancies?limit=1").await.expect(200).json();
    let lease = &leases["items"][0];

    let lines = json!([{"description": "Keys", "unitAmount": 1_000}]);
    let invoice = json!({"occupancyId": lease["id"], "dueDate": "2099-01-01", "lines": lines});
    let invoice = made(&scene.anna, "/invoices", invoice).await;
    let link = json!(format!("/invoices/{invoice}"));
    // Nothing was said of the draft: what is heard next comes in order.
    scene
        .anna
        .post_empty(&format!("/invoices/{invoice}/issue"))
        .await
        .expect(200);
    let issued = socket.next("NOTIFICATION").await;
    assert_eq!((&issued["kind"], &issued["link"]), (&json!("INVOICE_ISSUED"), &link));
    for text in ["id", "title", "body", "timestamp"] {
        assert!(issued[text].as_str().is_some_and(|text| !text.is_empty()), "{issued}");
    }

    let payment = json!({"invoiceId": invoice, "amount": 400, "paymentMethod": "CASH"});
    made(&scene.anna, "/payments", payment).await;
    let paid = socket.next("NOTIFICATION").await;
    assert_eq!((&paid["kind"], &paid["link"]), (&json!("PAYMENT_RECORDED"), &link));

    let lamp = json!({
        "apartmentId": lease["apartmentId"], "title": "The lamp", "description": "It flickers.", "priority": "LOW"
    });
    let request = made(&resident, "/maintenance-requests", lamp).await;
    let path = format!("/maintenance-requests/{request}");
    scene
        .ben
        .patch(&path, &json!({"status": "IN_PROGRESS"}))
        .await
        .expect(200);
    let moved = socket.next("NOTIFICATION").await;
    assert_eq!(
        (&moved["kind"], &moved["title"], &moved["link"]),
        (&json!("MAINTENANCE_UPDATE"), &json!("The lamp"), &json!(path))
    );
    assert!(!ben.has_heard("NOTIFICATION").await);

    let kept = resident.get("/notifications?limit=3").await.expect(200).json();
    let kept: Vec<_> = (0..3).map(|place| &kept["items"][place]["id"]).collect();
    assert_eq!(kept, [&moved["id"], &paid["id"], &issued["id"]]);
}

/// Nobody can be connected before they are let in: there it waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_approved_finds_it_written_down() {
    let scene = Scene::new().await;
    let client = scene.app.client();
    let document = json!({
        "type": "PASSPORT", "fileName": "pass.pdf", "contentType": "application/pdf",
        "data": STANDARD.encode("%PDF-1.7\nA passport\n%%EOF\n"),
    });
    let email = "ana@example.org";
    let account = json!({
        "email": email, "password": "Quiet-River-42", "name": "Ana Kos", "companySlug": "demo", "documents": [document],
    });
    let registered = client.post("/auth/register", &account).await.expect(201).json();
    let path = format!(
        "/admin/verifications/{}/approve",
        registered["user"]["id"].as_str().unwrap()
    );
    scene.anna.post_empty(&path).await.expect(200);
    let mail = client.await_mail(email, "account-approved").await;
    let password =
        mail.line(|line| line.len() == 14 && !line.contains(' ') && line.contains(|c: char| "!@#$%^&*".contains(c)));
    let ana = scene.app.sign_in(&Account::new(email, password)).await;
    let mut early = PlainSocket::connect(scene.app.url(), ana.token()).await;
    assert_eq!(early.next("ERROR").await["code"], "PASSWORD_CHANGE_REQUIRED");
    early.until_closed().await;
    let change = json!({"currentPassword": password, "newPassword": "Quiet-River-43"});
    ana.post("/auth/change-password", &change).await.expect(204);
    let ana = scene.app.sign_in(&Account::new(email, "Quiet-River-43")).await;
    let mut socket = PlainSocket::connect(scene.app.url(), ana.token()).await;
    socket.next("CONNECTED").await;
    let kept = ana.get("/notifications").await.expect(200).json();
    assert_eq!(kept["items"][0]["kind"], "DOCUMENTS_APPROVED");
}
