//! What must have been built before a test can run.

use std::path::{Path, PathBuf};

pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The built binary. Tests don't build it: a test run that starts other builds can't say what it tested.
pub fn binary() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    let binary = target.join("release/nexus");
    assert!(
        binary.is_file(),
        "{} is not there: run `cargo xtask build` first, or everything with `cargo xtask test`",
        binary.display()
    );
    binary
}
