//! `faults`: the long forms of the fault tests, one at a time, with the figures that they print.

use crate::build;
use crate::step::{self, Failure};
use crate::workspace::Workspace;

pub const HELP: &str = "\
Usage: cargo xtask faults [FILTER…]

Builds the product and runs the ignored tests of `contract`, `faults` and `relay`: kills, lost connections, full databases
and fuzzing, for about half an hour.
";

pub fn run(workspace: &Workspace, filter: &[String]) -> Result<(), Failure> {
    build::run(workspace)?;
    let mut cargo = workspace.cargo("test");
    cargo.args([
        "--release",
        "--package",
        "nexus-tests",
        "--test",
        "contract",
        "--test",
        "faults",
        "--test",
        "relay",
    ]);
    cargo
        .args(["--", "--ignored", "--nocapture", "--test-threads=1"])
        .args(filter);
    step::run("Running the fault tests", &mut cargo)
}
