//! A component's code is replaced while the application runs.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::app::{App, fixtures, get, text};

const MANIFEST: &str = r#"
[[trigger.http]]
route = "/..."
component = "changing"
[component.changing]
source = "changing.wasm"
"#;

fn install(app: &App, fixture: &str) {
    let to: PathBuf = app.dir.path().join("changing.wasm");
    fs::copy(fixtures().join(format!("fixture_{fixture}.wasm")), to).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_requests_run_the_new_code_and_a_request_in_flight_ends_on_the_old() {
    let app = App::new(MANIFEST);
    install(&app, "flow");
    let host = app.load().await;
    let in_flight = tokio::spawn({
        let host = host.clone();
        async move { get(&host, "/waiting?800").await }
    });
    while host.stats().requests_under_way == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    install(&app, "hello");
    assert_eq!(host.reload().await.unwrap(), ["changing"]);
    assert!(!in_flight.is_finished(), "the old code still runs");
    assert_eq!(text(&host, "/").await, "Hello, world!");
    assert_eq!(in_flight.await.unwrap().text, "waited");
    assert_eq!(host.release_unused_code().await, 0, "old code may be unmapped");
}

#[tokio::test]
async fn unchanged_components_are_not_reloaded() {
    let app = App::new(MANIFEST);
    install(&app, "hello");
    let host = app.load().await;
    assert!(host.release_unused_code().await > 0);
    assert_eq!(text(&host, "/").await, "Hello, world!");
    assert_eq!(host.reload().await.unwrap(), [""; 0]);
    assert_eq!(host.stats().instances_made, 1);
}

#[tokio::test]
async fn a_broken_component_leaves_the_old_code_in_place() {
    let app = App::new(MANIFEST);
    install(&app, "hello");
    let host = app.load().await;
    fs::write(app.dir.path().join("changing.wasm"), "no component").unwrap();
    let error = host.reload().await.unwrap_err().to_string();
    assert!(error.contains("changing"), "{error}");
    assert_eq!(text(&host, "/").await, "Hello, world!");
}
