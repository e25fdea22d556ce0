//! The product against a server that others wrote: Prism, which mocks an API by its OpenAPI document, with the one that
//! Twilio publishes. It checks every request against the document, and answers as the document says.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use nexus_tests::repository;

use super::{await_status, sending_to};
use crate::admin::{applicant, owner};

struct Prism {
    process: Child,
    url: String,
}

impl Drop for Prism {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Installs it by its lock file, unless that was done before. `None`: it can't be had here.
fn install() -> Option<()> {
    let folder = repository().join("tests/api/mail/js");
    if folder.join("node_modules/@stoplight/prism-cli").is_dir() {
        return Some(());
    }
    let installed = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(folder)
        .status();
    installed.is_ok_and(|status| status.success()).then_some(())
}

fn start() -> Option<Prism> {
    install()?;
    // Prism takes no port 0; this one was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
    let mut process = Command::new("node")
        .arg(repository().join("tests/api/mail/js/node_modules/@stoplight/prism-cli/dist/index.js"))
        .arg("mock")
        .arg(repository().join("tests/fixtures/sendgrid-mail-v3.openapi.json"))
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--cors", "false"])
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let stdout = process.stdout.take()?;
    let prism = Prism {
        process,
        url: format!("http://127.0.0.1:{port}"),
    };
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    lines.find(|line| line.contains("Prism is listening"))?;
    // Read on, or it would block on a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    Some(prism)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_server_that_others_wrote_takes_every_mail() {
    let Some(prism) = tokio::task::block_in_place(start) else {
        println!("skipped: @stoplight/prism-cli can't be installed or started here");
        return;
    };
    let app = sending_to(&prism.url).start().await;
    let owner = owner(&app).await;
    let ana = applicant(&app, "ana@example.org", None).await;
    let ben = applicant(&app, "ben@example.org", None).await;
    let approve = format!("/admin/verifications/{ana}/approve");
    owner.post_empty(&approve).await.expect(200);
    let reject = format!("/admin/verifications/{ben}/reject");
    owner.post_empty(&reject).await.expect(200);
    for template in ["account-approved", "documents-rejected", "verification-otp"] {
        let mail = await_status(&owner, template, "SENT").await;
        assert_eq!(mail["attempts"], 1, "{mail}");
    }
}
