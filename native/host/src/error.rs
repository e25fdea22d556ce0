//! Errors before the first request. Each message names the file, the key and the problem.

use std::path::PathBuf;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("can't read {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },

    #[error("can't create {}: {source}", path.display())]
    Create { path: PathBuf, source: std::io::Error },

    #[error("{} is not valid: {problem}", path.display())]
    Syntax { path: PathBuf, problem: String },

    #[error("{}: `{key}`: {problem}", path.display())]
    Value {
        path: PathBuf,
        key: String,
        problem: String,
    },

    #[error(
        "the variable `{name}` is required and has no value: set {env}, or give it a default in {}",
        path.display()
    )]
    MissingVariable { path: PathBuf, name: String, env: String },

    #[error("component `{component}` ({}): {problem}", path.display())]
    Component {
        component: String,
        path: PathBuf,
        problem: String,
    },

    #[error("component `{component}`: dependency `{dependency}`: {problem}")]
    Dependency {
        component: String,
        dependency: String,
        problem: String,
    },

    #[error(
        "{limit_gib} GiB of address space are too few: WebAssembly memories reserve {needed_gib} GiB, though they use little of \
         it; raise the limit (`ulimit -v unlimited`, `LimitAS=infinity`) and limit memory by other means (`MemoryMax=`)"
    )]
    AddressSpace { limit_gib: u64, needed_gib: u64 },

    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Manifest(#[from] LoadError),

    #[error("no component `{0}` in the manifest")]
    UnknownComponent(String),

    #[error("component `{component}`: can't run `{command}` in {}: {source}", workdir.display())]
    Start {
        component: String,
        command: String,
        workdir: PathBuf,
        source: std::io::Error,
    },

    #[error("component `{component}`: `{command}` failed with {status}")]
    Failed {
        component: String,
        command: String,
        status: std::process::ExitStatus,
    },
}
