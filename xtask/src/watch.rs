//! `watch`: serves the product, and replaces in it what is built again after a file was saved.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::build;
use crate::step::{self, Failure};
use crate::up;
use crate::workspace::{WASM_TARGET, Workspace};

pub const HELP: &str = "\
Usage: cargo xtask watch [ARGS…]

Serves the product like `up`, and watches the sources. After a file was saved:
  in components/, crates/ or migrations/   builds the components that changed and replaces them in the running product;
                                           requests in flight end on the old code
  in native/, spin.toml or .env            builds `nexus` if need be and starts it again
The packages of the workspace are built incrementally and with few optimisations. ARGS go to `nexus serve`.
";

/// The folders and files that are watched.
const WATCHED: [&str; 8] = [
    "components",
    "crates",
    "migrations",
    "native",
    "wit",
    "Cargo.toml",
    "spin.toml",
    ".env",
];
const POLL: Duration = Duration::from_millis(200);
/// Editors save several files one after the other. A change is complete when nothing was saved for this long.
const QUIET: Duration = Duration::from_millis(150);
/// The log messages by which `nexus serve` reports a reload.
const RELOADED: &str = "components reloaded";
const NOT_RELOADED: &str = "components not reloaded";
const RELOAD_TIMEOUT: Duration = Duration::from_secs(60);

pub fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    build::install_target(workspace)?;
    build_components(workspace)?;
    build_nexus(workspace)?;
    build::compile_quickly(workspace)?;
    up::demo(workspace, arguments)?;
    let mut known = modified(workspace);
    let mut server = Server::start(workspace, arguments)?;
    eprintln!("==> Watching; save a file to see it in the running product, Ctrl-C stops");
    loop {
        let changed = wait_for_change(workspace, &mut known);
        let start = Instant::now();
        eprintln!("==> {}", listed(&changed));
        // A failed build is shown by the compiler; the product goes on as it is until the next change.
        match apply(workspace, arguments, &mut server, &changed) {
            Ok(effect) => eprintln!("==> {effect} {:.1} s after the change", start.elapsed().as_secs_f64()),
            Err(failure) => eprintln!("xtask: {failure}"),
        }
    }
}

/// Builds what the changes affect, and returns what became of the running product.
fn apply(
    workspace: &Workspace,
    arguments: &[String],
    server: &mut Server,
    changed: &[PathBuf],
) -> Result<&'static str, Failure> {
    let is_below = |folders: &[&str]| {
        changed
            .iter()
            .any(|file| folders.iter().any(|folder| file.starts_with(folder)))
    };
    let affects_components = is_below(&["components", "crates", "migrations", "wit", "Cargo.toml"]);
    let affects_program = is_below(&["native", "Cargo.toml"]);
    if affects_components {
        build_components(workspace)?;
    }
    if affects_program {
        build_nexus(workspace)?;
    }
    if affects_components || affects_program {
        build::compile_quickly(workspace)?;
    }
    if affects_program || is_below(&["spin.toml", ".env"]) || !server.is_running() {
        server.stop();
        *server = Server::start(workspace, arguments)?;
        return Ok("Restarted");
    }
    server.reload(workspace)
}

fn build_components(workspace: &Workspace) -> Result<(), Failure> {
    let mut cargo = workspace.quick_cargo("build")?;
    cargo.args(["--quiet", "--release", "--target", WASM_TARGET]);
    for component in workspace.components()? {
        cargo.args(["--package", &component]);
    }
    step::run("Building the components", &mut cargo)
}

fn build_nexus(workspace: &Workspace) -> Result<(), Failure> {
    let mut cargo = workspace.quick_cargo("build")?;
    // The whole workspace: for one package alone, cargo selects other features of its dependencies.
    cargo.args(["--quiet", "--release", "--workspace", "--bins"]);
    step::run("Building nexus", &mut cargo)
}

/// `nexus serve` as a child. Its log goes to this terminal.
struct Server {
    child: Child,
    log: Receiver<String>,
}

impl Server {
    fn start(workspace: &Workspace, arguments: &[String]) -> Result<Self, Failure> {
        let mut serve = up::serve(workspace, arguments);
        serve.arg("--quick-compile");
        let started = serve.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = started.map_err(|error| Failure::new(format!("cannot start nexus: {error}")))?;
        let (sender, log) = channel();
        if let Some(stderr) = child.stderr.take() {
            thread::spawn(move || forward(stderr, |line| drop(sender.send(line))));
        }
        Ok(Self { child, log })
    }

    fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends SIGHUP and waits until the log reports the result.
    fn reload(&mut self, workspace: &Workspace) -> Result<&'static str, Failure> {
        while self.log.try_recv().is_ok() {}
        self.signal(workspace, "HUP")?;
        let deadline = Instant::now() + RELOAD_TIMEOUT;
        while let Ok(line) = self
            .log
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            if line.contains(NOT_RELOADED) {
                return Err(Failure::new(
                    "the product did not take the new components; its log says why",
                ));
            }
            if line.contains(RELOADED) {
                return Ok("Replaced");
            }
        }
        Err(Failure::new(
            "the product does not report that it took the new components",
        ))
    }

    fn signal(&self, workspace: &Workspace, name: &str) -> Result<(), Failure> {
        let mut kill = workspace.command("kill");
        step::status(kill.arg(format!("-{name}")).arg(self.child.id().to_string()))
    }

    /// Ends the child as an operator would, so that its requests in flight end.
    fn stop(&mut self) {
        if self.is_running() {
            let pid = self.child.id().to_string();
            let _ = std::process::Command::new("kill").arg(pid).status();
            let _ = self.child.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Shows each line, and hands it on.
fn forward(stderr: ChildStderr, hand_on: impl Fn(String)) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        eprintln!("{line}");
        hand_on(line);
    }
}

type Modified = BTreeMap<PathBuf, SystemTime>;

/// Waits until files have changed, and returns them relative to the root.
fn wait_for_change(workspace: &Workspace, known: &mut Modified) -> Vec<PathBuf> {
    loop {
        thread::sleep(POLL);
        let mut now = modified(workspace);
        if now == *known {
            continue;
        }
        loop {
            thread::sleep(QUIET);
            let later = modified(workspace);
            if later == now {
                break;
            }
            now = later;
        }
        let is_new = |(file, time): &(&PathBuf, &SystemTime)| known.get(*file) != Some(*time);
        let mut changed: Vec<PathBuf> = now.iter().filter(is_new).map(|(file, _)| file.clone()).collect();
        changed.extend(known.keys().filter(|file| !now.contains_key(*file)).cloned());
        *known = now;
        return changed;
    }
}

fn modified(workspace: &Workspace) -> Modified {
    let mut files = Modified::new();
    for path in WATCHED {
        collect(&workspace.root, Path::new(path), &mut files);
    }
    files
}

fn collect(root: &Path, path: &Path, files: &mut Modified) {
    let is_build_output = path.ends_with("target") || path.ends_with("node_modules");
    let Ok(metadata) = fs::metadata(root.join(path)) else {
        return;
    };
    if metadata.is_file() {
        if let Ok(time) = metadata.modified() {
            files.insert(path.to_path_buf(), time);
        }
    } else if !is_build_output && let Ok(entries) = fs::read_dir(root.join(path)) {
        for entry in entries.flatten() {
            collect(root, &path.join(entry.file_name()), files);
        }
    }
}

fn listed(files: &[PathBuf]) -> String {
    let first = files
        .first()
        .map_or_else(String::new, |file| file.display().to_string());
    match files.len() {
        1 => format!("{first} changed"),
        more => format!("{first} and {} more changed", more - 1),
    }
}
