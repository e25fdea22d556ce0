//! `cargo xtask …`: everything one types in this repository, installing what each step needs.

mod build;
mod dist;
mod faults;
mod lint;
mod step;
mod test;
mod up;
mod workspace;

use std::env;
use std::process::ExitCode;

use step::Failure;
use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  build             The components (WebAssembly), the `nexus` binary, and the components' code for this machine
  up [ARGS…]        Builds, makes demo data on first use, and serves; ARGS go to `nexus serve`
  test [FILTER…]    Installs what tests need, builds, and runs all tests (or those that match)
  dist [--into DIR] One archive, in target/dist, that serves wherever it is unpacked
  lint              Formatting, clippy for both targets, dependency policy
  faults [FILTER…]  The long forms of the tests that break things (or those that match); half an hour
  bench [ARGS…]     Measures; see bench/README.md
";

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    // Not for people: `up` runs it.
    if command == up::SHOW {
        up::show();
        return ExitCode::SUCCESS;
    }
    let workspace = match Workspace::find() {
        Ok(workspace) => workspace,
        Err(failure) => return report(&failure),
    };
    let done = match command.as_str() {
        "build" => build::run(&workspace),
        "up" => up::run(&workspace, &rest),
        "test" => test::run(&workspace, &rest),
        "dist" => dist::run(&workspace, &rest),
        "lint" => lint::run(&workspace),
        "faults" => faults::run(&workspace, &rest),
        "bench" => bench(&workspace, &rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&failure),
    }
}

fn bench(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    build::run(workspace)?;
    let script = workspace.root.join("bench/run");
    if !script.exists() {
        return Err(Failure::new("there is no bench/run yet"));
    }
    step::run("Measuring", workspace.command(&script).args(arguments))
}

fn report(failure: &Failure) -> ExitCode {
    eprintln!("xtask: {failure}");
    ExitCode::FAILURE
}
