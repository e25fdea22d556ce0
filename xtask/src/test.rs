//! `test`: what tests need, then all of them, with their totals at the end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::build;
use crate::step::{self, Failure};
use crate::workspace::Workspace;

pub fn run(workspace: &Workspace, filter: &[String]) -> Result<(), Failure> {
    build::install_target(workspace)?;
    build::components(workspace)?;
    // `nexus` with them: built by itself, most dependencies would be built twice, since tests ask for other features.
    step::run(
        "Building nexus and the tests",
        workspace
            .cargo("build")
            .args(["--release", "--workspace", "--lib", "--bins", "--tests"]),
    )?;
    build::compile(workspace)?;
    install_node_packages(workspace, &workspace.root.join("tests/relay/js"))?;
    install_node_packages(workspace, &workspace.root.join("tests/browser/js"))?;
    install_node_packages(workspace, &workspace.root.join("tests/contract/js"))?;
    install_node_packages(workspace, &workspace.root.join("clients/typescript"))?;
    step::run(
        "Building and testing the TypeScript client",
        workspace
            .command("npm")
            .args(["test", "--silent"])
            .current_dir(workspace.root.join("clients/typescript"))
            .stdout(Stdio::null()),
    )?;
    install_python_packages(workspace, &workspace.root.join("tests/relay/python"))?;
    install_python_packages(workspace, &workspace.root.join("tests/libsql"))?;
    // The tests that need these say by name that they are skipped.
    if let Err(failure) = install_python_packages(workspace, &workspace.root.join("tests/contract/python")) {
        println!("{failure}");
    }
    install_debian_package(workspace, &["redis-server", "valkey-server"], "redis-server")?;
    install_debian_package(workspace, &["chromium"], "chromium")?;

    let mut cargo = workspace.cargo("test");
    cargo.args([
        "--release",
        "--workspace",
        "--no-fail-fast",
        "--lib",
        "--bins",
        "--tests",
    ]);
    if !filter.is_empty() {
        cargo.arg("--").args(filter);
    }
    let start = step::began("Running tests");
    let mut totals = Totals::default();
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::new(format!("cargo can't be run: {error}")))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            totals.add(&line);
            println!("{line}");
        }
    }
    let status = child
        .wait()
        .map_err(|error| Failure::new(format!("cargo was lost: {error}")))?;
    step::ended("Running tests", start);
    println!(
        "{} passed, {} failed, {} skipped",
        totals.passed, totals.failed, totals.ignored
    );
    if !status.success() {
        return Err(Failure::new("tests failed"));
    }
    if totals.passed == 0 && filter.is_empty() {
        return Err(Failure::new("no test ran"));
    }
    Ok(())
}

/// `npm ci`, unless it was done for this very lock file.
fn install_node_packages(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    let Ok(lock) = fs::read(folder.join("package-lock.json")) else {
        return Ok(());
    };
    let stamp = folder.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    step::run(
        "Installing node packages for the tests",
        workspace
            .command("npm")
            .args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder),
    )?;
    fs::write(&stamp, lock).map_err(|error| Failure::new(format!("{} can't be written: {error}", stamp.display())))
}

/// A virtual environment beside the requirements, made anew when they change.
fn install_python_packages(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    let Ok(wanted) = fs::read(folder.join("requirements.txt")) else {
        return Ok(());
    };
    let stamp = folder.join(".venv/installed.txt");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    step::run(
        "Making a Python environment for the tests",
        workspace
            .command("python3")
            .args(["-m", "venv", ".venv"])
            .current_dir(folder),
    )?;
    step::run(
        "Installing Python packages for the tests",
        workspace
            .command(folder.join(".venv/bin/pip"))
            .args([
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
                "requirements.txt",
            ])
            .current_dir(folder),
    )?;
    fs::write(&stamp, wanted).map_err(|error| Failure::new(format!("{} can't be written: {error}", stamp.display())))
}

/// Where none of the programs is there: Debian's package, if we may install it; else whoever runs this is told.
fn install_debian_package(workspace: &Workspace, programs: &[&str], package: &str) -> Result<(), Failure> {
    let is_there = |program: &&str| {
        let asked = workspace
            .command(program)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    if programs.iter().any(is_there) {
        return Ok(());
    }
    let install = format!("apt-get update -qq && apt-get install -y -qq --no-install-recommends {package}");
    step::run(
        &format!("Installing {package} for the tests"),
        workspace
            .command("sh")
            .args(["-c", &install])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null()),
    )
    .map_err(|_| Failure::new(format!("the tests need {}: install it", programs.join(" or "))))
}

#[derive(Default)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; …`
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let number = number.parse::<u64>().unwrap_or_default();
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up_over_test_binaries() {
        let mut totals = Totals::default();
        totals.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        totals.add("test x ... ok");
        totals.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s");
        assert_eq!((totals.passed, totals.failed, totals.ignored), (15, 2, 1));
    }
}
