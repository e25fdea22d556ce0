//! The log: one shape, whoever speaks, and no colours where nobody looks.

use std::time::{Duration, Instant};

use nexus_tests::TestApp;
use serde_json::{Value, json};

/// An app whose edge and components have said something.
async fn talkative(format: &str) -> (TestApp, String) {
    let app = TestApp::builder()
        .env("LOG_FORMAT", format)
        .env("THROTTLE_LIMT", "1")
        .start()
        .await;
    let body = json!({"email": "nobody@example.org", "password": "Quiet-River-42"});
    app.client().post("/auth/login", &body).await.expect(401);
    let asked = Instant::now();
    loop {
        let log = app.log();
        if log.contains("INVALID_CREDENTIALS") && log.contains("/api/v1/auth/login") {
            return (app, log);
        }
        assert!(asked.elapsed() < Duration::from_secs(10), "{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_has_the_same_shape() {
    let (_app, log) = talkative("json").await;
    let mut targets = Vec::new();
    for line in log.lines() {
        let said: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |name: &str| {
            said[name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name}: {line}"))
                .to_owned()
        };
        let (timestamp, level) = (text("timestamp"), text("level"));
        assert!(timestamp.starts_with("20") && timestamp.ends_with('Z'), "{line}");
        assert!(
            ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&level.as_str()),
            "{line}"
        );
        assert!(!text("message").is_empty(), "{line}");
        targets.push(text("target"));
    }
    for target in ["access", "security", "nexus"] {
        let named = targets.iter().any(|found| found.split("::").next() == Some(target));
        assert!(named, "{target} is not among {targets:?}");
    }
    assert!(
        log.contains("THROTTLE_LIMT (in the environment) is no setting"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_for_people_have_no_colours_in_a_file() {
    let (_app, log) = talkative("pretty").await;
    assert!(!log.contains('\u{1b}'), "{log}");
    assert!(!log.contains("{\"") && log.contains("identity"), "{log}");
}
