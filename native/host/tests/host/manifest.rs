//! Errors in the manifest name the key and the problem.

use super::app::App;

/// The error of loading, without the test's folder.
async fn refusal(manifest: &str) -> String {
    let app = App::new(manifest);
    let dir = format!("{}/", app.dir.path().display());
    app.refusal().await.replace(&dir, "")
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_named() {
    let problem = refusal("[component.a]\nsource = \"a.wasm\"\nsqlite_database = []").await;
    assert!(problem.starts_with("spin.toml is not valid"), "{problem}");
    assert!(problem.contains("unknown field `sqlite_database`"), "{problem}");
}

#[tokio::test]
async fn a_route_to_a_component_that_does_not_exist_is_named() {
    let problem = refusal("[[trigger.http]]\nroute = \"/\"\ncomponent = \"nobody\"").await;
    assert_eq!(
        problem,
        "spin.toml: `trigger.http[0].component`: there is no component \"nobody\""
    );
}

#[tokio::test]
async fn a_required_variable_without_a_value_is_an_error_with_a_remedy() {
    let problem = refusal("[variables]\nsome_key = { required = true }").await;
    assert_eq!(
        problem,
        "the variable `some_key` is required and has no value: set SPIN_VARIABLE_SOME_KEY, or give it a default in spin.toml"
    );
}

#[tokio::test]
async fn a_template_with_an_unknown_variable_is_named() {
    let problem = refusal("[component.a]\nsource = \"a.wasm\"\nvariables = { x = \"{{ y }}\" }").await;
    assert_eq!(problem, "spin.toml: `component.a.variables.x`: unknown variable \"y\"");
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let problem =
        refusal("[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"").await;
    assert!(problem.starts_with("can't read a.wasm: No such file"), "{problem}");
}

#[tokio::test]
async fn a_file_that_is_no_component_is_named() {
    let app = App::new("[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n[component.a]\nsource = \"a.wasm\"")
        .file("a.wasm", "text");
    let problem = app.refusal().await;
    assert!(problem.starts_with("component `a` ("), "{problem}");
}

#[tokio::test]
async fn a_grant_for_an_unconfigured_store_is_refused() {
    let app = App::one("hello", "sqlite_databases = [\"other\"]");
    let problem = app.refusal().await;
    assert!(
        problem.ends_with("`component.hello.sqlite_databases`: no database \"other\" in the runtime configuration"),
        "{problem}"
    );
}

#[tokio::test]
async fn an_ambiguous_outbound_host_is_refused() {
    let app = App::one("hello", "allowed_outbound_hosts = [\"example.com\"]");
    let problem = app.refusal().await;
    assert!(
        problem.contains("`component.hello.allowed_outbound_hosts`: \"example.com\""),
        "{problem}"
    );
}

#[tokio::test]
async fn build_runs_each_command_in_its_folder_and_names_the_failed_one() {
    let app = App::new(
        r#"
[component.a]
source = "a.wasm"
[component.a.build]
command = ["echo made > made.txt"]
workdir = "a"
[component.b]
source = "b.wasm"
[component.b.build]
command = "exit 3"
"#,
    )
    .file("a/x", "");
    let manifest = &app.config.manifest;
    nexus_host::build(manifest, Some("a")).await.unwrap();
    let made = std::fs::read_to_string(app.dir.path().join("a/made.txt")).unwrap();
    assert_eq!(made, "made\n");
    let failed = nexus_host::build(manifest, None).await.unwrap_err().to_string();
    assert_eq!(failed, "component `b`: `exit 3` failed with exit status: 3");
    let unknown = nexus_host::build(manifest, Some("c")).await.unwrap_err().to_string();
    assert_eq!(unknown, "no component `c` in the manifest");
}
