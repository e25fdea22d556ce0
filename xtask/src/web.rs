//! `web`: the console, from `web/` to `static/`, with npm.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::step::{self, Failure};
use crate::workspace::Workspace;

/// Of Node.js; Vite asks for it.
const OLDEST: (u32, u32) = (20, 19);
/// What the build is made from, below the root.
const SOURCES: [&str; 6] = [
    "web/src",
    "web/public",
    "web/index.html",
    "web/package-lock.json",
    "web/vite.config.ts",
    "clients/typescript/src",
];

pub const HELP: &str = "\
Usage: cargo xtask web [ARGS…]

Serves the console's sources at http://localhost:5173 and shows each change at once. The product must run: at NEXUS_URL, or at
http://127.0.0.1:3000. ARGS go to Vite.
";

/// Builds the console, unless what is built is newer than all it is made from. A machine without Node.js builds the
/// rest: the product then runs without a console, and `/` says how to get it.
pub fn build(workspace: &Workspace) -> Result<(), Failure> {
    if let Some(why) = why_not(workspace) {
        eprintln!("    SKIPPED the web console: {why}. The product runs without it; its API is complete.");
        return Ok(());
    }
    let built = modified(&workspace.root.join("static/index.html"));
    let changed = SOURCES
        .iter()
        .filter_map(|path| newest(&workspace.root.join(path)))
        .max();
    if built.is_some() && built >= changed {
        return Ok(());
    }
    install(workspace)?;
    step::run(
        "Building the web console",
        npm(workspace).args(["run", "--silent", "build"]),
    )
}

/// Type check, lint and licences. The types come from the components' own OpenAPI document, so `nexus` must be built.
pub fn lint(workspace: &Workspace) -> Result<(), Failure> {
    if let Some(why) = why_not(workspace) {
        eprintln!("    SKIPPED checking the web console: {why}");
        return Ok(());
    }
    install(workspace)?;
    step::run(
        "Checking licences of npm packages",
        npm(workspace).args(["run", "--silent", "licences"]),
    )?;
    if workspace.nexus().exists() {
        check_types(workspace)?;
    } else {
        eprintln!("    SKIPPED types of the web console: nexus is not built yet; `cargo xtask test` checks them");
    }
    step::run(
        "Linting the web console",
        npm(workspace).args(["run", "--silent", "lint"]),
    )
}

/// Checks the console's types against the API of the `nexus` that is built.
pub fn check_types(workspace: &Workspace) -> Result<(), Failure> {
    if why_not(workspace).is_some() {
        return Ok(());
    }
    install(workspace)?;
    step::run(
        "Writing the API's types",
        npm(workspace)
            .args(["run", "--silent", "schema"])
            .env("NEXUS_BIN", workspace.nexus()),
    )?;
    step::run(
        "Checking types of the web console",
        npm(workspace).args(["run", "--silent", "check"]),
    )
}

/// Vite's server, which shows each change at once, before a product that runs (`NEXUS_URL`, or port 3000).
pub fn serve(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    if let Some(why) = why_not(workspace) {
        return Err(Failure::new(why));
    }
    install(workspace)?;
    eprintln!(
        "==> The console with what you change, before the product at NEXUS_URL (http://127.0.0.1:3000); Ctrl-C stops"
    );
    step::status(npm(workspace).args(["run", "dev", "--"]).args(arguments))
}

fn why_not(workspace: &Workspace) -> Option<String> {
    let wanted = format!("it is built with Node.js {}.{} or later", OLDEST.0, OLDEST.1);
    let mut node = workspace.command("node");
    match node.arg("--version").stderr(Stdio::null()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => Some(format!("{wanted}, which is not installed")),
        Err(error) => Some(format!("{wanted}: {error}")),
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stdout);
            let version = version(told.trim());
            (version < Some(OLDEST)).then(|| format!("{wanted}, this is {}", told.trim()))
        }
    }
}

/// The first two numbers of `v20.19.4`.
fn version(told: &str) -> Option<(u32, u32)> {
    let mut numbers = told.strip_prefix('v')?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn npm(workspace: &Workspace) -> Command {
    let mut npm = workspace.command("npm");
    npm.current_dir(workspace.root.join("web"));
    npm
}

/// `npm ci`, unless it was done for this very lock file.
fn install(workspace: &Workspace) -> Result<(), Failure> {
    let folder = workspace.root.join("web");
    let lock = fs::read(folder.join("package-lock.json"))
        .map_err(|error| Failure::new(format!("web/package-lock.json can't be read: {error}")))?;
    let stamp = folder.join("node_modules/.installed-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    step::run(
        "Installing what builds the web console",
        npm(workspace).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]),
    )?;
    fs::write(&stamp, lock).map_err(|error| Failure::new(format!("{} can't be written: {error}", stamp.display())))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// When the newest file at or below `path` was changed.
fn newest(path: &Path) -> Option<SystemTime> {
    if path.is_file() {
        return modified(path);
    }
    let below = fs::read_dir(path)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    below.filter_map(|path: PathBuf| newest(&path)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_node_is_its_first_two_numbers() {
        assert_eq!(version("v20.19.4"), Some((20, 19)));
        assert_eq!(version("v22.0.0-nightly"), Some((22, 0)));
        assert_eq!(version("no"), None);
        assert!(version("v18.20.1") < Some(OLDEST) && version("v20.19.0") >= Some(OLDEST));
    }
}
