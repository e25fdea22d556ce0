//! `check`: format, clippy and the unit tests of the changed packages. For use while one works; `.ci/run` checks everything.

use std::path::Path;
use std::time::Instant;

use crate::build;
use crate::changes;
use crate::step::{self, Failure};
use crate::test::binaries;
use crate::workspace::{Package, WASM_TARGET, Workspace};

pub const HELP: &str = "\
Usage: cargo xtask check

Checks the format, runs clippy, and runs the unit tests of the packages that changed since the branch left `main`.
The packages of the workspace are built incrementally and with few optimisations. `.ci/run` checks everything.
";

pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    let start = Instant::now();
    step::run("Checking the format", workspace.cargo("fmt").args(["--all", "--check"]))?;
    let files = changes::files(workspace)?;
    let is_build_input = |file: &Path| {
        file.extension()
            .is_some_and(|extension| extension == "rs" || extension == "toml")
    };
    let packages = changes::packages(workspace, &files)?;
    if packages.is_empty() && !files.iter().any(|file| is_build_input(file)) {
        eprintln!("    No package has changed since `main`");
        return Ok(());
    }
    clippy(workspace, &packages)?;
    unit_tests(workspace, &packages)?;
    eprintln!("==> Checked in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn clippy(workspace: &Workspace, packages: &[Package]) -> Result<(), Failure> {
    let mut native = workspace.quick_cargo("clippy")?;
    native.args([
        "--quiet",
        "--release",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    step::run("Clippy, native", &mut native)?;
    if !packages.iter().any(Package::is_for_wasm) {
        return Ok(());
    }
    build::install_target(workspace)?;
    let mut guest = workspace.quick_cargo("clippy")?;
    guest.args(["--quiet", "--release", "--target", WASM_TARGET]);
    for component in workspace.components()? {
        guest.args(["--package", &component]);
    }
    step::run("Clippy, components", guest.args(["--", "-D", "warnings"]))
}

fn unit_tests(workspace: &Workspace, packages: &[Package]) -> Result<(), Failure> {
    if packages.is_empty() {
        return Ok(());
    }
    let (alone, together): (Vec<&Package>, Vec<&Package>) = packages.iter().partition(|package| package.builds_alone());
    if !alone.is_empty() {
        let mut cargo = workspace.quick_cargo("test")?;
        cargo.args(["--quiet", "--release"]);
        for package in &alone {
            cargo.args(["--package", &package.name, package.unit_target()]);
        }
        step::run(&format!("Unit tests of {}", names(&alone)), &mut cargo)?;
    }
    if together.is_empty() {
        return Ok(());
    }
    let title = format!("Unit tests of {}", names(&together));
    let start = step::begin(&title);
    let built = binaries::build(workspace.quick_cargo("test")?)?;
    for package in &together {
        for binary in built.iter().filter(|binary| binary.package == package.name) {
            let mut tests = workspace.command(workspace.root.join(&binary.path));
            // Tests find their fixtures relative to their package, as under cargo.
            tests.current_dir(workspace.root.join(&package.folder));
            step::status(tests.arg("--quiet"))?;
        }
    }
    step::end(&title, start);
    Ok(())
}

fn names(packages: &[&Package]) -> String {
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    names.join(", ")
}
