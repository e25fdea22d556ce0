//! `test`: installs and builds what the selected tests need, runs them, and prints their totals.

pub mod binaries;
mod install;
mod selection;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use self::selection::{Need, Run, TARGETS};
use crate::build;
use crate::step::{self, Failure};
use crate::web;
use crate::workspace::Workspace;

pub const HELP: &str = "\
Usage: cargo xtask test [FILTER…]

Builds and installs what the tests need, and runs them. Without a filter, all tests run. A filter is one of:
  unit             All unit tests; they need no WebAssembly and no other programs
  domain           The unit tests of a package, named with or without `nexus-`
  domain::money    Those with `money` in their path
  api              An integration test program: api, bodies, browser, contract, faults, host, relay, slice, sockets, tidy
  api::auth        The part of it below `auth`
  some_name        The tests with `some_name` in the name of their file or function
";

pub fn run(workspace: &Workspace, filters: &[String]) -> Result<(), Failure> {
    if filters.is_empty() {
        return run_all(workspace);
    }
    let mut runs = Vec::new();
    for filter in filters {
        runs.extend(selection::select(workspace, filter)?);
    }
    let needs: BTreeSet<Need> = runs.iter().flat_map(Run::needs).copied().collect();
    prepare(workspace, &needs)?;
    let mut totals = Totals::default();
    let mut has_failed = false;
    for run in &runs {
        has_failed |= !run_selected(workspace, run, &mut totals)?;
    }
    finish(&totals, has_failed)
}

fn run_all(workspace: &Workspace) -> Result<(), Failure> {
    let needs = TARGETS.iter().flat_map(|target| target.needs).copied().collect();
    prepare(workspace, &needs)?;
    // Here, since `lint` of a fresh clone runs before `nexus` is built.
    web::check_types(workspace)?;
    let mut cargo = workspace.cargo("test");
    cargo.args([
        "--release",
        "--workspace",
        "--no-fail-fast",
        "--lib",
        "--bins",
        "--tests",
    ]);
    let start = step::begin("Running tests");
    let mut totals = Totals::default();
    let has_passed = run_counted(cargo, &mut totals)?;
    step::end("Running tests", start);
    finish(&totals, !has_passed)
}

/// Builds the product if it is needed, and installs the rest.
fn prepare(workspace: &Workspace, needs: &BTreeSet<Need>) -> Result<(), Failure> {
    if needs.contains(&Need::Product) {
        build::install_target(workspace)?;
        web::build(workspace)?;
        build::components(workspace)?;
        // With the tests: built alone, most dependencies of `nexus` would be built twice, since tests select other features.
        let mut cargo = workspace.cargo("build");
        cargo.args(["--release", "--workspace", "--lib", "--bins", "--tests"]);
        step::run("Building nexus and the tests", &mut cargo)?;
        build::compile(workspace)?;
    }
    needs.iter().try_for_each(|need| install::install(workspace, *need))
}

/// Runs the tests and returns whether all passed.
fn run_selected(workspace: &Workspace, run: &Run, totals: &mut Totals) -> Result<bool, Failure> {
    let (title, command) = match run {
        Run::Target { name, filter } => {
            let mut cargo = workspace.cargo("test");
            cargo
                .args(["--release", "--workspace", "--test", name, "--"])
                .args(filter);
            (format!("Tests of {name}"), cargo)
        }
        Run::Unit { package, filter } if package.builds_alone() => {
            let mut cargo = workspace.cargo("test");
            cargo
                .args(["--release", package.unit_target(), "--package", &package.name, "--"])
                .args(filter);
            (format!("Unit tests of {}", package.name), cargo)
        }
        Run::Unit { package, filter } => {
            let mut cargo = workspace.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.arg("test");
            let title = format!("Building the unit tests of {}", package.name);
            let start = step::begin(&title);
            let binaries = binaries::build(cargo)?;
            step::end(&title, start);
            let Some(binary) = binaries.into_iter().find(|binary| binary.package == package.name) else {
                return Ok(true);
            };
            let mut tests = workspace.command(workspace.root.join(binary.path));
            tests.current_dir(workspace.root.join(&package.folder)).args(filter);
            (format!("Unit tests of {}", package.name), tests)
        }
    };
    let start = step::begin(&title);
    let has_passed = run_counted(command, totals)?;
    step::end(&title, start);
    Ok(has_passed)
}

/// Runs test programs, counts their results and returns whether the command succeeded.
fn run_counted(mut command: Command, totals: &mut Totals) -> Result<bool, Failure> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| Failure::new(format!("cannot run the tests: {error}")))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            totals.add(&line);
            println!("{line}");
        }
    }
    let status = child
        .wait()
        .map_err(|error| Failure::new(format!("lost the tests: {error}")))?;
    Ok(status.success())
}

fn finish(totals: &Totals, has_failed: bool) -> Result<(), Failure> {
    println!(
        "{} passed, {} failed, {} skipped",
        totals.passed, totals.failed, totals.ignored
    );
    if has_failed {
        return Err(Failure::new("tests failed"));
    }
    if totals.passed + totals.ignored == 0 {
        return Err(Failure::new("no test ran"));
    }
    Ok(())
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
