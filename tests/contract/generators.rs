//! Clients that are generated from the document, without a warning, do what their types say.

use std::fs;
use std::path::Path;
use std::process::Command;

use nexus_tests::TestApp;

use crate::{admin, folder, python, run, write_document};

#[tokio::test(flavor = "multi_thread")]
async fn a_typescript_client_is_generated_without_a_warning_and_works() {
    let packages = folder("js/node_modules");
    if !packages.exists() {
        println!("skipped: openapi-typescript is not installed; `cargo xtask test` installs it");
        return;
    }
    let app = TestApp::start().await;
    let account = admin(&app);
    let place = tempfile::tempdir().expect("a folder");
    for file in ["drive.ts", "tsconfig.json", "package.json"] {
        fs::copy(folder("js").join(file), place.path().join(file)).expect("it is copied");
    }
    std::os::unix::fs::symlink(&packages, place.path().join("node_modules")).expect("a link");
    write_document(&app, &place.path().join("openapi.json")).await;
    let program = |name: &str| {
        let mut command = Command::new("node");
        command.current_dir(place.path()).arg(packages.join(name));
        command
    };
    let mut generate = program("openapi-typescript/bin/cli.js");
    generate.args(["openapi.json", "-o", "api.d.ts"]);
    let output = run(generate);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).to_lowercase();
    assert!(!said.contains("warn") && !said.contains('⚠'), "{said}");
    let mut compile = program("typescript/bin/tsc");
    compile.args(["--project", "tsconfig.json"]);
    run(compile);
    let mut drive = Command::new("node");
    drive.current_dir(place.path());
    drive.args(["drive.js", app.url(), &account.email, &account.password]);
    assert_eq!(String::from_utf8_lossy(&run(drive).stdout).trim(), "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_is_generated_without_a_warning_and_works() {
    let Some(generator) = python("openapi-python-client") else {
        return;
    };
    let app = TestApp::start().await;
    let account = admin(&app);
    let place = tempfile::tempdir().expect("a folder");
    write_document(&app, &place.path().join("openapi.json")).await;
    // Formatting is another program's work; without it there is nothing to warn of.
    fs::write(place.path().join("config.yml"), "post_hooks: []\n").expect("it is written");
    let mut generate = Command::new(generator);
    generate
        .current_dir(place.path())
        .args(["generate", "--path", "openapi.json"]);
    generate.args([
        "--config",
        "config.yml",
        "--meta",
        "none",
        "--output-path",
        "nexus_client",
    ]);
    let output = run(generate);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(!said.to_lowercase().contains("warning"), "{said}");
    let mut drive = Command::new(python("python").expect("beside its packages"));
    drive.arg(folder("python/drive.py")).arg(place.path());
    drive.args([app.url(), &account.email, &account.password]);
    assert_eq!(String::from_utf8_lossy(&run(drive).stdout).trim(), "done");
    assert!(Path::new(&place.path().join("nexus_client")).exists());
}
