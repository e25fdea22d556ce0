//! `up`: from a clone to a running product that one can look at.

use std::os::unix::process::CommandExt;

use crate::build;
use crate::step::{self, Failure};
use crate::workspace::Workspace;

const DATA: &str = ".nexus";
const ADDRESS: &str = "127.0.0.1:3000";

pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    build::run(workspace)?;
    // It does nothing where the demo company is already; sign-ins are shown only when it is made.
    step::run(
        "Looking after the demo company",
        workspace.command(workspace.nexus()).args(["demo", "--data", DATA]),
    )?;
    let address = given(arguments, "--listen").unwrap_or(ADDRESS);
    eprintln!(
        "==> Serving on http://{address}: the API under /api/v1, its description at /docs, mails at /api/v1/dev/mailbox"
    );
    eprintln!("    Everything is kept in {DATA}; Ctrl-C stops.");
    let mut serve = workspace.command(workspace.nexus());
    serve.arg("serve");
    if given(arguments, "--listen").is_none() {
        serve.args(["--listen", ADDRESS]);
    }
    if given(arguments, "--data").is_none() {
        serve.args(["--data", DATA]);
    }
    serve.args(arguments);
    // In our place, so that signals reach it and its exit code is ours.
    Err(Failure::new(format!("nexus can't be started: {}", serve.exec())))
}

fn given<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    arguments
        .iter()
        .position(|argument| argument == name)
        .and_then(|at| arguments.get(at + 1))
        .map(String::as_str)
}
