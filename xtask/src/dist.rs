//! `dist`: one archive with `nexus`, the components and their compiled code. It serves wherever it is unpacked.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};

use crate::build;
use crate::step::{self, Failure};
use crate::web;
use crate::workspace::{WASM_TARGET, Workspace};

const COMPONENTS: &str = "components";
/// Files that are added unchanged if they exist.
const FILES: [&str; 6] = [
    "runtime-config.toml",
    "README.md",
    "LICENSE",
    "NOTICE",
    ".env.example",
    "docs/operations.md",
];

pub const HELP: &str = "\
Usage: cargo xtask dist [--as-built] [--into DIR]

Builds an optimised `nexus` and packs it with the components and their compiled code into one archive.
  --into DIR   Where the archive goes [default: target/dist]
  --as-built   Packs what `build` or `test` has built, and builds nothing
";

struct Options {
    /// Packs what was built before, without building anything.
    as_built: bool,
    into: PathBuf,
}

pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    let options = options(workspace, arguments)?;
    let profile = if options.as_built { "release" } else { "dist" };
    if !options.as_built {
        build::install_target(workspace)?;
        web::build(workspace)?;
        build::components(workspace)?;
        let mut cargo = workspace.cargo("build");
        cargo.args(["--profile", profile, "--package", "nexus"]);
        step::run("Building nexus, optimised as a whole", &mut cargo)?;
    }
    let name = format!("nexus-{}-{ARCH}-{OS}", env!("CARGO_PKG_VERSION"));
    let folder = options.into.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
    }
    let nexus = copy(&workspace.target.join(profile).join("nexus"), &folder.join("nexus"))?;
    for file in FILES {
        let from = workspace.root.join(file);
        if from.is_file() {
            copy(&from, &folder.join(Path::new(file).file_name().unwrap_or_default()))?;
        }
    }
    let console = workspace.root.join("static");
    if console.is_dir() {
        step::status(workspace.command("cp").arg("-R").args([&console, &folder]))?;
    }
    manifest(workspace, &folder)?;
    compiled(workspace, &folder)?;
    step::run(
        "Compiling what isn't compiled yet",
        &mut build::ahead(workspace, &nexus, &folder.join("spin.toml")),
    )?;

    let archive = options.into.join(format!("{name}.tar.gz"));
    step::run(
        "Packing",
        workspace
            .command("tar")
            .args(["--owner=0", "--group=0", "--numeric-owner", "-czf"])
            .args([&archive, Path::new("-C"), &options.into])
            .arg(&name),
    )?;
    fs::remove_dir_all(&folder).map_err(|error| unwritable(&folder, error))?;
    let size = fs::metadata(&archive).map_or(0, |found| found.len());
    eprintln!("    {} ({} MiB)", archive.display(), size >> 20);
    println!("{}", archive.display());
    Ok(())
}

fn options(workspace: &Workspace, arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options {
        as_built: false,
        into: workspace.target.join("dist"),
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--as-built" => options.as_built = true,
            "--into" => {
                let folder = arguments.next().ok_or_else(|| Failure::new("--into needs a folder"))?;
                options.into = PathBuf::from(folder);
            }
            other => {
                return Err(Failure::new(format!(
                    "dist takes --as-built and --into FOLDER, not {other:?}"
                )));
            }
        }
    }
    Ok(options)
}

/// Writes the manifest for the archive, and copies the components that it names.
fn manifest(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    let from = workspace.root.join("spin.toml");
    let text = fs::read_to_string(&from).map_err(|error| Failure::new(format!("{}: {error}", from.display())))?;
    let (text, sources) = rewritten(&text);
    for source in sources {
        let file = Path::new(&source).file_name().unwrap_or_default();
        // The manifest names the default target folder.
        let built = match Path::new(&source).strip_prefix("target") {
            Ok(below) => workspace.target.join(below),
            Err(_) => workspace.root.join(&source),
        };
        copy(&built, &folder.join(COMPONENTS).join(file))?;
    }
    let to = folder.join("spin.toml");
    fs::write(&to, text).map_err(|error| unwritable(&to, error))
}

/// Points the sources to `components/` and leaves out the build commands. Returns the old sources as well.
fn rewritten(manifest: &str) -> (String, Vec<String>) {
    let mut text = String::new();
    let mut sources = Vec::new();
    let mut skipped = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            skipped = line.starts_with("[component.") && line.trim_end().ends_with(".build]");
        }
        // A comment belongs to the table below it.
        if skipped && !line.starts_with('#') {
            continue;
        }
        skipped &= !line.starts_with('#');
        let source = line.strip_prefix("source = \"").and_then(|rest| rest.strip_suffix('"'));
        match source {
            Some(source) => {
                let file = source.rsplit('/').next().unwrap_or(source);
                text.push_str(&format!("source = \"{COMPONENTS}/{file}\"\n"));
                sources.push(source.to_owned());
            }
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    (text, sources)
}

/// Copies the code that the build has compiled. `nexus` verifies it before use.
fn compiled(workspace: &Workspace, folder: &Path) -> Result<(), Failure> {
    let built = workspace.target.join(WASM_TARGET).join("release/compiled");
    let Ok(entries) = fs::read_dir(&built) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "cwasm") {
            let to = folder.join(COMPONENTS).join("compiled").join(entry.file_name());
            copy(&path, &to)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<PathBuf, Failure> {
    let folder = to.parent().unwrap_or(to);
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))?;
    fs::copy(from, to)
        .map_err(|error| Failure::new(format!("cannot copy {} to {}: {error}", from.display(), to.display())))?;
    Ok(to.to_path_buf())
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_names_the_components_where_they_are_and_no_build() {
        let (text, sources) = rewritten(
            "[component.chat]\nsource = \"target/wasm32-wasip2/release/chat.wasm\"\nx = 1\n\n[component.chat.build]\n\
             command = \"cargo build\"\nwatch = []\n\n# --- next\n\n[component.next]\nsource = \"a/next.wasm\"\n",
        );
        assert_eq!(
            text,
            "[component.chat]\nsource = \"components/chat.wasm\"\nx = 1\n\n# --- next\n\n[component.next]\n\
             source = \"components/next.wasm\"\n"
        );
        assert_eq!(sources, ["target/wasm32-wasip2/release/chat.wasm", "a/next.wasm"]);
    }
}
