use std::time::{Duration, Instant};

use nexus_tests::{PlainSocket, TestApp};
use serde_json::json;

use super::owner;

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_person_is_out_within_five_seconds_sockets_too() {
    let app = TestApp::start().await;
    let owner = owner(&app).await;
    let client = app
        .admin_create("ana@example.org", "STUDENT", None)
        .sign_in(&app.client())
        .await;
    let me = client.get("/auth/me").await.expect(200).json();
    let id = me["user"]["id"].as_str().expect("an id").to_owned();
    let mut socket = PlainSocket::connect(app.url(), client.token()).await;
    socket.next("CONNECTED").await;
    let suspended = Instant::now();
    let answer = owner
        .post(&format!("/admin/users/{id}/suspend"), &json!({ "reason": "Noise" }))
        .await
        .expect(200)
        .json();
    assert_eq!(answer["status"], "SUSPENDED");
    client.get("/auth/me").await.expect_problem(401, "INVALID_TOKEN");
    assert_eq!(socket.next("FORCE_DISCONNECT").await["code"], "REVOKED");
    assert!(suspended.elapsed() < Duration::from_secs(5));
    app.client().await_mail("ana@example.org", "account-suspended").await;
    let login = json!({ "email": "ana@example.org", "password": "Correct-Horse-7" });
    app.client()
        .post("/auth/login", &login)
        .await
        .expect_problem(401, "ACCOUNT_SUSPENDED");
    owner
        .post(&format!("/admin/users/{id}/reinstate"), &json!({ "reason": "Sorry" }))
        .await
        .expect(200);
    app.client().post("/auth/login", &login).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_given_as_csv_to_who_asks_for_it() {
    let app = TestApp::start().await;
    let owner = owner(&app).await;
    let request = owner
        .request(reqwest::Method::GET, "/admin/users?sort=email")
        .header("accept", "text/csv");
    let answer = nexus_tests::Answer::of(request).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
    let text = answer.text();
    let mut lines = text.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("id,email,name,role,")));
    assert!(lines.next().is_some_and(|line| line.contains("owner@example.org")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_role_is_in_force_at_once_for_tokens_that_are_out() {
    let app = TestApp::start().await;
    let owner = owner(&app).await;
    let client = app
        .admin_create("ana@example.org", "STUDENT", None)
        .sign_in(&app.client())
        .await;
    let me = client.get("/auth/me").await.expect(200).json();
    let path = format!("/admin/users/{}", me["user"]["id"].as_str().expect("an id"));
    client.get("/companies").await.expect_problem(403, "FORBIDDEN");
    for (role, sees) in [("SUPER_ADMIN", true), ("TENANT", false)] {
        let request = owner
            .request(reqwest::Method::PATCH, &path)
            .json(&json!({ "role": role }));
        nexus_tests::Answer::of(request).await.expect(200);
        let answer = client.get("/companies").await;
        if sees {
            answer.expect(200);
        } else {
            answer.expect_problem(403, "FORBIDDEN");
        }
    }
}
