//! Streams of rows from a database thread to a guest.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::{mpsc, oneshot};
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

use crate::bindings::sqlite::{Error, QueryResult, RowResult};

/// A batch is sent when it has this many rows …
const BATCH_ROWS: usize = 256;
/// … or this many bytes.
const BATCH_BYTES: usize = 256 << 10;
/// Batches that may wait for the guest. Then the database waits.
const BATCHES_AHEAD: usize = 2;

/// A result whose rows may still be arriving.
pub struct Batches {
    pub columns: Vec<String>,
    pub rows: RowStream,
    pub outcome: Outcome,
    start: Option<oneshot::Receiver<(Vec<String>, Vec<RowResult>)>>,
}

/// The end of the statement, which is known after its rows have been read.
pub enum Outcome {
    Known(Result<(), Error>),
    Pending(oneshot::Receiver<Result<(), Error>>),
}

impl Batches {
    pub fn complete(result: Result<QueryResult, Error>) -> Self {
        let (columns, ready, outcome) = match result {
            Ok(result) => (result.columns, result.rows, Ok(())),
            Err(error) => (Vec::new(), Vec::new(), Err(error)),
        };
        Self {
            columns,
            rows: RowStream { ready, more: None },
            outcome: Outcome::Known(outcome),
            start: None,
        }
    }

    pub fn channel() -> (BatchSender, Self) {
        let (start, started) = oneshot::channel();
        let (more, receiver) = mpsc::channel(BATCHES_AHEAD);
        let (outcome, pending) = oneshot::channel();
        let sender = BatchSender {
            columns: Vec::new(),
            batch: Vec::new(),
            bytes: 0,
            start: Some(start),
            more,
            outcome,
        };
        let batches = Self {
            columns: Vec::new(),
            rows: RowStream {
                ready: Vec::new(),
                more: Some(receiver),
            },
            outcome: Outcome::Pending(pending),
            start: Some(started),
        };
        (sender, batches)
    }

    /// Waits for the columns and the first rows, or for the end of the statement.
    pub async fn started(mut self) -> Self {
        if let Some(start) = self.start.take()
            && let Ok((columns, rows)) = start.await
        {
            self.columns = columns;
            self.rows.ready = rows;
        }
        self
    }
}

pub struct BatchSender {
    columns: Vec<String>,
    batch: Vec<RowResult>,
    bytes: usize,
    start: Option<oneshot::Sender<(Vec<String>, Vec<RowResult>)>>,
    more: mpsc::Sender<Vec<RowResult>>,
    outcome: oneshot::Sender<Result<(), Error>>,
}

impl BatchSender {
    pub fn columns(&mut self, columns: Vec<String>) {
        self.columns = columns;
    }

    /// Whether the guest still wants rows.
    pub fn row(&mut self, row: RowResult, size: usize) -> bool {
        self.batch.push(row);
        self.bytes += size;
        if self.batch.len() < BATCH_ROWS && self.bytes < BATCH_BYTES {
            return true;
        }
        self.flush()
    }

    pub fn finish(mut self, result: Result<(), Error>) {
        // A guest that stopped reading does not need the rest.
        self.flush();
        let _ = self.outcome.send(result);
    }

    pub fn fail(self, error: Error) {
        self.finish(Err(error));
    }

    fn flush(&mut self) -> bool {
        self.bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        match self.start.take() {
            Some(start) => {
                let columns = std::mem::take(&mut self.columns);
                start.send((columns, batch)).is_ok()
            }
            None if batch.is_empty() => true,
            None => self.more.blocking_send(batch).is_ok(),
        }
    }
}

/// The stream that the guest reads.
pub struct RowStream {
    ready: Vec<RowResult>,
    more: Option<mpsc::Receiver<Vec<RowResult>>>,
}

impl<D> StreamProducer<D> for RowStream {
    type Item = RowResult;
    type Buffer = VecBuffer<RowResult>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if !self.ready.is_empty() {
            if destination.remaining(store) == Some(0) {
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            destination.set_buffer(std::mem::take(&mut self.ready).into());
            return Poll::Ready(Ok(match self.more {
                Some(_) => StreamResult::Completed,
                None => StreamResult::Dropped,
            }));
        }
        let Some(more) = &mut self.more else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        if destination.remaining(store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        match more.poll_recv(cx) {
            Poll::Ready(Some(batch)) => {
                destination.set_buffer(batch.into());
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(None) => Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}
