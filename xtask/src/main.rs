//! `cargo xtask`: the commands of a contributor. Each installs what it needs.

mod build;
mod changes;
mod check;
mod dist;
mod faults;
mod lint;
mod step;
mod test;
mod up;
mod watch;
mod web;
mod workspace;

use std::env;
use std::process::ExitCode;

use step::Failure;
use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  up [ARGS…]        Builds, makes demo data on first use, and serves; ARGS go to `nexus serve`
  watch [ARGS…]     Serves like `up`, and replaces what is built again after a file was saved
  web [ARGS…]       Serves the console's sources with hot reload, before a product that runs; ARGS go to Vite
  check             Format, clippy and the unit tests of the changed packages, in about a minute
  test [FILTER…]    Installs and builds what the tests need, and runs all tests or those of a filter
  lint              Format, clippy for both targets, dependency policy, the console's types and rules
  build             Builds the components (WebAssembly), `nexus`, and the components' code for this machine
  dist [--into DIR] Makes one archive, in target/dist, that serves wherever it is unpacked
  faults [FILTER…]  Runs the long forms of the fault tests, or those of a filter; half an hour
  bench [ARGS…]     Measures; see bench/README.md

`cargo xtask COMMAND --help` says more about a command.
";

/// What `--help` prints for a command.
const HELP: [(&str, &str); 10] = [
    ("up", up::HELP),
    ("watch", watch::HELP),
    ("web", web::HELP),
    ("check", check::HELP),
    ("test", test::HELP),
    ("lint", lint::HELP),
    ("build", build::HELP),
    ("dist", dist::HELP),
    ("faults", faults::HELP),
    (
        "bench",
        "Usage: cargo xtask bench [ARGS…]\n\nBuilds the product and runs bench/run with ARGS; see bench/README.md.\n",
    ),
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    // Internal: `up` runs it.
    if command == up::PRINT_SIGN_INS {
        up::print_sign_ins();
        return ExitCode::SUCCESS;
    }
    if matches!(command.as_str(), "help" | "--help" | "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some((_, help)) = HELP.iter().find(|(name, _)| *name == command) else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    // `up` and `watch` pass their arguments on, but `--help` first means theirs.
    if matches!(rest.first().map(String::as_str), Some("--help" | "-h")) {
        print!("{help}");
        return ExitCode::SUCCESS;
    }
    match Workspace::find().and_then(|workspace| run(&workspace, &command, &rest)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(workspace: &Workspace, command: &str, rest: &[String]) -> Result<(), Failure> {
    if matches!(command, "build" | "check" | "lint")
        && let Some(unknown) = rest.first()
    {
        return Err(Failure::new(format!(
            "{command} takes no argument, but got {unknown:?}"
        )));
    }
    match command {
        "build" => build::run(workspace),
        "check" => check::run(workspace),
        "dist" => dist::run(workspace, rest),
        "faults" => faults::run(workspace, rest),
        "lint" => lint::run(workspace),
        "test" => test::run(workspace, rest),
        "up" => up::run(workspace, rest),
        "watch" => watch::run(workspace, rest),
        "web" => web::serve(workspace, rest),
        _ => bench(workspace, rest),
    }
}

fn bench(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    build::run(workspace)?;
    let script = workspace.root.join("bench/run");
    step::run("Measuring", workspace.command(&script).args(arguments))
}
