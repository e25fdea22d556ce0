//! The repository: its folders, its packages, and the commands that run in it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{Failure, is_terminal};

pub struct Workspace {
    pub root: PathBuf,
    pub target: PathBuf,
}

pub const WASM_TARGET: &str = "wasm32-wasip2";

/// A package of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    /// Relative to the root.
    pub folder: PathBuf,
    /// Whether it is built as a WebAssembly component.
    pub is_component: bool,
}

impl Package {
    /// Whether the name means this package: its whole name, or the name without `nexus-`.
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.name.strip_prefix("nexus-") == Some(name)
    }

    /// Whether its tests are built alone: its dependencies are few, so a second build of them with other features is small.
    pub fn builds_alone(&self) -> bool {
        self.is_for_wasm() || self.name == "xtask"
    }

    /// Cargo's argument for its unit tests: those of the library, or of the program.
    pub fn unit_target(&self) -> &'static str {
        if self.is_for_wasm() { "--lib" } else { "--bins" }
    }

    /// Whether its code also runs in components.
    pub fn is_for_wasm(&self) -> bool {
        self.is_component || self.folder.starts_with("crates")
    }
}

impl Workspace {
    pub fn find() -> Result<Self, Failure> {
        // Cargo sets it at run time as well, so a moved checkout is found at its present place.
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

    /// Cargo, quiet unless a terminal shows its progress.
    pub fn cargo(&self, subcommand: &str) -> Command {
        let mut command = self.bare_cargo();
        command.arg(subcommand);
        if !is_terminal() && subcommand != "fmt" {
            command.arg("--quiet");
        }
        command
    }

    /// Cargo for short cycles: the workspace's own packages are built incrementally and with few optimisations. Dependencies
    /// are those of every other build.
    pub fn quick_cargo(&self, subcommand: &str) -> Result<Command, Failure> {
        let mut command = self.bare_cargo();
        command.args(["--config", "build.incremental=true"]);
        for package in self.packages()? {
            let setting = format!("profile.release.package.{}.opt-level=1", package.name);
            command.arg("--config").arg(setting);
        }
        command.arg(subcommand);
        Ok(command)
    }

    fn bare_cargo(&self) -> Command {
        self.command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    pub fn nexus(&self) -> PathBuf {
        self.target.join("release/nexus")
    }

    /// All packages of the workspace, by name.
    pub fn packages(&self) -> Result<Vec<Package>, Failure> {
        let mut packages = Vec::new();
        for folder in ["crates", "components", "native", "xtask", "tests", "bench"] {
            collect(&self.root, Path::new(folder), 3, &mut packages)?;
        }
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(packages)
    }

    /// Names of the packages that are built as WebAssembly components.
    pub fn components(&self) -> Result<Vec<String>, Failure> {
        let packages = self.packages()?.into_iter();
        let components = packages.filter(|package| package.is_component);
        Ok(components.map(|package| package.name).collect())
    }
}

fn collect(root: &Path, folder: &Path, depth: u8, packages: &mut Vec<Package>) -> Result<(), Failure> {
    let is_skipped = ["target", "src", "fixtures", "node_modules"];
    if is_skipped.iter().any(|skipped| folder.ends_with(skipped)) {
        return Ok(());
    }
    if let Ok(manifest) = fs::read_to_string(root.join(folder).join("Cargo.toml"))
        && let Some(name) = package_name(&manifest)
    {
        packages.push(Package {
            name: name.to_owned(),
            folder: folder.to_path_buf(),
            is_component: manifest.contains("cdylib"),
        });
    }
    if depth > 1 {
        let unreadable = |error| Failure::new(format!("cannot read {}: {error}", folder.display()));
        let Ok(entries) = fs::read_dir(root.join(folder)) else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry.map_err(unreadable)?;
            if entry.path().is_dir() {
                collect(root, &folder.join(entry.file_name()), depth - 1, packages)?;
            }
        }
    }
    Ok(())
}

/// The name in one of the workspace's manifests: `name = "…"` comes first, under `[package]`.
fn package_name(manifest: &str) -> Option<&str> {
    manifest
        .lines()
        .find_map(|line| line.strip_prefix("name = \""))
        .and_then(|rest| rest.strip_suffix('"'))
}
