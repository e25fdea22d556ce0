//! Installs what tests need.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use super::selection::Need;
use crate::build;
use crate::step::{self, Failure};
use crate::workspace::Workspace;

/// Installs one need, unless it is there already.
pub fn install(workspace: &Workspace, need: Need) -> Result<(), Failure> {
    let folder = |path: &str| workspace.root.join(path);
    match need {
        Need::WasmTarget => build::install_target(workspace),
        // The programs and components are built, not installed.
        Need::Product => Ok(()),
        Need::TypeScriptClient => {
            let client = folder("clients/typescript");
            install_node_packages(workspace, &client)?;
            let mut npm = workspace.command("npm");
            npm.args(["test", "--silent"])
                .current_dir(&client)
                .stdout(Stdio::null());
            step::run("Building and testing the TypeScript client", &mut npm)
        }
        Need::RelayClients => {
            install_node_packages(workspace, &folder("tests/relay/js"))?;
            install_python_packages(workspace, &folder("tests/relay/python"))
        }
        Need::ContractClients => {
            install_node_packages(workspace, &folder("tests/contract/js"))?;
            // Tests that need these packages report by name that they are skipped.
            if let Err(failure) = install_python_packages(workspace, &folder("tests/contract/python")) {
                println!("{failure}");
            }
            Ok(())
        }
        Need::Browser => {
            install_node_packages(workspace, &folder("tests/browser/js"))?;
            install_debian_package(workspace, &["chromium"], "chromium")
        }
        Need::Libsql => install_python_packages(workspace, &folder("tests/libsql")),
        Need::Redis => install_debian_package(workspace, &["redis-server", "valkey-server"], "redis-server"),
    }
}

/// Runs `npm ci`, unless it ran for the same lock file before.
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
    fs::write(&stamp, lock).map_err(|error| Failure::new(format!("cannot write {}: {error}", stamp.display())))
}

/// Makes a virtual environment beside the requirements, again whenever they change.
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
    fs::write(&stamp, wanted).map_err(|error| Failure::new(format!("cannot write {}: {error}", stamp.display())))
}

/// Installs a Debian package unless one of its programs is there. Without the right to install, the failure names them.
fn install_debian_package(workspace: &Workspace, programs: &[&str], package: &str) -> Result<(), Failure> {
    let is_installed = |program: &&str| {
        let started = workspace
            .command(program)
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        started.is_ok_and(|status| status.success())
    };
    if programs.iter().any(is_installed) {
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
