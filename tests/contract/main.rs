//! The OpenAPI document, held to what the product does: by clients that are generated from it, and by requests that are.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

mod fuzzing;
mod generators;

use std::path::PathBuf;
use std::process::{Command, Output};

use nexus_tests::{Account, TestApp, repository};

fn folder(name: &str) -> PathBuf {
    repository().join("tests/contract").join(name)
}

/// A program of the tests' own Python environment, if it could be installed.
fn python(program: &str) -> Option<PathBuf> {
    let path = folder("python/.venv/bin").join(program);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {program} is not installed; `cargo xtask test` installs it where it can be had");
    None
}

/// An ADMIN of the demo company.
fn admin(app: &TestApp) -> Account {
    let accounts = app.demo();
    let (_, account) = accounts
        .into_iter()
        .find(|(role, _)| role == "ADMIN")
        .expect("an admin");
    account
}

async fn write_document(app: &TestApp, path: &std::path::Path) {
    let document = app.client().get("/openapi.json").await.expect(200).json();
    std::fs::write(path, document.to_string()).expect("it is written");
}

/// Runs it to its end; what it printed is shown where it fails.
fn run(mut command: Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
