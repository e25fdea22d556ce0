//! Unit test programs, built together and run one by one.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::step::{Failure, shown};

/// A unit test program, and the package that it tests.
#[derive(Debug, PartialEq, Eq)]
pub struct Binary {
    pub package: String,
    pub path: PathBuf,
}

/// Builds the unit tests of all packages and returns their programs. `cargo` is `cargo test` without arguments.
///
/// All packages are built together: for one package alone, cargo selects other features of its dependencies, and would build
/// most of them a second time.
pub fn build(mut cargo: Command) -> Result<Vec<Binary>, Failure> {
    cargo.args(["--release", "--workspace", "--lib", "--bins", "--no-run"]);
    let command = shown(&cargo);
    let output = cargo
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(format!("cannot run `{command}`: {error}")))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprint!("{messages}");
        return Err(Failure::new(format!("`{command}` failed ({})", output.status)));
    }
    Ok(messages.lines().filter_map(parse).collect())
}

/// `  Executable unittests src/lib.rs (target/release/deps/nexus_host-0123456789abcdef)`
fn parse(line: &str) -> Option<Binary> {
    let (_, rest) = line
        .trim_start()
        .strip_prefix("Executable unittests ")?
        .split_once('(')?;
    let path = PathBuf::from(rest.strip_suffix(')')?);
    let file = path.file_name()?.to_str()?;
    let (name, _) = file.rsplit_once('-')?;
    Some(Binary {
        package: name.replace('_', "-"),
        path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_read_from_the_program_s_name() {
        let line = "  Executable unittests src/lib.rs (target/release/deps/nexus_host-01ab23)";
        let binary = parse(line).unwrap_or_else(|| panic!("a program"));
        assert_eq!(binary.package, "nexus-host");
        assert_eq!(binary.path, PathBuf::from("target/release/deps/nexus_host-01ab23"));
        assert_eq!(
            parse("    Finished `release` profile [optimized] target(s) in 1s"),
            None
        );
    }
}
