//! What takes long says so on standard error.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nexus_host::{Preparing, ProgressSink};

/// What is silent for longer than this looks as if it hung.
const SILENT: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_secs(5);

/// Says that `what` is still under way, for as long as it is.
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
    // It has nothing to fail at.
    let _ = telling.join();
    result
}

/// For whoever runs a command and waits for it.
pub fn lines() -> ProgressSink {
    Arc::new(|preparing| eprintln!("nexus: {}", spelled(preparing)))
}

/// For the log of a server.
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
