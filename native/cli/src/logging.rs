//! The log: one stream on standard error, JSON or for people. Standard output stays free for what
//! scripts wait for.

use std::io::Write;
use std::sync::Arc;

use nexus_domain::settings::{LOG_FORMAT, LOG_LEVEL, LogFormat, Settings};
use nexus_host::{LogLine, LogSink};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

pub struct Log {
    writer: NonBlocking,
    format: LogFormat,
    /// Writes what is left when dropped.
    _guard: WorkerGuard,
}

impl Log {
    pub fn start(settings: &Settings) -> Result<Self, Failure> {
        // A thread of its own writes; when its queue is full, lines are lost rather than requests held up.
        let (writer, guard) = NonBlockingBuilder::default().lossy(true).finish(std::io::stderr());
        let format = settings.get(&LOG_FORMAT)?;
        let level = settings.get(&LOG_LEVEL)?;
        // Libraries are quieter than we are: their info is our debug.
        let libraries = if level == "info" { "warn" } else { level.as_str() };
        let filter = EnvFilter::new(format!(
            "{libraries},nexus={level},nexus_sidecar={level},nexus_host={level},access={level}"
        ));
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(writer.clone());
        let started = match format {
            LogFormat::Json => {
                let subscriber = subscriber
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false);
                tracing::subscriber::set_global_default(subscriber.finish())
            }
            LogFormat::Pretty => tracing::subscriber::set_global_default(subscriber.compact().finish()),
        };
        started.map_err(|error| Failure::failed("the log can't be started", error))?;
        Ok(Self {
            writer,
            format,
            _guard: guard,
        })
    }

    /// Where the components' lines go. Those that are JSON already go into the stream as they are.
    pub fn component_sink(&self) -> LogSink {
        let writer = self.writer.clone();
        let format = self.format;
        Arc::new(move |line: LogLine<'_>| {
            if format == LogFormat::Json && line.line.starts_with('{') {
                // A lost line is counted by the writer; there is nobody else to tell.
                let _ = writer.clone().write_all(format!("{}\n", line.line).as_bytes());
            } else {
                tracing::info!(target: "nexus", component = line.component, "{}", line.line);
            }
        })
    }
}
