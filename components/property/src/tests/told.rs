//! What people are told: a row they find later, a mail, and an event for their sockets, which goes to the relay.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::*;

/// Stands for the relay: keeps what is posted to it.
struct Relay {
    address: String,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Relay {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let keep = keep.clone();
                tokio::spawn(async move {
                    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
                    loop {
                        let count = socket.read(&mut piece).await.unwrap_or(0);
                        read.extend_from_slice(&piece[..count]);
                        let text = String::from_utf8_lossy(&read).into_owned();
                        let body = text
                            .split_once("\r\n\r\n")
                            .and_then(|(_, body)| serde_json::from_str::<Value>(body).ok());
                        if let Some(body) = body {
                            assert!(text.starts_with("POST /relay/events ") && text.contains("x-nexus-signature: t="));
                            keep.lock()
                                .await
                                .extend(body["events"].as_array().unwrap().iter().cloned());
                            socket
                                .write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")
                                .await
                                .unwrap();
                            read.clear();
                        }
                        if count == 0 {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, heard }
    }

    /// The kinds that a person was told of, once there are so many.
    async fn told(&self, user: UserId, count: usize) -> Vec<String> {
        let mut kinds = Vec::new();
        for _ in 0..500 {
            let heard = self.heard.lock().await.clone();
            let own = heard
                .iter()
                .filter(|event| event.to_string().contains(&user.to_string()));
            kinds = own
                .map(|event| {
                    let text = event.to_string();
                    assert!(text.contains("NOTIFICATION"), "{text}");
                    let begin = text.find("\"kind\":\"").unwrap() + 8;
                    text[begin..].split('"').next().unwrap().to_owned()
                })
                .collect();
            if kinds.len() >= count {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        kinds.sort();
        kinds
    }
}

async fn run(product: &Product, job: &str) -> Value {
    let response = product.run_job(job).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-nexus-nudge"], "mail");
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

fn rows(product: &Product, sql: &str, user: UserId) -> Vec<String> {
    let rows = product.app.database().query(sql, params![user]).unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

#[tokio::test]
async fn a_tenant_hears_of_invoices_payments_and_lateness() {
    let relay = Relay::start().await;
    let product = Product::start_beside(&relay.address);
    let company = product.company();
    let (_, manager) = product.person(Role::Manager, Some(company));
    let (user, resident) = product.person(Role::Student, Some(company));
    let (apartment, tenant, lease) = product.lease(&manager).await;
    product
        .patch(&format!("/tenants/{tenant}"), &manager, json!({"userId": user}))
        .await
        .is(200);

    let lines = json!([{"description": "Rent", "unitAmount": 1000}]);
    let draft = json!({"occupancyId": lease, "dueDate": "2099-01-01", "lines": lines});
    let invoice = product.post("/invoices", &manager, draft).await.is(201).id();
    assert!(relay.heard.lock().await.is_empty(), "nobody hears of a draft");
    let issue = format!("/invoices/{invoice}/issue");
    product
        .send(Method::POST, &issue, &manager, &[], Body::empty())
        .await
        .is(200);
    let payment = json!({"invoiceId": invoice, "amount": 400, "paymentMethod": "CASH"});
    product.post("/payments", &manager, payment).await.is(201);
    let late = json!({"occupancyId": lease, "invoiceDate": "2026-01-01", "dueDate": "2026-01-08", "lines": lines, "status": "ISSUED"});
    product.post("/invoices", &manager, late).await.is(201);
    for (job, done) in [("overdue", 1), ("overdue", 0), ("reminders", 0)] {
        assert_eq!(run(&product, job).await["done"], done, "{job}");
    }
    let request = json!({"apartmentId": apartment, "title": "Leak", "description": "Under the sink"});
    let request = product
        .post("/maintenance-requests", &resident, request)
        .await
        .is(201)
        .id();
    product
        .patch(
            &format!("/maintenance-requests/{request}"),
            &manager,
            json!({"status": "IN_PROGRESS"}),
        )
        .await
        .is(200);

    let kinds = [
        "INVOICE_ISSUED",
        "INVOICE_OVERDUE",
        "MAINTENANCE_UPDATE",
        "PAYMENT_RECORDED",
    ];
    assert_eq!(relay.told(user, 4).await, kinds);
    assert_eq!(
        rows(
            &product,
            "SELECT kind FROM notifications WHERE user_id = ?1 ORDER BY kind",
            user
        ),
        kinds
    );
    assert_eq!(
        rows(
            &product,
            "SELECT template FROM outbox WHERE user_id = ?1 ORDER BY template",
            user
        ),
        ["invoice-issued", "payment-overdue", "payment-receipt"]
    );
}

#[tokio::test]
async fn one_company_s_trouble_keeps_no_other_waiting() {
    let product = Product::start();
    let mut managers = Vec::new();
    for _ in 0..3 {
        let (_, manager) = product.person(Role::Manager, Some(product.company()));
        product.lease(&manager).await;
        managers.push(manager);
    }
    // The first company's month can't be billed: its counter is damaged.
    let broken = "INSERT INTO invoice_counters (company_id, year, last) SELECT company_id, CAST(strftime('%Y', 'now') AS INTEGER), \
                  9223372036854775807 FROM occupancies ORDER BY company_id LIMIT 1";
    product.app.database().execute(broken, &[]).unwrap();
    let status = product.run_job("monthly-invoices").await.status();
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "it is told");
    let mut made = Vec::new();
    for manager in &managers {
        made.push(
            product.get("/invoices?withTotal=true", manager).await.json["total"]
                .as_i64()
                .unwrap(),
        );
    }
    assert_eq!(made.iter().sum::<i64>(), 2, "{made:?}");
}
