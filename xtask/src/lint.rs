//! `lint`: formatting, clippy for both targets, and the dependency policy of `deny.toml`.

use std::path::PathBuf;
use std::process::Stdio;

use crate::build;
use crate::step::{self, Failure};
use crate::web;
use crate::workspace::{WASM_TARGET, Workspace};

pub const HELP: &str = "\
Usage: cargo xtask lint

Checks the format, runs clippy for the native programs and for the components, and checks the dependencies against
deny.toml. The first run installs cargo-deny.
";

pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    step::run("Checking the format", workspace.cargo("fmt").args(["--all", "--check"]))?;
    clippy(workspace)?;
    dependency_policy(workspace)?;
    web::lint(workspace)
}

fn clippy(workspace: &Workspace) -> Result<(), Failure> {
    let components = workspace.components()?;
    step::run(
        "Clippy, native",
        workspace
            .cargo("clippy")
            .args(["--release", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    if components.is_empty() {
        return Ok(());
    }
    build::install_target(workspace)?;
    let mut guest = workspace.cargo("clippy");
    guest.args(["--release", "--target", WASM_TARGET]);
    for component in &components {
        guest.args(["--package", component]);
    }
    step::run("Clippy, components", guest.args(["--", "-D", "warnings"]))
}

fn dependency_policy(workspace: &Workspace) -> Result<(), Failure> {
    let deny = cargo_deny(workspace)?;
    step::run(
        "Checking dependencies (bans, licences, sources)",
        workspace
            .command(&deny)
            .args(["--log-level", "error", "check", "bans", "licenses", "sources"]),
    )?;
    let start = step::begin("Checking dependencies (advisories)");
    let output = workspace
        .command(&deny)
        .args(["--log-level", "error", "check", "advisories"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("cannot run cargo-deny: {error}")))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        step::end("Checking dependencies (advisories)", start);
        return Ok(());
    }
    // The database is a repository of its own. Where it cannot be fetched, the check is skipped.
    if errors.contains("advisory database") {
        eprintln!("    SKIPPED advisories: their database cannot be fetched here");
        return Ok(());
    }
    eprint!("{errors}");
    Err(Failure::new("a dependency has a known vulnerability"))
}

/// Installs cargo-deny into `target/tools` once, which takes some minutes.
fn cargo_deny(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let tools = workspace.target.join("tools");
    let binary = tools.join("bin/cargo-deny");
    if !binary.exists() {
        let mut install = workspace.cargo("install");
        install
            .args(["cargo-deny", "--locked", "--version", CARGO_DENY, "--root"])
            .arg(&tools)
            .env("CARGO_TARGET_DIR", tools.join("build"));
        step::run("Installing cargo-deny (once, some minutes)", &mut install)?;
    }
    Ok(binary)
}

const CARGO_DENY: &str = "^0.20";
