use std::sync::Arc;

use http::StatusCode;
use nexus_domain::Role;
use nexus_store::params;
use serde_json::json;

use crate::support::{PASSWORD, Reply, TestApp, at_once, wait};

const ANA: &str = "ana@example.org";

async fn signed_in(app: &TestApp) -> Reply {
    app.active_user(ANA, Role::Student);
    app.sign_in(ANA, PASSWORD).await
}

async fn refresh(app: &TestApp, token: &str) -> Reply {
    app.post("/auth/refresh", json!({ "refreshToken": token })).await
}

/// As if the last refresh had been longer ago than the grace lasts.
fn let_grace_pass(app: &TestApp) {
    app.sql("UPDATE sessions SET refreshed_at = refreshed_at - 10001", &[]);
}

#[tokio::test]
async fn each_refresh_hands_out_another_token_of_the_same_session() {
    let app = TestApp::new();
    let first = signed_in(&app).await;
    let second = refresh(&app, &first.text("/refreshToken")).await;
    assert_eq!(second.status, StatusCode::OK, "{}", second.body);
    assert_ne!(first.text("/refreshToken"), second.text("/refreshToken"));
    assert_eq!(second.body["user"]["email"], ANA);
    assert_eq!(second.body["tokenType"], "Bearer");
    let third = refresh(&app, &second.text("/refreshToken")).await;
    assert_eq!(
        app.get_as(&third.text("/accessToken"), "/auth/me").await.status,
        StatusCode::OK
    );
    assert_eq!(app.number("SELECT count(*) FROM sessions"), 1);
}

#[tokio::test]
async fn a_token_used_twice_ends_the_whole_family() {
    let app = TestApp::new();
    let first = signed_in(&app).await;
    let second = refresh(&app, &first.text("/refreshToken")).await;
    let_grace_pass(&app);
    let replayed = refresh(&app, &first.text("/refreshToken")).await;
    assert_eq!(
        (replayed.status, replayed.code()),
        (StatusCode::UNAUTHORIZED, "TOKEN_REUSED")
    );
    let successor = refresh(&app, &second.text("/refreshToken")).await;
    assert_eq!(successor.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        app.get_as(&second.text("/accessToken"), "/auth/me").await.code(),
        "INVALID_TOKEN"
    );
}

#[tokio::test]
async fn one_older_than_the_last_is_reuse_at_once() {
    let app = TestApp::new();
    let first = signed_in(&app).await;
    let second = refresh(&app, &first.text("/refreshToken")).await;
    refresh(&app, &second.text("/refreshToken")).await;
    assert_eq!(refresh(&app, &first.text("/refreshToken")).await.code(), "TOKEN_REUSED");
}

#[tokio::test]
async fn for_ten_seconds_the_last_token_used_gets_the_same_successor_again() {
    let app = TestApp::new();
    let first = signed_in(&app).await;
    let one = refresh(&app, &first.text("/refreshToken")).await;
    let other = refresh(&app, &first.text("/refreshToken")).await;
    assert_eq!(one.text("/refreshToken"), other.text("/refreshToken"));
    assert_eq!(refresh(&app, &other.text("/refreshToken")).await.status, StatusCode::OK);
}

#[test]
fn two_tabs_at_once_get_one_successor() {
    let app = Arc::new(TestApp::new());
    let first = wait(signed_in(&app)).text("/refreshToken");
    let tabs = {
        let app = Arc::clone(&app);
        at_once(8, move |_| {
            let reply = wait(refresh(&app, &first));
            (reply.status, reply.text("/refreshToken"))
        })
    };
    assert_eq!(tabs[0].0, StatusCode::OK);
    assert!(tabs.iter().all(|tab| tab == &tabs[0]));
    assert_eq!(app.number("SELECT refresh_counter FROM sessions"), 1);
}

#[tokio::test]
async fn the_session_ends_at_its_time_however_often_it_is_refreshed() {
    let app = TestApp::with(&[("jwt_refresh_expiration", "1h")]);
    let first = signed_in(&app).await;
    let before = app.number("SELECT expires_at FROM sessions");
    let second = refresh(&app, &first.text("/refreshToken")).await;
    assert_eq!(app.number("SELECT expires_at FROM sessions"), before);
    app.sql("UPDATE sessions SET expires_at = ?1", params![nexus_kit::clock::now()]);
    let late = refresh(&app, &second.text("/refreshToken")).await;
    assert_eq!((late.status, late.code()), (StatusCode::UNAUTHORIZED, "INVALID_TOKEN"));
    assert_eq!(
        app.get_as(&second.text("/accessToken"), "/auth/me").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn an_access_token_does_not_outlive_its_session() {
    let app = TestApp::with(&[("jwt_refresh_expiration", "60s")]);
    assert_eq!(signed_in(&app).await.body["expiresIn"], 60);
}

#[tokio::test]
async fn suspension_ends_refreshing() {
    let app = TestApp::new();
    let first = signed_in(&app).await;
    app.sql("UPDATE users SET status = 'SUSPENDED'", &[]);
    assert_eq!(
        refresh(&app, &first.text("/refreshToken")).await.code(),
        "INVALID_TOKEN"
    );
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_invalid_and_none_is_unauthenticated() {
    let app = TestApp::new();
    let first = signed_in(&app).await;
    let mut forged = first.text("/refreshToken");
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'Q' } else { 'A' });
    for token in ["", "x", first.text("/accessToken").as_str(), forged.as_str()] {
        assert_eq!(refresh(&app, token).await.code(), "INVALID_TOKEN", "{token}");
    }
    assert_eq!(app.post("/auth/refresh", json!({})).await.code(), "UNAUTHENTICATED");
}

#[tokio::test]
async fn no_token_lies_in_the_database() {
    let app = TestApp::new();
    let token = signed_in(&app).await.text("/refreshToken");
    let rows = app.database().query("SELECT * FROM sessions", &[]).unwrap();
    assert!(!format!("{rows:?}").contains(&token));
}

#[tokio::test]
async fn while_the_secret_is_replaced_tokens_of_both_are_good_and_the_successor_is_of_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let open = || nexus_store::Database::open_file(&folder.path().join("db")).unwrap();
    const OLD: &str = "a refresh secret of at least thirty-two bytes";
    const NEW: &str = "another refresh secret of thirty-two bytes or more";
    let before = TestApp::on(open(), &[]);
    let first = signed_in(&before).await.text("/refreshToken");
    let during = TestApp::on(
        open(),
        &[("jwt_refresh_secret", NEW), ("jwt_refresh_secret_previous", OLD)],
    );
    let second = refresh(&during, &first).await;
    assert_eq!(second.status, StatusCode::OK, "{}", second.body);
    let again = refresh(&during, &first).await;
    assert_eq!(
        again.text("/refreshToken"),
        second.text("/refreshToken"),
        "the grace holds too"
    );
    let after = TestApp::on(open(), &[("jwt_refresh_secret", NEW)]);
    assert_eq!(refresh(&after, &first).await.code(), "INVALID_TOKEN");
    let third = refresh(&after, &second.text("/refreshToken")).await;
    assert_eq!(third.status, StatusCode::OK, "{}", third.body);
}
