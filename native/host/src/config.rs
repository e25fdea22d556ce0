//! What whoever embeds the host decides.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where a line that a component prints goes.
pub type LogSink = Arc<dyn Fn(LogLine<'_>) + Send + Sync>;

/// One line, without its line break.
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

/// What takes long before an application is there.
#[derive(Clone, Copy, Debug)]
pub enum Preparing<'a> {
    /// So many components are compiled now. Their code is kept, so it is done once.
    Compiling { components: usize },
    Compiled {
        component: &'a str,
        done: usize,
        of: usize,
        /// Since all of them were begun.
        took: Duration,
    },
}

pub type ProgressSink = Arc<dyn Fn(Preparing<'_>) + Send + Sync>;

#[derive(Clone)]
pub struct HostConfig {
    pub manifest: PathBuf,
    /// Holds the `default` database and key-value store, as Spin's `.spin` folder does.
    pub state_dir: PathBuf,
    pub runtime_config: Option<PathBuf>,
    /// Values of the application's variables; they win over `SPIN_VARIABLE_*` and the manifest's defaults.
    pub variables: BTreeMap<String, String>,
    /// Whether components are compiled with optimisations. Without them, compiling takes half the processor time, and the code is
    /// larger and slower. Each kind of code has cache entries of its own.
    pub optimize: bool,
    /// Code that was not compiled ahead is kept here; without it every such start compiles.
    pub cache_dir: Option<PathBuf>,
    /// Is told what takes long.
    pub progress: ProgressSink,
    pub limits: Limits,
    /// Whether components are told in `Spin-*` headers which route led to them. Each header costs on its way in, so
    /// whoever knows that none of them asks may do without.
    pub route_headers: bool,
    pub component_log: LogSink,
}

impl HostConfig {
    /// Defaults, and component output on the standard streams.
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

/// What one component, or all of them together, may use up.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Linear memory of one instance; its dependencies count in.
    pub max_memory_bytes: usize,
    /// How long an instance may compute without answering, calling the host or waiting. Then it is ended, and
    /// each of its requests gets a 500.
    pub request_deadline: Duration,
    /// Requests that an instance serves before it is replaced.
    pub max_instance_reuse: usize,
    /// Requests that an instance serves at once.
    pub max_concurrent_reuse: usize,
    /// An instance whose memory has grown beyond this takes no more requests: a guest's memory never shrinks, and one
    /// large upload must not be paid for until the process ends.
    pub max_reused_memory_bytes: usize,
    /// How long an instance without requests is kept.
    pub idle_timeout: Duration,
    /// Live instances of all components together.
    pub max_instances: usize,
    /// Requests being served at once, by all components together; more wait.
    pub max_concurrent_requests: usize,
    /// How long a request waits for its turn before it gets a 503.
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
