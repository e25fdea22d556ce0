//! `faults`: the long forms of the tests that break things, one at a time, with the figures that they print.

use crate::build;
use crate::step::{self, Failure};
use crate::workspace::Workspace;

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
    step::run("Breaking things", &mut cargo)
}
