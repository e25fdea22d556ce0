//! What only a browser can show: Debian's Chromium, driven by Playwright.

// A test fails at once, where it went wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod console;
mod docs;

use std::io::Write;
use std::process::{Command, Stdio};

use nexus_tests::{TestApp, repository};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_added_used_once_per_challenge_and_removed_in_a_browser() {
    let app = TestApp::start().await;
    let account = app.admin_create("ana@example.org", "STUDENT", None);
    let profile = tempfile::tempdir().expect("a folder");
    let mut browser = Command::new("node")
        .arg("passkeys.mjs")
        .arg(profile.path())
        // Browsers bind passkeys to names, not to addresses.
        .arg(app.url().replace("127.0.0.1", "localhost"))
        .current_dir(repository().join("tests/browser/js"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut input = browser.stdin.take().expect("piped");
    writeln!(input, "{}\n{}", account.email, account.password).expect("it reads its input");
    drop(input);
    let output = tokio::task::spawn_blocking(move || browser.wait_with_output())
        .await
        .expect("no panic")
        .expect("it ends");
    assert!(output.status.success(), "its errors are above");
    let steps: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        steps,
        json!([
            ["sign in", 200, ""],
            ["enroll", 200, ""],
            ["activate", 201, ""],
            ["sign in", 401, "MFA_REQUIRED"],
            ["with passkey", 200, ""],
            ["with the same answer", 401, "INVALID_MFA_CODE"],
            ["list", 200, ""],
            ["challenge", 200, ""],
            ["remove", 204, ""],
            ["sign in", 200, ""],
        ])
    );
}
