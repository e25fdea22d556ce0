use http::{Method, StatusCode};
use nexus_domain::Role;
use serde_json::json;

use crate::support::{PASSWORD, TestApp, account, pdf};

const ANA: &str = "ana@example.org";
const MONTH: i64 = 30 * 24 * 60 * 60 * 1_000;

#[tokio::test]
async fn the_export_has_everything_that_is_kept_and_no_secret() {
    let app = TestApp::new();
    let mut body = account(ANA);
    body["documents"] = json!([pdf()]);
    app.post("/auth/register", body).await;
    app.sql("UPDATE users SET status = 'ACTIVE'", &[]);
    let token = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    let export = app.get_as(&token, "/auth/me/export").await;
    assert_eq!(export.status, StatusCode::OK, "{}", export.body);
    assert_eq!(export.body["account"]["email"], ANA);
    for (section, count) in [
        ("sessions", 1),
        ("documents", 1),
        ("verification", 1),
        ("mails", 1),
        ("chats", 0),
        ("messages", 0),
        ("payments", 0),
    ] {
        assert_eq!(export.body[section].as_array().unwrap().len(), count, "{section}");
    }
    assert_eq!(export.body["documents"][0]["fileName"], "passport.pdf");
    let text = export.body.to_string();
    assert!(!text.contains("$2b$") && !text.contains("sealed"));
    let at = export.body["account"]["createdAt"].as_str().unwrap();
    assert!(at.ends_with('Z') && at.len() == 24, "{at}");
}

async fn ask_for_deletion(app: &TestApp) -> String {
    app.active_user(ANA, Role::Student);
    let token = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    let wrong = app
        .call(
            Method::DELETE,
            "/auth/me",
            Some(&token),
            Some(json!({ "password": "Wrong-River-42" })),
        )
        .await;
    assert_eq!(wrong.code(), "WRONG_PASSWORD");
    let asked = app
        .call(
            Method::DELETE,
            "/auth/me",
            Some(&token),
            Some(json!({ "password": PASSWORD })),
        )
        .await;
    assert_eq!(asked.status, StatusCode::ACCEPTED);
    token
}

#[tokio::test]
async fn deletion_ends_all_sessions_and_is_carried_out_after_30_days() {
    let app = TestApp::new();
    let token = ask_for_deletion(&app).await;
    assert_eq!(app.get_as(&token, "/auth/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.run_retention().await.body["anonymised"], 0);
    app.sql(
        &format!("UPDATE users SET deletion_requested_at = deletion_requested_at - {MONTH}"),
        &[],
    );
    assert_eq!(app.run_retention().await.body["anonymised"], 1);
    assert_eq!(app.run_retention().await.body["anonymised"], 0);
    assert_eq!(app.sign_in(ANA, PASSWORD).await.code(), "INVALID_CREDENTIALS");
    let rows = app
        .database()
        .query("SELECT email, name, password_hash FROM users", &[])
        .unwrap();
    let left = format!("{rows:?}");
    assert!(
        !left.contains("ana@") && !left.contains("Kos") && !left.contains("$2b$"),
        "{left}"
    );
    assert_eq!(app.number("SELECT count(*) FROM sessions"), 0);
    assert_eq!(
        app.number("SELECT count(*) FROM audit_log WHERE action = 'user.anonymised'"),
        1
    );
    assert_eq!(
        app.post("/auth/register", account(ANA)).await.status,
        StatusCode::CREATED,
        "the address is free again"
    );
}

#[tokio::test]
async fn signing_in_within_30_days_takes_the_request_back() {
    let app = TestApp::new();
    ask_for_deletion(&app).await;
    assert_eq!(app.sign_in(ANA, PASSWORD).await.status, StatusCode::OK);
    assert_eq!(
        app.number("SELECT count(*) FROM users WHERE deletion_requested_at IS NOT NULL"),
        0
    );
}

#[tokio::test]
async fn retention_is_run_by_the_native_side_only() {
    let app = TestApp::new();
    let request = http::Request::post("/internal/identity/retention")
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(app.send(request).await.status, StatusCode::NOT_FOUND);
}
