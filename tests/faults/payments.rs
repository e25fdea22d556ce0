//! Kills during payments: what was acknowledged is in the books, and what was sent again is there once.

use std::collections::BTreeMap;
use std::time::Instant;

use nexus_store::{Database, audit::reader, integrity};
use nexus_tests::{Client, TestApp};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::volley::Volley;

const AT_ONCE: u32 = 6;
const INVOICES: u32 = 8;

/// What must always be equal: payments, and what came with each of them.
const RECORDED: [&str; 5] = [
    "SELECT count(*) FROM payments WHERE reference LIKE 'kill-%'",
    "SELECT count(DISTINCT reference) FROM payments WHERE reference LIKE 'kill-%'",
    "SELECT count(*) FROM audit_log WHERE action = 'payment.created'",
    "SELECT count(*) FROM outbox WHERE template = 'payment-receipt'",
    "SELECT count(*) FROM idempotency_keys WHERE key LIKE 'kill-%' AND status = 201",
];

/// Invoices on which something else is paid than their payments come to.
const UNBALANCED: &str = "SELECT id FROM invoices WHERE paid_amount <> (SELECT coalesce(sum(p.amount), 0) FROM payments p \
                          LEFT JOIN payment_reversals r ON r.payment_id = p.id \
                          WHERE p.invoice_id = invoices.id AND r.payment_id IS NULL)";

/// Of the n-th payment, which is on the (n mod [`INVOICES`])-th invoice.
fn amount(n: u32) -> u32 {
    100 + n % 7
}

/// What all of an invoice's payments come to, of `count` payments altogether.
fn sum(invoice: u32, count: u32) -> u32 {
    (0..count).filter(|n| n % INVOICES == invoice).map(amount).sum()
}

/// Paid in full in the end, or, every other one, all but 1.
async fn issue_invoices(client: &Client, count: u32) -> Vec<String> {
    let leases = client
        .get("/occupancies?status=ACTIVE&limit=1")
        .await
        .expect(200)
        .json();
    let mut invoices = Vec::new();
    for invoice in 0..INVOICES {
        let lines = json!([{ "description": "Rent", "unitAmount": sum(invoice, count) + invoice % 2 }]);
        let invoice = json!({ "occupancyId": leases["items"][0]["id"], "dueDate": "2099-01-01", "lines": lines, "status": "ISSUED" });
        let made = client.post("/invoices", &invoice).await.expect(201).json();
        invoices.push(made["id"].as_str().expect("an id").to_owned());
    }
    invoices
}

/// The n-th payment, always under the same key.
fn pay(client: &Client, invoices: &[String], n: u32) -> (u32, RequestBuilder) {
    let name = format!("kill-{n}");
    let invoice = &invoices[(n % INVOICES) as usize];
    let body = json!({ "invoiceId": invoice, "amount": amount(n), "paymentMethod": "CASH", "reference": name });
    let request = client.request(Method::POST, "/payments");
    (n, request.header("idempotency-key", name).json(&body))
}

/// Ids of acknowledged payments, by their `n`.
type Acknowledged = BTreeMap<u32, String>;

/// Takes down what was acknowledged; gives those without an answer.
async fn take_down(volley: Volley<u32>, acknowledged: &mut Acknowledged) -> Vec<u32> {
    let mut unanswered = Vec::new();
    for (n, answer) in volley.answers().await {
        match answer {
            Some(answer) => {
                let id = answer.expect(201).json()["id"].as_str().expect("an id").to_owned();
                let first = acknowledged.entry(n).or_insert_with(|| id.clone());
                assert_eq!(*first, id, "the first answer again");
            }
            None => unanswered.push(n),
        }
    }
    unanswered
}

fn assert_balanced(database: &Database, acknowledged: &Acknowledged, when: &str) {
    let counts = RECORDED.map(|sql| {
        database.query(sql, &[]).expect("rows")[0]
            .get::<usize>(0)
            .expect("a count")
    });
    assert!(
        counts.iter().all(|count| *count == counts[0]),
        "{when}: {counts:?} of {RECORDED:?}"
    );
    let kept: BTreeMap<String, String> = database
        .query("SELECT reference, id FROM payments WHERE reference LIKE 'kill-%'", &[])
        .expect("rows")
        .iter()
        .map(|row| (row.get(0).expect("text"), row.get(1).expect("text")))
        .collect();
    for (n, id) in acknowledged {
        assert_eq!(kept.get(&format!("kill-{n}")), Some(id), "{when}: acknowledged");
    }
    assert!(database.query(UNBALANCED, &[]).expect("rows").is_empty(), "{when}");
}

async fn kill_during_payments(kills: u32) {
    let mut app = TestApp::start().await;
    let mut accounts = app.demo().into_iter();
    let (_, account) = accounts.find(|(role, _)| role == "MANAGER").expect("a manager");
    let count = kills * AT_ONCE;
    let invoices = issue_invoices(&account.sign_in(&app.client()).await, count).await;
    let (mut acknowledged, mut unanswered) = (Acknowledged::new(), Vec::new());
    let (mut starts, mut sent_again) = (Vec::new(), 0);
    for round in 0..kills {
        let client = account.sign_in(&app.client()).await;
        unanswered.extend(round * AT_ONCE..(round + 1) * AT_ONCE);
        let volley = Volley::send(unanswered.iter().map(|n| pay(&client, &invoices, *n)));
        volley.reach_moment_of(round).await;
        let killed = Instant::now();
        app.restart().await;
        starts.push(killed.elapsed());
        unanswered = take_down(volley, &mut acknowledged).await;
        sent_again += unanswered.len();
        let database = Database::open_file(&app.database_file()).expect("the database");
        assert_balanced(&database, &acknowledged, &format!("round {round}"));
        // The keys of what it didn't answer are the dead process's for a minute. Say that it is over.
        database
            .execute(
                "UPDATE idempotency_keys SET in_flight_until = 0 WHERE status IS NULL",
                &[],
            )
            .expect("written");
    }
    // All of them once more, those that were acknowledged too: nobody kills now.
    let client = account.sign_in(&app.client()).await;
    for first in (0..count).step_by(AT_ONCE as usize) {
        let volley = Volley::send((first..first + AT_ONCE).map(|n| pay(&client, &invoices, n)));
        let without_answer = take_down(volley, &mut acknowledged).await;
        assert!(without_answer.is_empty(), "{without_answer:?}");
    }
    assert!(0 < sent_again, "the kills came between");
    assert_eq!(acknowledged.len(), count as usize);
    let database = Database::open_file(&app.database_file()).expect("the database");
    assert_balanced(&database, &acknowledged, "in the end");
    for (invoice, id) in (0..INVOICES).zip(&invoices) {
        let shown = client.get(&format!("/invoices/{id}")).await.expect(200).json();
        let status = ["PAID", "PARTIALLY_PAID"][(invoice % 2) as usize];
        assert_eq!(
            (&shown["paidAmount"], &shown["status"]),
            (&json!(sum(invoice, count)), &json!(status))
        );
    }
    let sound = database.query("PRAGMA integrity_check", &[]).expect("rows");
    assert_eq!(sound[0].get::<String>(0).expect("text"), "ok");
    assert_eq!(integrity::quick_check(&database), Ok(Vec::new()));
    let log = reader::verify(&database).expect("it can be read");
    assert!(log.valid, "{log:?}");
    starts.sort_unstable();
    println!(
        "{kills} kills: {count} payments acknowledged, 0 lost, 0 doubled, {sent_again} sent again; back after {:?} / {:?} / {:?} \
         (min/median/max)",
        starts[0],
        starts[starts.len() / 2],
        starts[starts.len() - 1]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_in_the_books_once_whenever_the_process_dies() {
    kill_during_payments(6).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn two_hundred_kills_lose_and_double_no_payment() {
    kill_during_payments(200).await;
}
