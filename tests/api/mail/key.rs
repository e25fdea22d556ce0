//! The provider's key: judged at the start, and in readiness.

use std::time::{Duration, Instant};

use nexus_tests::{Client, FakeSendGrid, TestApp};
use serde_json::Value;

use super::{app_with, sending_to};

async fn await_readiness(client: &Client, status: &str) -> Value {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let ready = client.get("/health/ready").await.expect(200).json();
        if ready["status"] == status {
            return ready;
        }
        assert!(Instant::now() < patience, "not {status}: {ready}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_provider_rejects_stops_the_start_and_says_so() {
    let provider = FakeSendGrid::start().await;
    for (scopes, words) in [
        (Err(401), "SendGrid answered 401"),
        (Err(403), "SendGrid answered 403"),
        (Ok(&["stats.read"][..]), "lacks the right `mail.send`"),
    ] {
        provider.scopes(scopes);
        let (code, said) = sending_to(provider.url()).refuses_to_start().await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("SENDGRID_API_KEY: ") && said.contains(words), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_an_example_s_key_stops_the_start() {
    for key in ["", "SG.your-sendgrid-api-key"] {
        let started = TestApp::builder()
            .env("MAIL_TRANSPORT", "sendgrid")
            .env("SENDGRID_API_KEY", key);
        let (code, said) = started.refuses_to_start().await;
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("SENDGRID_API_KEY: "), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_out_of_reach_at_the_start_is_no_reason_to_stay_down() {
    let app = sending_to("http://127.0.0.1:9").start().await;
    let ready = await_readiness(&app.client(), "degraded").await;
    assert_eq!(ready["checks"]["mail"]["status"], "failed", "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_is_degraded_while_the_provider_is_away_and_asks_it_seldom() {
    let provider = FakeSendGrid::start().await;
    let app = app_with(&provider).await;
    let client = app.client();
    await_readiness(&client, "ok").await;
    let before = provider.checks();
    for _ in 0..50 {
        client.get("/health/ready").await.expect(200);
    }
    assert!(provider.checks() - before <= 2, "{} times", provider.checks() - before);
    provider.scopes(Err(503));
    await_readiness(&client, "degraded").await;
    provider.scopes(Err(401));
    await_detail(&client, "rejects").await;
    provider.scopes(Ok(&["mail.send"]));
    await_readiness(&client, "ok").await;
}

async fn await_detail(client: &Client, word: &str) {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let ready = client.get("/health/ready").await.expect(200).json();
        let detail = ready["checks"]["mail"]["detail"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if detail.contains(word) {
            return;
        }
        assert!(Instant::now() < patience, "{ready}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
