//! Splits a component's output into lines.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::config::{LogLine, LogSink, LogStream};

/// Bytes. A longer line is split.
const MAX_LINE: usize = 64 << 10;

/// One stream of one instance.
#[derive(Clone)]
pub struct LogPipe(Arc<PipeState>);

struct PipeState {
    component: Arc<str>,
    stream: LogStream,
    sink: LogSink,
    /// The output since the last line break.
    rest: Mutex<Vec<u8>>,
}

impl LogPipe {
    pub fn new(component: Arc<str>, stream: LogStream, sink: LogSink) -> Self {
        Self(Arc::new(PipeState {
            component,
            stream,
            sink,
            rest: Mutex::default(),
        }))
    }

    fn write(&self, bytes: &[u8]) {
        let mut rest = self.0.rest.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            rest.extend_from_slice(piece);
            if rest.ends_with(b"\n") || rest.len() >= MAX_LINE {
                self.0.emit(&rest);
                rest.clear();
            }
        }
    }
}

impl PipeState {
    fn emit(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        (self.sink)(LogLine {
            component: &self.component,
            stream: self.stream,
            line: line.trim_end_matches(['\r', '\n']),
        });
    }
}

impl Drop for PipeState {
    fn drop(&mut self) {
        let rest = std::mem::take(self.rest.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !rest.is_empty() {
            self.emit(&rest);
        }
    }
}

impl IsTerminal for LogPipe {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogPipe {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for LogPipe {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        Self::write(self, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogPipe {
    async fn ready(&mut self) {}
}

impl AsyncWrite for LogPipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Self::write(&self, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
