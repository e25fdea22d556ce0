//! `build`: the components, `nexus`, and the components' code for this machine.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::step::{self, Failure};
use crate::web;
use crate::workspace::{WASM_TARGET, Workspace};

pub const HELP: &str = "\
Usage: cargo xtask build

Builds the WebAssembly components and `nexus`, and compiles the components' code for this machine, so that no start has
to compile.
";

pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    install_target(workspace)?;
    web::build(workspace)?;
    components(workspace)?;
    step::run(
        "Building nexus",
        workspace.cargo("build").args(["--release", "--package", "nexus"]),
    )?;
    compile(workspace)
}

/// Compiles the components once for all data folders, so that a first start is as fast as any other.
pub fn compile(workspace: &Workspace) -> Result<(), Failure> {
    let manifest = workspace.root.join("spin.toml");
    step::run(
        "Compiling the components for this machine",
        &mut ahead(workspace, &workspace.nexus(), &manifest),
    )
}

/// Same as [`compile`], without optimisations: takes half the processor time.
pub fn compile_quickly(workspace: &Workspace) -> Result<(), Failure> {
    let manifest = workspace.root.join("spin.toml");
    let mut compile = ahead(workspace, &workspace.nexus(), &manifest);
    step::run("Compiling the components without optimisations", compile.arg("--quick"))
}

/// `nexus compile`, without the settings that the environment may have for a product.
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

/// Builds all components in one invocation, so that cargo shares their dependencies.
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
