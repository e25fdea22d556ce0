use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use crate::support::{TestApp, account, at_once, wait};

const ANA: &str = "ana@example.org";

async fn registered() -> TestApp {
    let app = TestApp::new();
    app.post("/auth/register", account(ANA)).await;
    app
}

/// A code that isn't `right`.
fn other_than(right: &str) -> String {
    format!("{:06}", (right.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn the_code_from_the_mail_proves_the_address_once() {
    let app = registered().await;
    let verify = || {
        app.post(
            "/auth/verify-email",
            json!({ "email": "ANA@example.org", "otp": app.otp(ANA) }),
        )
    };
    let reply = verify().await;
    assert_eq!(
        (reply.status, &reply.body),
        (StatusCode::OK, &json!({ "emailVerified": true }))
    );
    assert_eq!(app.number("SELECT email_verified FROM users"), 1);
    assert_eq!(verify().await.code(), "INVALID_OTP");
}

#[tokio::test]
async fn a_code_in_the_digits_of_any_script_with_blanks_is_the_same_code() {
    for zero in ['٠', '۰', '०', '๐', '０'] {
        let app = registered().await;
        let digits = app.otp(ANA);
        let typed: String = digits
            .chars()
            .map(|c| char::from_u32(u32::from(zero) + c.to_digit(10).unwrap()).unwrap())
            .collect();
        let (first, last) = typed.split_at(3 * zero.len_utf8());
        let otp = format!("\u{200f}{first}\u{a0}{last} ");
        let reply = app
            .post("/auth/verify-email", json!({ "email": ANA, "otp": otp }))
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{otp}");
    }
}

#[tokio::test]
async fn after_five_wrong_codes_the_right_one_is_wrong_too_until_a_new_one_is_sent() {
    let app = registered().await;
    let otp = app.otp(ANA);
    for _ in 0..5 {
        let reply = app
            .post("/auth/verify-email", json!({ "email": ANA, "otp": other_than(&otp) }))
            .await;
        assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "INVALID_OTP"));
    }
    assert_eq!(
        app.post("/auth/verify-email", json!({ "email": ANA, "otp": otp }))
            .await
            .code(),
        "INVALID_OTP"
    );
    assert_eq!(
        app.post("/auth/resend-otp", json!({ "email": ANA })).await.status,
        StatusCode::ACCEPTED
    );
    let reply = app
        .post("/auth/verify-email", json!({ "email": ANA, "otp": app.otp(ANA) }))
        .await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[test]
fn of_32_tries_at_once_five_are_checked() {
    let app = Arc::new(wait(registered()));
    let otp = app.otp(ANA);
    {
        let app = Arc::clone(&app);
        at_once(32, move |_| {
            wait(app.post("/auth/verify-email", json!({ "email": ANA, "otp": other_than(&otp) }))).status
        });
    }
    assert_eq!(app.number("SELECT tries FROM one_time_codes"), 5);
}

#[tokio::test]
async fn a_code_is_good_for_ten_minutes_and_so_is_its_mail() {
    let app = registered().await;
    assert_eq!(
        app.number("SELECT expires_at - created_at FROM one_time_codes"),
        600_000
    );
    assert_eq!(
        app.number("SELECT expires_at - created_at FROM outbox WHERE template = 'verification-otp'"),
        600_000
    );
    app.sql("UPDATE one_time_codes SET expires_at = created_at", &[]);
    let late = app
        .post("/auth/verify-email", json!({ "email": ANA, "otp": app.otp(ANA) }))
        .await;
    assert_eq!(late.code(), "INVALID_OTP");
}

#[tokio::test]
async fn a_new_code_takes_the_place_of_the_old() {
    let app = registered().await;
    let old = app.otp(ANA);
    app.post("/auth/resend-otp", json!({ "email": ANA })).await;
    if app.otp(ANA) != old {
        assert_eq!(
            app.post("/auth/verify-email", json!({ "email": ANA, "otp": old }))
                .await
                .code(),
            "INVALID_OTP"
        );
    }
}

#[tokio::test]
async fn the_code_lies_nowhere_in_clear() {
    let app = registered().await;
    let otp = app.otp(ANA);
    let rows = app
        .database()
        .query("SELECT hex(code_hash) FROM one_time_codes", &[])
        .unwrap();
    let hash: String = rows[0].get(0).unwrap();
    assert_eq!(hash.len(), 64);
    let params: String = app.database().query("SELECT params FROM outbox", &[]).unwrap()[0]
        .get(0)
        .unwrap();
    assert!(!params.contains(&otp));
}

#[tokio::test]
async fn unknown_and_proven_addresses_are_answered_as_waiting_ones_and_get_nothing() {
    let app = registered().await;
    app.post("/auth/verify-email", json!({ "email": ANA, "otp": app.otp(ANA) }))
        .await;
    let sent = app.mails(ANA).len();
    for email in [ANA, "nobody@example.org"] {
        let reply = app.post("/auth/resend-otp", json!({ "email": email })).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED);
        assert_eq!(
            app.post("/auth/verify-email", json!({ "email": email, "otp": "000000" }))
                .await
                .code(),
            "INVALID_OTP"
        );
    }
    assert_eq!(app.mails(ANA).len(), sent);
    assert!(app.mails("nobody@example.org").is_empty());
}

#[tokio::test]
async fn an_address_gets_five_codes_in_a_quarter_of_an_hour() {
    let app = registered().await;
    let before = app.mails(ANA).len();
    for _ in 0..8 {
        assert_eq!(
            app.post("/auth/resend-otp", json!({ "email": ANA })).await.status,
            StatusCode::ACCEPTED
        );
    }
    assert_eq!(app.mails(ANA).len() - before, 5);
}
