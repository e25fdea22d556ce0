//! The API's page.

use std::process::Command;

use nexus_tests::{TestApp, repository};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_api_page_finds_error_codes_and_makes_calls_under_its_policy() {
    let app = TestApp::start().await;
    let profile = tempfile::tempdir().expect("a folder");
    let mut browser = Command::new("node");
    browser
        .args(["docs.mjs"])
        .arg(profile.path())
        .args([app.url(), ""])
        .current_dir(repository().join("tests/browser/js"));
    let output = tokio::task::spawn_blocking(move || browser.output())
        .await
        .expect("no panic")
        .expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        seen,
        json!({
            "code": "NOT_FOUND 404",
            "tags": true,
            "status": "200",
            "body": "ok",
            "errors": [],
            "foreign": [],
        })
    );
}
