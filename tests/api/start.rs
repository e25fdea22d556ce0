//! How the product starts: soon, small, or not at all and with a reason.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nexus_tests::{TestApp, binary, repository};
use serde_json::Value;

#[test]
fn without_enough_address_space_it_does_not_start_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let started = Command::new("sh")
        .args(["-c", "ulimit -v 4000000; exec \"$0\" \"$@\""])
        .arg(binary())
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .arg("--manifest")
        .arg(repository().join("spin.toml"))
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .expect("nexus runs");
    let said = String::from_utf8_lossy(&started.stderr);
    assert_eq!(started.status.code(), Some(2), "{said}");
    assert!(said.contains("address space") && said.contains("ulimit -v"), "{said}");
}

#[test]
fn the_openapi_document_is_there_in_a_moment() {
    let nexus = |arguments: &[&str]| {
        let output = Command::new(binary())
            .args(arguments)
            .arg("--manifest")
            .arg(repository().join("spin.toml"))
            .current_dir(std::env::temp_dir())
            .output()
            .expect("nexus runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    // As the build does.
    nexus(&["compile"]);
    let began = Instant::now();
    let document = nexus(&["openapi"]);
    // About 0.1 s on a machine that does nothing else.
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    assert!(document["paths"]["/api/v1/auth/login"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_that_a_build_leaves_is_the_one_that_is_served() {
    let app = TestApp::start().await;
    let served = app.client().get("/openapi.json").await.expect(200);
    let kept = app
        .command(&["openapi", "--manifest"])
        .arg(repository().join("spin.toml"))
        .output()
        .expect("nexus runs");
    assert_eq!(String::from_utf8_lossy(&kept.stdout), served.text());
}
