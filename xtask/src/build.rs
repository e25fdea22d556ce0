//! `build`: the components, the binary that hosts them, and the components' code for it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::step::{self, Failure};
use crate::workspace::{WASM_TARGET, Workspace};

pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    install_target(workspace)?;
    components(workspace)?;
    step::run(
        "Building nexus",
        workspace.cargo("build").args(["--release", "--package", "nexus"]),
    )?;
    compile(workspace)
}

/// Once for all data folders, so that a first start is as quick as any.
pub fn compile(workspace: &Workspace) -> Result<(), Failure> {
    let manifest = workspace.root.join("spin.toml");
    step::run(
        "Compiling the components for this machine",
        &mut ahead(workspace, &workspace.nexus(), &manifest),
    )
}

/// `nexus compile`. What somebody has set for a product of theirs has no say in it.
pub fn ahead(workspace: &Workspace, nexus: &Path, manifest: &Path) -> Command {
    let mut command = workspace.command(nexus);
    command.arg("compile").arg("--manifest").arg(manifest).env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// All in one invocation: cargo then shares the dependencies and both cores between them.
pub fn components(workspace: &Workspace) -> Result<(), Failure> {
    let components = workspace.components()?;
    if components.is_empty() {
        return Ok(());
    }
    let mut cargo = workspace.cargo("build");
    cargo.args(["--release", "--target", WASM_TARGET]);
    for component in &components {
        cargo.args(["--package", component]);
    }
    let title = format!("Building {} components ({})", components.len(), components.join(", "));
    step::run(&title, &mut cargo)
}

pub fn install_target(workspace: &Workspace) -> Result<(), Failure> {
    let folder = step::output(
        workspace
            .command("rustc")
            .args(["--print", "target-libdir", "--target", WASM_TARGET]),
    )?;
    if std::path::Path::new(folder.trim()).exists() {
        return Ok(());
    }
    let title = format!("Installing the target {WASM_TARGET}");
    step::run(
        &title,
        workspace
            .command("rustup")
            .args(["target", "add", WASM_TARGET])
            .stdout(Stdio::null()),
    )
    .map_err(|failure| {
        Failure::new(format!(
            "{failure}; install the Rust target {WASM_TARGET} and try again"
        ))
    })
}
