//! The web console before the real product. Its build (`cargo xtask build`) must be there.

use std::io::Write;
use std::process::{Command, Stdio};

use nexus_tests::{Account, TestApp, repository};
use serde_json::{Value, json};

/// What was measured is printed; the script's own report says what was wrong, and where.
#[tokio::test(flavor = "multi_thread")]
async fn people_use_the_console_on_phone_and_desktop_in_both_directions() {
    if !repository().join("static/index.html").exists() {
        println!("SKIPPED: static/ is not built; `cargo xtask build` builds it where Node.js is");
        return;
    }
    let app = TestApp::start().await;
    let people = app.demo();
    let of = |role: &str| -> &Account { &people.iter().find(|(theirs, _)| theirs == role).expect("the role").1 };
    let account = |account: &Account| json!({ "email": account.email, "password": account.password });
    let told = json!({
        "admin": account(of("ADMIN")),
        "manager": account(of("MANAGER")),
        "resident": account(of("STUDENT")),
        "tenant": account(of("TENANT")),
    });
    let output = tokio::task::spawn_blocking({
        let origin = app.url().to_owned();
        move || run(&origin, &told)
    })
    .await
    .expect("no panic");
    println!("{output}");
}

fn run(origin: &str, people: &Value) -> String {
    let mut browser = Command::new("node")
        .args(["console/journeys.mjs", origin])
        // Where pictures of all screens are wanted.
        .args(std::env::var("NEXUS_PICTURES"))
        .current_dir(repository().join("tests/browser/js"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut input = browser.stdin.take().expect("piped");
    write!(input, "{people}").expect("it reads its input");
    drop(input);
    let output = browser.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "its errors are above\n{text}");
    text
}
