//! Kills during approvals: never a person without their mail, audit entry and documents, nor the other way round.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_store::Database;
use nexus_tests::TestApp;
use serde_json::json;

/// What must always be equal: people let in, and what came with each of them.
const HALVES: [&str; 6] = [
    "SELECT count(*) FROM verification_cases WHERE status = 'APPROVED'",
    "SELECT count(*) FROM users WHERE status = 'ACTIVE' AND must_change_password = 1 AND document_verified = 1",
    "SELECT count(*) FROM outbox WHERE template = 'account-approved'",
    "SELECT count(*) FROM audit_log WHERE action = 'user.approved'",
    "SELECT count(*) FROM notifications WHERE kind = 'DOCUMENTS_APPROVED'",
    "SELECT count(DISTINCT user_id) FROM documents WHERE verification_status = 'APPROVED'",
];

fn counts(app: &TestApp) -> [i64; 6] {
    let database = Database::open_file(&app.data().join(".spin/sqlite_db.db")).expect("the database");
    HALVES.map(|sql| database.query(sql, &[]).expect("rows")[0].get(0).expect("a count"))
}

async fn kill_during_approvals(kills: u32) {
    let mut app = TestApp::start().await;
    let account = app.admin_create("owner@example.org", "SUPER_ADMIN", None);
    let mut acknowledged = 0;
    for round in 0..kills {
        let owner = account.sign_in(&app.client()).await;
        let mut users = Vec::new();
        for n in 0..4 {
            let email = format!("u{round}-{n}@example.org");
            let data = STANDARD.encode(format!("%PDF-1.7 {email}"));
            let document =
                json!({ "type": "PASSPORT", "fileName": "p.pdf", "contentType": "application/pdf", "data": data });
            let body = json!({ "email": email, "password": "Quiet-River-42", "name": "Ana", "documents": [document] });
            let made = app.client().post("/auth/register", &body).await.expect(201).json();
            users.push(made["user"]["id"].as_str().expect("an id").to_owned());
        }
        let approving: Vec<_> = users
            .into_iter()
            .map(|user| {
                let request = owner.request(reqwest::Method::POST, &format!("/admin/verifications/{user}/approve"));
                tokio::spawn(async move { request.send().await.is_ok_and(|answer| answer.status() == 200) })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(u64::from(round * 7 % 60))).await;
        app.restart().await;
        for one in approving {
            acknowledged += i64::from(one.await.unwrap_or(false));
        }
        let counts = counts(&app);
        assert!(
            counts.iter().all(|count| *count == counts[0]),
            "round {round}: {counts:?}"
        );
        assert!(
            counts[0] >= acknowledged,
            "round {round}: {acknowledged} acknowledged, {} kept",
            counts[0]
        );
    }
    println!(
        "{kills} kills: {acknowledged} approvals acknowledged, {:?} kept",
        counts(&app)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_whole_or_not_at_all_whenever_the_process_dies() {
    kill_during_approvals(5).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn two_hundred_kills_leave_no_half_approval() {
    kill_during_approvals(200).await;
}
