//! The log: one stream on standard error, as JSON or as readable text. Standard output is for the lines that scripts read.
//!
//! Every line has the same shape, from the host and from components: `timestamp`, `level`, `target`, `message` and fields.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use nexus_domain::settings::{LOG_FORMAT, LOG_LEVEL, LogFormat, Settings};
use nexus_host::{LogLine, LogSink, LogStream};
use serde_json::{Map, Value, json};
use tracing::Level;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::accounts;
use crate::failure::Failure;
use crate::settings_source::Source;

pub struct Log {
    writer: NonBlocking,
    format: LogFormat,
    level: Level,
    /// Writes what is left when dropped.
    _guard: WorkerGuard,
}

impl Log {
    pub fn start(settings: &Settings) -> Result<Self, Failure> {
        // A thread of its own writes. When its queue is full, lines are lost, so that requests do not wait.
        let (writer, guard) = NonBlockingBuilder::default().lossy(true).finish(std::io::stderr());
        let format = settings.get(&LOG_FORMAT)?;
        let level = settings.get(&LOG_LEVEL)?;
        // The `info` of libraries is as detailed as this program's `debug`.
        let libraries = if level == "info" { "warn" } else { level.as_str() };
        let filter = EnvFilter::new(format!(
            "{libraries},nexus={level},nexus_sidecar={level},nexus_host={level},component={level},access={level}"
        ));
        // Colours are for terminals only.
        let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(coloured)
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
        std::panic::set_hook(Box::new(|panic| {
            let backtrace = std::backtrace::Backtrace::capture();
            let backtrace =
                (backtrace.status() == std::backtrace::BacktraceStatus::Captured).then(|| backtrace.to_string());
            tracing::error!(target: "nexus", backtrace, "{panic}");
        }));
        Ok(Self {
            writer,
            format,
            level: level.parse().unwrap_or(Level::INFO),
            _guard: guard,
        })
    }

    /// Logs the warnings of the settings' source.
    pub fn warn_of(&self, source: &mut Source) {
        for warning in source.take_warnings() {
            tracing::warn!("{warning}");
        }
    }

    /// Returns the sink for the components' lines.
    pub fn component_sink(&self) -> LogSink {
        let writer = self.writer.clone();
        let (format, least) = (self.format, self.level);
        Arc::new(move |line: LogLine<'_>| {
            let said = Said::read(&line);
            if said.level > least {
                return;
            }
            match format {
                // The writer counts lost lines.
                LogFormat::Json => drop(writer.clone().write_all(said.json(line.component).as_bytes())),
                LogFormat::Pretty => said.pretty(line.component),
            }
        })
    }
}

/// A component's line, parsed.
struct Said {
    level: Level,
    timestamp: Option<Value>,
    target: Option<Value>,
    message: String,
    fields: Map<String, Value>,
}

impl Said {
    /// Components write JSON. Lines of libraries and the runtime are plain text.
    fn read(line: &LogLine<'_>) -> Self {
        let parsed = line.line.starts_with('{').then(|| serde_json::from_str(line.line));
        let Some(Ok(Value::Object(mut fields))) = parsed else {
            return Self {
                // A plain line on standard error is most likely a failure.
                level: match line.stream {
                    LogStream::Stdout => Level::INFO,
                    LogStream::Stderr => Level::ERROR,
                },
                timestamp: None,
                target: None,
                message: line.line.to_owned(),
                fields: Map::new(),
            };
        };
        let level = fields.remove("level");
        let message = fields.remove("message");
        Self {
            level: level
                .and_then(|level| level.as_str()?.parse().ok())
                .unwrap_or(Level::INFO),
            timestamp: fields.remove("timestamp"),
            target: fields.remove("target"),
            message: message
                .and_then(|message| message.as_str().map(str::to_owned))
                .unwrap_or_default(),
            fields,
        }
    }

    /// The fields in the order of the edge's lines.
    fn json(self, component: &str) -> String {
        let timestamp = self.timestamp.unwrap_or_else(|| json!(accounts::now()));
        let target = self.target.unwrap_or_else(|| json!("component"));
        let (level, message) = (json!(self.level.as_str()), json!(self.message));
        let mut line = format!("{{\"timestamp\":{timestamp},\"level\":{level},\"message\":{message}");
        let component = ("component".to_owned(), json!(component));
        for (name, value) in self.fields.into_iter().filter(|(name, _)| name != "component") {
            line.push_str(&format!(",{}:{value}", json!(name)));
        }
        line.push_str(&format!(
            ",{}:{},\"target\":{target}}}\n",
            json!(component.0),
            component.1
        ));
        line
    }

    fn pretty(self, component: &str) {
        let mut text = self.message;
        for (name, value) in &self.fields {
            text.push_str(&format!(" {name}={value}"));
        }
        match self.level {
            Level::ERROR => tracing::error!(target: "component", component, "{text}"),
            Level::WARN => tracing::warn!(target: "component", component, "{text}"),
            Level::INFO => tracing::info!(target: "component", component, "{text}"),
            Level::DEBUG => tracing::debug!(target: "component", component, "{text}"),
            Level::TRACE => tracing::trace!(target: "component", component, "{text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(stream: LogStream, line: &str) -> Value {
        let line = LogLine {
            component: "chat",
            stream,
            line,
        };
        let text = Said::read(&line).json("chat");
        assert!(text.ends_with("}\n"));
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_components_line_gets_the_shape_of_all_others() {
        let line = said(
            LogStream::Stdout,
            r#"{"a \"b\"":{"c":1},"level":"WARN","message":"m\nn","target":"relay","timestamp":"2026-01-01T00:00:00.000Z"}"#,
        );
        assert_eq!(
            line,
            json!({
                "timestamp": "2026-01-01T00:00:00.000Z", "level": "WARN", "target": "relay", "message": "m\nn",
                "component": "chat", "a \"b\"": {"c": 1},
            })
        );
    }

    #[test]
    fn text_and_broken_json_become_a_message() {
        for (stream, text, level) in [
            (LogStream::Stdout, "hello", "INFO"),
            (LogStream::Stderr, "thread panicked", "ERROR"),
            (LogStream::Stdout, "{\"cut\":", "INFO"),
            (LogStream::Stdout, "{}", "INFO"),
        ] {
            let line = said(stream, text);
            assert_eq!(line["level"], level);
            let message = if text == "{}" { "" } else { text };
            assert_eq!(line["message"], message);
            assert!(line["timestamp"].is_string() && line["target"] == "component", "{line}");
        }
    }
}
