//! Requests made from the document by Schemathesis, good ones and bad ones: no failure of ours, and nothing that the document
//! doesn't say.

use std::process::Command;

use nexus_tests::{Account, TestApp};

use crate::{folder, python, run};

/// Good enough to find a new route that differs; the long form is for all of them.
const SHORT: u32 = 4;
const LONG: u32 = 95;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes on a busy machine: `cargo xtask faults`"]
async fn requests_made_from_the_document_find_no_difference() {
    compare(SHORT).await;
}

/// At least 20,000 requests for each of the two.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "several minutes: `cargo xtask faults`"]
async fn twenty_thousand_requests_made_from_the_document_find_no_difference() {
    compare(LONG).await;
}

async fn compare(examples: u32) {
    let Some(program) = python("st") else { return };
    let app = TestApp::builder().env("TRUSTED_PROXIES", "127.0.0.1/32").start().await;
    let accounts = app.demo();
    let resident = accounts.iter().find(|(role, _)| role == "TENANT");
    let resident = resident.map(|(_, account)| Account::new(&account.email, &account.password));
    let owner = app.admin_create("owner@nexus.example", "SUPER_ADMIN", None);
    for account in [owner, resident.expect("a resident")] {
        let mut fuzz = Command::new(&program);
        fuzz.current_dir(folder("fuzzing"))
            .env("PYTHONPATH", folder("fuzzing"))
            .env("SCHEMATHESIS_HOOKS", "hooks")
            .env("NEXUS_URL", app.url())
            .env("NEXUS_EMAIL", &account.email)
            .env("NEXUS_PASSWORD", &account.password)
            .args(["run", &format!("{}/api/v1/openapi.json", app.url())])
            .args(["--max-examples", &examples.to_string()])
            .args([
                "--phases",
                "examples,coverage,fuzzing",
                "--checks",
                "all",
                "--continue-on-failure",
            ])
            .args([
                "--no-shrink",
                "--suppress-health-check",
                "all",
                "--no-color",
                "--warnings",
                "off",
            ])
            .args(["--generation-database", "none"]);
        let output = run(fuzz);
        let said = String::from_utf8_lossy(&output.stdout);
        let summary = said.split("= SUMMARY =").nth(1).unwrap_or(&said);
        println!("{}: {summary}", account.email);
    }
}
