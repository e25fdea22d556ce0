use super::app::{App, text};

fn app(inherit: &str, name: &str) -> App {
    App::new(&format!(
        r#"
[variables]
word = {{ default = "w" }}
[[trigger.http]]
route = "/letters/..."
component = "letters"
[[trigger.http]]
route = "/hello"
component = "hello"
[component.hello]
source = "@hello"
[component.letters]
source = "@letters"
allowed_outbound_hosts = ["http://self"]
variables = {{ name = "{{{{ word }}}}" }}
environment = {{ NAME = "e" }}
files = ["spin.toml"]
[component.letters.dependencies]
"{name}" = {{ component = "post"{inherit} }}
[component.post]
source = "@post"
"#
    ))
}

const CARRY: &str = "/letters/carry?http://self.alt/hello";
const LOOK: &str = "/letters/look?name";

#[tokio::test]
async fn a_dependency_with_an_async_function_calls_out_with_the_inherited_grant() {
    let app = app(
        ", inherit_configuration = [\"allowed_outbound_hosts\"]",
        "fixture:post/carrier",
    );
    let host = app.load().await;
    assert_eq!(text(&host, CARRY).await, "Ok(\"Hello, world!\")");
    assert_eq!(
        text(&host, LOOK).await,
        "variable Err(Error::Undefined(\"name\")), environment Err(NotPresent), files None"
    );
}

#[tokio::test]
async fn a_dependency_inherits_nothing_by_default() {
    let host = app("", "fixture:post/carrier").load().await;
    let refused = text(&host, CARRY).await;
    assert!(
        refused.contains("wasi:http/client") && refused.contains("is not permitted"),
        "{refused}"
    );
    assert!(text(&host, LOOK).await.contains("Undefined"));
    // The component itself keeps its grants.
    assert_eq!(text(&host, "/letters/itself?http://self.alt/hello").await, "200");
}

#[tokio::test]
async fn a_dependency_may_inherit_everything() {
    let host = app(", inherit_configuration = true", "fixture:post").load().await;
    assert_eq!(text(&host, CARRY).await, "Ok(\"Hello, world!\")");
    assert_eq!(
        text(&host, LOOK).await,
        "variable Ok(\"w\"), environment Ok(\"e\"), files Some(1)"
    );
}

#[tokio::test]
async fn a_dependency_may_inherit_single_grants() {
    let app = app(
        ", inherit_configuration = [\"variables\", \"files\"]",
        "fixture:post/carrier@1.0.0",
    );
    let host = app.load().await;
    assert!(text(&host, CARRY).await.contains("is not permitted"));
    assert_eq!(
        text(&host, LOOK).await,
        "variable Ok(\"w\"), environment Err(NotPresent), files Some(1)"
    );
}

#[tokio::test]
async fn a_dependency_that_nobody_imports_is_refused() {
    let problem = app("", "fixture:other/thing").refusal().await;
    assert_eq!(
        problem,
        "component `letters`: dependency `fixture:other/thing`: the component doesn't import it"
    );
}
