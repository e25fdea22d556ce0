use std::time::{Duration, Instant};

use nexus_tests::{Client, PlainSocket, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{PASSWORD, credentials, resident};

/// A session of its own with an open socket.
async fn connected(app: &TestApp, email: &str, password: &str) -> (Client, Value, PlainSocket) {
    let signed_in = app.client().post("/auth/login", &credentials(email, password)).await;
    let signed_in = signed_in.expect(200).json();
    let client = app
        .client()
        .with_token(signed_in["accessToken"].as_str().expect("a token"));
    let mut socket = PlainSocket::connect(app.url(), client.token()).await;
    socket.next("CONNECTED").await;
    (client, signed_in, socket)
}

async fn expect_end(session: &Client, socket: &mut PlainSocket, since: Instant, how: &str) {
    let refused = session.get("/auth/me").await.expect_problem(401, "INVALID_TOKEN");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"), "{how}");
    assert_eq!(socket.next("FORCE_DISCONNECT").await["code"], "REVOKED", "{how}");
    assert!(since.elapsed() < Duration::from_secs(5), "{how}: {:?}", since.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_session_ends_its_socket_ends_within_five_seconds() {
    // As many sockets as there are sessions, so that none is closed for being one too many.
    let app = TestApp::builder().env("CONNECTIONS_PER_USER", "10").start().await;
    let account = resident(&app, "ana@example.org");
    let own = app.sign_in(&account).await;

    let (session, _, mut socket) = connected(&app, &account.email, &account.password).await;
    let listed = session.get("/auth/sessions").await.expect(200).json();
    let current = listed["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|one| one["current"] == true);
    let id = current.expect("the own one")["id"].as_str().expect("an id").to_owned();
    let since = Instant::now();
    own.delete(&format!("/auth/sessions/{id}")).await.expect(204);
    expect_end(&session, &mut socket, since, "ended from the list").await;

    let (session, signed_in, mut socket) = connected(&app, &account.email, &account.password).await;
    let first = json!({ "refreshToken": signed_in["refreshToken"] });
    let second = session.post("/auth/refresh", &first).await.expect(200).json();
    session
        .post("/auth/refresh", &json!({ "refreshToken": second["refreshToken"] }))
        .await
        .expect(200);
    let since = Instant::now();
    session
        .post("/auth/refresh", &first)
        .await
        .expect_problem(401, "TOKEN_REUSED");
    expect_end(&session, &mut socket, since, "a refresh token was replayed").await;

    let (session, _, mut socket) = connected(&app, &account.email, &account.password).await;
    let since = Instant::now();
    let change = json!({ "currentPassword": account.password, "newPassword": PASSWORD });
    own.post("/auth/change-password", &change).await.expect(204);
    expect_end(&session, &mut socket, since, "the password was changed elsewhere").await;

    let (session, _, mut socket) = connected(&app, &account.email, PASSWORD).await;
    let since = Instant::now();
    own.post_empty("/auth/logout-all").await.expect(204);
    expect_end(&session, &mut socket, since, "signed out everywhere").await;

    let (session, _, mut socket) = connected(&app, &account.email, PASSWORD).await;
    let since = Instant::now();
    let deletion = session
        .request(Method::DELETE, "/auth/me")
        .json(&json!({ "password": PASSWORD }));
    nexus_tests::Answer::of(deletion).await.expect(202);
    expect_end(&session, &mut socket, since, "deletion was asked for").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_resets_the_second_factor_ends_the_sessions_and_the_person_is_told() {
    let app = TestApp::start().await;
    let owner = crate::admin::owner(&app).await;
    let account = resident(&app, "ana@example.org");
    let (session, signed_in, mut socket) = connected(&app, &account.email, &account.password).await;
    super::mfa::set_up(&session).await;
    let client = app.client();
    let body = credentials(&account.email, &account.password);
    client
        .post("/auth/login", &body)
        .await
        .expect_problem(401, "MFA_REQUIRED");
    let id = signed_in["user"]["id"].as_str().expect("an id");
    let since = Instant::now();
    owner
        .post(
            &format!("/admin/users/{id}/mfa/reset"),
            &json!({ "reason": "Lost phone" }),
        )
        .await
        .expect(204);
    expect_end(&session, &mut socket, since, "the factor was reset").await;
    client.post("/auth/login", &body).await.expect(200);
    client.await_mail(&account.email, "mfa-reset").await;
    let entries = owner.get("/admin/audit?action=user.mfa_reset").await.expect(200).json();
    assert_eq!(entries["items"][0]["subjectId"], id, "{entries}");
    owner.get("/admin/audit/verify").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_are_in_the_log_with_who_and_from_where_and_without_the_password() {
    let app = TestApp::start().await;
    let account = resident(&app, "ana@example.org");
    let signed_in = app
        .client()
        .post("/auth/login", &credentials(&account.email, &account.password))
        .await
        .expect(200);
    app.client()
        .post("/auth/login", &credentials(&account.email, "Wrong-Horse-7"))
        .await
        .expect(401);
    let id = signed_in.json()["user"]["id"].as_str().expect("an id").to_owned();
    let request_id = signed_in.header("x-request-id").expect("an id").to_owned();
    let ok = security_line(&app, "ok").await;
    assert!(
        ok.contains(&id) && ok.contains(&request_id) && ok.contains("127.0.0.1"),
        "{ok}"
    );
    assert!(security_line(&app, "INVALID_CREDENTIALS").await.contains(&id));
    let log = app.log_tail();
    assert!(!log.contains(&account.password) && !log.contains("Wrong-Horse-7"));
}

/// The log is written by a thread of its own, a moment after the answer.
async fn security_line(app: &TestApp, outcome: &str) -> String {
    let outcome = format!("\"outcome\":\"{outcome}\"");
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let log = app.log_tail();
        let found = log
            .lines()
            .find(|line| line.contains("\"sign_in\"") && line.contains(&outcome));
        if let Some(line) = found {
            return line.to_owned();
        }
        assert!(Instant::now() < patience, "no sign_in {outcome} in:\n{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
