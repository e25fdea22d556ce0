//! The embedder's settings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Receives the lines that components print.
pub type LogSink = Arc<dyn Fn(LogLine<'_>) + Send + Sync>;

/// One line without its line break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    pub component: &'a str,
    pub stream: LogStream,
    pub line: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStream {
    Stdout,
    Stderr,
}

/// Long steps of loading an application.
#[derive(Clone, Copy, Debug)]
pub enum Preparing<'a> {
    /// This many components are being compiled. Their code is stored, so this happens once.
    Compiling { components: usize },
    Compiled {
        component: &'a str,
        done: usize,
        of: usize,
        /// The time since the start of all compilations.
        took: Duration,
    },
}

pub type ProgressSink = Arc<dyn Fn(Preparing<'_>) + Send + Sync>;

#[derive(Clone)]
pub struct HostConfig {
    pub manifest: PathBuf,
    /// The folder of the `default` database and key-value store, as Spin's `.spin`.
    pub state_dir: PathBuf,
    pub runtime_config: Option<PathBuf>,
    /// Values of the application's variables. They precede `SPIN_VARIABLE_*` and the manifest's defaults.
    pub variables: BTreeMap<String, String>,
    /// Whether components are compiled with optimisations. Without them, compiling takes half the processor time, and the code is
    /// larger and slower. Each kind of code has cache entries of its own.
    pub optimize: bool,
    /// The folder for code that was not compiled ahead. Without it, every such start compiles.
    pub cache_dir: Option<PathBuf>,
    /// Receives the progress of long steps.
    pub progress: ProgressSink,
    pub limits: Limits,
    /// Whether components get the `Spin-*` headers that describe their route. Each header costs time, so an embedder whose
    /// components do not read them may turn them off.
    pub route_headers: bool,
    pub component_log: LogSink,
}

impl HostConfig {
    /// The defaults. Components print to the standard streams.
    pub fn new(manifest: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            manifest: manifest.into(),
            state_dir: state_dir.into(),
            runtime_config: None,
            variables: BTreeMap::new(),
            optimize: true,
            cache_dir: None,
            progress: Arc::new(|_| {}),
            limits: Limits::default(),
            route_headers: true,
            component_log: Arc::new(|line| match line.stream {
                LogStream::Stdout => println!("{}: {}", line.component, line.line),
                LogStream::Stderr => eprintln!("{}: {}", line.component, line.line),
            }),
        }
    }
}

/// Limits of one component, or of all components together.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of linear memory of one instance, including its dependencies.
    pub max_memory_bytes: usize,
    /// The time for which an instance may compute without answering, calling the host or waiting. Then it is ended, and each of
    /// its requests gets a 500.
    pub request_deadline: Duration,
    /// Requests that an instance serves before it is replaced.
    pub max_instance_reuse: usize,
    /// Requests that an instance serves concurrently.
    pub max_concurrent_reuse: usize,
    /// Bytes. An instance with more memory takes no more requests: a guest's memory never shrinks, so one large upload would
    /// occupy memory until the process ends.
    pub max_reused_memory_bytes: usize,
    /// The time for which an instance without requests is kept.
    pub idle_timeout: Duration,
    /// Live instances of all components.
    pub max_instances: usize,
    /// Concurrent requests to all components. More requests wait.
    pub max_concurrent_requests: usize,
    /// The time for which a request waits before it gets a 503.
    pub queue_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_memory_bytes: 256 << 20,
            request_deadline: Duration::from_secs(8),
            max_instance_reuse: 128,
            max_concurrent_reuse: 16,
            max_reused_memory_bytes: 32 << 20,
            idle_timeout: Duration::from_secs(1),
            max_instances: 1_000,
            max_concurrent_requests: 4_096,
            queue_timeout: Duration::from_secs(5),
        }
    }
}
