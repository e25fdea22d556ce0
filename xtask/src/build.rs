//! `build`: the components, then the binary that hosts them.

use std::process::Stdio;

use crate::step::{self, Failure};
use crate::workspace::{WASM_TARGET, Workspace};

pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    install_target(workspace)?;
    components(workspace)?;
    step::run(
        "Building nexus",
        workspace.cargo("build").args(["--release", "--package", "nexus"]),
    )
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
