//! Progress of long steps, on standard error or in the log.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nexus_host::{Preparing, ProgressSink};

/// The longest silence at the beginning of a command.
const SILENT: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(5);

/// Runs `work`, and reports on standard error that it is still running.
pub fn during<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let (done, under_way) = channel::<()>();
    let telling = thread::spawn(move || {
        let began = Instant::now();
        let mut wait = SILENT;
        while under_way.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            eprintln!("nexus: {what}, {} s so far", began.elapsed().as_secs());
            wait = AGAIN;
        }
    });
    let result = work();
    drop(done);
    // The thread cannot fail.
    let _ = telling.join();
    result
}

/// Progress on standard error, for commands.
pub fn lines() -> ProgressSink {
    Arc::new(|preparing| eprintln!("nexus: {}", spelled(preparing)))
}

/// Progress in the log, for servers.
pub fn log() -> ProgressSink {
    Arc::new(|preparing| tracing::info!(target: "nexus", "{}", spelled(preparing)))
}

fn spelled(preparing: Preparing<'_>) -> String {
    match preparing {
        Preparing::Compiling { components: 1 } => "compiling 1 component; its code is kept for later starts".to_owned(),
        Preparing::Compiling { components } => {
            format!("compiling {components} components; their code is kept for later starts")
        }
        Preparing::Compiled {
            component,
            done,
            of,
            took,
        } => format!(
            "compiled {component}, {done} of {of}, after {:.1} s",
            took.as_secs_f64()
        ),
    }
}
