//! Grants of a component: variables, environment, files, output streams.

use super::app::{App, get, text};
use http::StatusCode;

#[tokio::test]
async fn a_component_variable_is_its_resolved_template() {
    let app = App::new(
        r#"
[variables]
host = { default = "example.com" }
key = { required = true, secret = true }
[[trigger.http]]
route = "/..."
component = "given"
[component.given]
source = "@given"
variables = { url = "https://{{ host }}/?k={{key}}", plain = "p" }
"#,
    );
    let mut app = app;
    app.config.variables.insert("key".into(), "s3".into());
    let host = app.load().await;
    assert_eq!(text(&host, "/variable?url").await, "https://example.com/?k=s3");
    assert_eq!(text(&host, "/variable?plain").await, "p");
    assert!(text(&host, "/variable?host").await.contains("Undefined"));
    assert!(text(&host, "/variable?Bad-Name").await.contains("InvalidName"));
}

#[tokio::test]
async fn a_component_has_only_the_manifests_environment() {
    let host = App::one("given", "environment = { A = \"b\", C = \"d\" }").load().await;
    assert_eq!(text(&host, "/env").await, "A=b\nC=d");
}

#[tokio::test]
async fn files_are_readable_at_their_destination_and_read_only() {
    let files = r#"files = [{ source = "assets", destination = "/public" }, "data/*.txt"]
exclude_files = ["assets/secret.txt"]"#;
    let host = App::one("given", files)
        .file("assets/a.txt", "A")
        .file("assets/deep/b.txt", "B")
        .file("assets/secret.txt", "S")
        .file("data/c.txt", "C")
        .load()
        .await;
    assert_eq!(text(&host, "/file?/public/a.txt").await, "A");
    assert_eq!(text(&host, "/file?/public/deep/b.txt").await, "B");
    assert_eq!(text(&host, "/file?/data/c.txt").await, "C");
    assert_eq!(text(&host, "/file?/public/secret.txt").await, "error: NotFound");
    assert_ne!(text(&host, "/file?/../spin.toml").await, "");
    assert!(text(&host, "/file?/spin.toml").await.starts_with("error"));
    assert_eq!(text(&host, "/write?/public/a.txt").await, "refused");
    assert_eq!(text(&host, "/write?/new.txt").await, "refused");
}

#[tokio::test]
async fn a_component_without_files_sees_none() {
    let host = App::one("given", "").load().await;
    assert!(text(&host, "/file?/etc/passwd").await.starts_with("error"));
}

#[tokio::test]
async fn output_reaches_the_sink_line_by_line() {
    let app = App::one("given", "");
    let host = app.load().await;
    assert_eq!(get(&host, "/print?word").await.status, StatusCode::OK);
    let mut lines = app.lines.lock().unwrap().clone();
    lines.sort();
    assert_eq!(lines, ["given Stderr word err", "given Stdout word out"]);
}
