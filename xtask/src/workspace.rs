//! Where things are.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{Failure, watched};

pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
}

pub const WASM_TARGET: &str = "wasm32-wasip2";

impl Workspace {
    pub fn find() -> Result<Self, Failure> {
        // Cargo sets it at run time too, so a moved checkout is found where it is now.
        let here = env::var_os("CARGO_MANIFEST_DIR")
            .map(PathBuf::from)
            .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let root = here
            .parent()
            .map(Path::to_path_buf)
            .ok_or_else(|| Failure::new("xtask is not inside the repository"))?;
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target })
    }

    /// A command that runs at the root.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut command = self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.arg(subcommand);
        if !watched() && subcommand != "fmt" {
            command.arg("--quiet");
        }
        command
    }

    pub fn nexus(&self) -> PathBuf {
        self.target.join("release/nexus")
    }

    /// Names of the packages under `components/` that are components, not yet empty shells.
    pub fn components(&self) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        collect_components(&self.root.join("components"), 2, &mut names)?;
        names.sort();
        Ok(names)
    }
}

fn collect_components(folder: &Path, depth: u8, names: &mut Vec<String>) -> Result<(), Failure> {
    let unreadable = |error| Failure::new(format!("{} can't be read: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if !path.is_dir() || path.ends_with("target") || path.ends_with("src") {
            continue;
        }
        if let Ok(manifest) = fs::read_to_string(path.join("Cargo.toml"))
            && manifest.contains("cdylib")
            && let Some(name) = package_name(&manifest)
        {
            names.push(name.to_owned());
        }
        if depth > 1 {
            collect_components(&path, depth - 1, names)?;
        }
    }
    Ok(())
}

/// Our own manifests: `name = "…"` comes first, under `[package]`.
fn package_name(manifest: &str) -> Option<&str> {
    manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = \""))
        .and_then(|rest| rest.strip_suffix('"'))
}
