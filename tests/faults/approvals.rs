//! Kills during decisions: never a person without their mail, audit entry and documents, nor the other way round.

use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_store::{Database, audit::reader, integrity};
use nexus_tests::{Answer, Client, TestApp, TestAppBuilder};
use reqwest::Method;
use serde_json::json;

use crate::volley::Volley;

/// What must always be equal: people let in, and what came with each of them.
pub const APPROVED: [&str; 7] = [
    "SELECT count(*) FROM verification_cases WHERE status = 'APPROVED'",
    "SELECT count(*) FROM users WHERE status = 'ACTIVE' AND must_change_password = 1 AND document_verified = 1 \
     AND temporary_password_expires_at IS NOT NULL",
    "SELECT count(*) FROM verification_decisions WHERE decision = 'APPROVED'",
    "SELECT count(*) FROM outbox WHERE template = 'account-approved'",
    "SELECT count(*) FROM audit_log WHERE action = 'user.approved'",
    "SELECT count(*) FROM notifications WHERE kind = 'DOCUMENTS_APPROVED'",
    "SELECT count(DISTINCT user_id) FROM documents WHERE verification_status = 'APPROVED'",
];

/// And people turned down.
pub const REJECTED: [&str; 7] = [
    "SELECT count(*) FROM verification_cases WHERE status = 'REJECTED'",
    "SELECT count(*) FROM verification_decisions WHERE decision = 'REJECTED'",
    "SELECT count(*) FROM outbox WHERE template = 'documents-rejected'",
    "SELECT count(*) FROM audit_log WHERE action = 'user.rejected'",
    "SELECT count(*) FROM notifications WHERE kind = 'DOCUMENTS_REJECTED'",
    "SELECT count(DISTINCT user_id) FROM documents WHERE verification_status = 'REJECTED'",
    "SELECT count(*) FROM document_links",
];

fn counts(database: &Database, halves: [&str; 7]) -> [i64; 7] {
    halves.map(|sql| database.query(sql, &[]).expect("rows")[0].get(0).expect("a count"))
}

/// Somebody with a passport to decide on. Each comes from an address of their own: an address may only register so often.
pub async fn register(client: &Client, email: &str) -> String {
    let data = STANDARD.encode(format!("%PDF-1.7 {email} %%EOF"));
    let document = json!({ "type": "PASSPORT", "fileName": "p.pdf", "contentType": "application/pdf", "data": data });
    let body = json!({ "email": email, "password": "Quiet-River-42", "name": "Ana", "documents": [document] });
    let address = email.bytes().fold(0x0a00_0000, |address: u32, byte| {
        (address.wrapping_mul(31).wrapping_add(byte.into()) & 0x00ff_ffff) | 0x0a00_0000
    });
    let request = client
        .request(Method::POST, "/auth/register")
        .header("x-forwarded-for", Ipv4Addr::from_bits(address).to_string());
    let made = Answer::of(request.json(&body)).await.expect(201).json();
    made["user"]["id"].as_str().expect("an id").to_owned()
}

/// Whose `x-forwarded-for` is believed.
pub fn behind_a_proxy() -> TestAppBuilder {
    TestApp::builder().env("TRUSTED_PROXIES", "127.0.0.1")
}

/// Six decisions on their way.
pub struct Decisions(Volley<&'static str>);

/// Decisions of either kind.
#[derive(Default)]
pub struct Made {
    pub approvals: i64,
    pub rejections: i64,
}

impl Decisions {
    /// Four approvals and two rejections at once, of people of this round.
    pub async fn begin(people: &Client, decider: &Client, round: u32) -> Self {
        let mut requests = Vec::new();
        for n in 0..6 {
            let person = register(people, &format!("u{round}-{n}@example.org")).await;
            let act = if n % 3 == 0 { "reject" } else { "approve" };
            let path = format!("/admin/verifications/{person}/{act}");
            requests.push((act, decider.request(Method::POST, &path)));
        }
        Self(Volley::send(requests))
    }

    pub async fn reach_moment_of(&self, round: u32) {
        self.0.reach_moment_of(round).await;
    }

    /// Adds those that were acknowledged.
    pub async fn add_to(self, made: &mut Made) {
        for (act, answer) in self.0.answers().await {
            let acknowledged = i64::from(answer.is_some_and(|answer| answer.status == 200));
            match act {
                "approve" => made.approvals += acknowledged,
                _ => made.rejections += acknowledged,
            }
        }
    }
}

async fn kill_during_decisions(kills: u32) {
    let mut app = behind_a_proxy().start().await;
    let account = app.admin_create("owner@example.org", "SUPER_ADMIN", None);
    let mut made = Made::default();
    for round in 0..kills {
        let owner = account.sign_in(&app.client()).await;
        let decisions = Decisions::begin(&app.client(), &owner, round).await;
        decisions.reach_moment_of(round).await;
        app.restart().await;
        decisions.add_to(&mut made).await;
        let database = Database::open_file(&app.database_file()).expect("the database");
        for (halves, acknowledged) in [(APPROVED, made.approvals), (REJECTED, made.rejections)] {
            let counts = counts(&database, halves);
            assert!(
                counts.iter().all(|count| *count == counts[0]),
                "round {round}: {counts:?} of {halves:?}"
            );
            assert!(
                counts[0] >= acknowledged,
                "round {round}: {acknowledged} acknowledged, {counts:?} kept"
            );
        }
    }
    let Made { approvals, rejections } = made;
    let database = Database::open_file(&app.database_file()).expect("the database");
    assert_eq!(integrity::quick_check(&database), Ok(Vec::new()));
    let log = reader::verify(&database).expect("it can be read");
    assert!(log.valid, "{log:?}");
    assert!(
        0 < approvals + rejections && approvals + rejections < i64::from(kills) * 6,
        "the kills came between"
    );
    println!(
        "{kills} kills: {approvals} approvals acknowledged, {} kept; {rejections} rejections acknowledged, {} kept; 0 halves; \
         {} audit entries, all follow",
        counts(&database, APPROVED)[0],
        counts(&database, REJECTED)[0],
        log.entries,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_is_whole_or_not_at_all_whenever_the_process_dies() {
    kill_during_decisions(7).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn two_hundred_kills_leave_no_half_decision() {
    kill_during_decisions(200).await;
}
