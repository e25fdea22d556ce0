//! Databases on a libSQL server.
//!
//! Outside a transaction, each statement opens a stream and closes it in the same request, so the server holds nothing that
//! could expire between two statements. A transaction keeps its stream until the server reports its end.
//!
//! When the connection to the server is lost within a transaction, every statement up to its end is refused. No statement
//! may run outside the transaction that the guest expects, and be committed by itself.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use libsql_hrana::proto;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use super::classify::{Bound, bound};
use super::pipeline::{Failure, Reply, Server};
use super::rows::Batches;
use super::streams::{Limits, OpenStream, Streams};
use super::values::{MAX_RESULT_BYTES, too_large};
use super::{Connect, Counters, Database};
use crate::bindings::sqlite::{Error, QueryResult, RowResult, Value};

/// A database on a server.
pub struct LibsqlDatabase(Arc<Streams>);

impl LibsqlDatabase {
    /// Returns `None` if the address or the token cannot be part of a request.
    pub fn new(url: &str, token: &str) -> Option<Self> {
        Self::with_limits(url, token, Limits::default())
    }

    fn with_limits(url: &str, token: &str, limits: Limits) -> Option<Self> {
        Server::new(url, token).map(|server| Self(Streams::new(server, limits)))
    }

    pub fn remote(&self, counters: Arc<Counters>) -> Remote {
        Remote::new(self.0.clone(), counters)
    }
}

impl Database for LibsqlDatabase {
    fn connect(&self, counters: Arc<Counters>) -> Arc<dyn Connect> {
        Arc::new(self.remote(counters))
    }
}

/// A guest's connection.
pub struct Remote {
    streams: Arc<Streams>,
    session: Arc<Mutex<Session>>,
    changes: AtomicU64,
    last_insert_rowid: AtomicI64,
    counters: Arc<Counters>,
}

enum Session {
    /// No transaction.
    Free,
    /// In a transaction.
    Open(OpenStream, Watch),
    /// In a transaction whose stream is closed.
    Lost,
}

impl Remote {
    fn new(streams: Arc<Streams>, counters: Arc<Counters>) -> Self {
        counters.open_connections.fetch_add(1, Ordering::Relaxed);
        Self {
            streams,
            session: Arc::new(Mutex::new(Session::Free)),
            changes: AtomicU64::new(0),
            last_insert_rowid: AtomicI64::new(0),
            counters,
        }
    }

    pub async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<QueryResult, Error> {
        self.counters.statements.fetch_add(1, Ordering::Relaxed);
        let args = params.into_iter().map(to_wire).collect();
        let reply = self.run(sql, args).await;
        self.result(reply)
    }

    async fn run(&self, sql: &str, args: Vec<proto::Value>) -> Result<Reply, Failure> {
        let mut session = self.session.lock().await;
        let bound = bound(sql);
        // The session stays `Free` during the wait: if the wait is cancelled, nothing has begun.
        let begins = match (&*session, bound) {
            (Session::Open(..), _) => None,
            (Session::Lost, Bound::Begin) | (Session::Free, _) => Some(self.streams.open(sql).await?),
            (Session::Lost, Bound::Commit | Bound::Rollback) => {
                *session = Session::Free;
                return Err(Failure::Lost);
            }
            (Session::Lost, _) => return Err(Failure::Lost),
        };
        let is_new = begins.is_some();
        // If this is cancelled in a transaction, the session stays `Lost`.
        let (stream, watch) = match (begins, std::mem::replace(&mut *session, Session::Lost)) {
            (_, Session::Open(stream, watch)) => (stream, Some(watch)),
            (Some(stream), _) => (stream, None),
            (None, _) => return Err(Failure::Lost),
        };
        if is_new {
            *session = Session::Free;
        }
        let is_autocommit = is_new && !matches!(bound, Bound::Begin | Bound::Savepoint);
        let ends = matches!(bound, Bound::Commit | Bound::Rollback);
        let (reply, stream) = stream.run(sql, args, is_autocommit || ends).await;
        *session = match stream {
            Some(stream) => {
                let watch = watch.unwrap_or_else(|| Watch::begin(&self.session, &self.streams.limits));
                Session::Open(stream, watch)
            }
            None => after(&reply, is_new, bound),
        };
        reply
    }

    fn result(&self, reply: Result<Reply, Failure>) -> Result<QueryResult, Error> {
        let result = reply.and_then(|reply| reply.result.map_err(Failure::Statement));
        let result = result.map_err(|failure| Error::Io(failure.to_string()))?;
        self.changes.store(result.affected_row_count, Ordering::Relaxed);
        if let Some(rowid) = result.last_insert_rowid {
            self.last_insert_rowid.store(rowid, Ordering::Relaxed);
        }
        let mut bytes = 0;
        let mut rows = Vec::with_capacity(result.rows.len());
        for row in result.rows {
            let values: Vec<Value> = row.values.into_iter().map(from_wire).collect();
            bytes += size_of::<RowResult>() + values.iter().map(size).sum::<usize>();
            if bytes > MAX_RESULT_BYTES {
                return Err(too_large());
            }
            rows.push(RowResult { values });
        }
        let columns = result
            .cols
            .into_iter()
            .map(|col| col.name.unwrap_or_default())
            .collect();
        Ok(QueryResult { columns, rows })
    }
}

impl Connect for Remote {
    fn execute(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Result<QueryResult, Error>> {
        async move { Self::execute(self, &sql, params).await }.boxed()
    }

    /// The server's answer is not streamed.
    fn stream(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Batches> {
        async move { Batches::complete(Self::execute(self, &sql, params).await) }.boxed()
    }

    fn changes(&self) -> BoxFuture<'_, Result<u64, Error>> {
        ready(Ok(self.changes.load(Ordering::Relaxed))).boxed()
    }

    fn last_insert_rowid(&self) -> BoxFuture<'_, Result<i64, Error>> {
        ready(Ok(self.last_insert_rowid.load(Ordering::Relaxed))).boxed()
    }
}

/// The session after a statement that left no stream.
fn after(reply: &Result<Reply, Failure>, is_new: bool, bound: Bound) -> Session {
    let done = reply.as_ref().is_ok_and(|reply| reply.result.is_ok());
    match bound {
        // No transaction has begun, or the statement ended it.
        _ if is_new || done => Session::Free,
        Bound::Begin | Bound::Rollback => Session::Free,
        // Whether a failed commit took effect is unknown, and the guest rolls back. Any other failure that ended the transaction
        // came from the server, for instance a timeout, and the guest does not know yet.
        Bound::Commit | Bound::Savepoint | Bound::None => Session::Lost,
    }
}

/// Ends a transaction that has been idle for too long, since it keeps other connections of this process from writing. Dropping
/// the watch stops it.
struct Watch(AbortHandle);

impl Watch {
    fn begin(session: &Arc<Mutex<Session>>, limits: &Limits) -> Self {
        let (session, idle): (Weak<_>, _) = (Arc::downgrade(session), limits.idle);
        let watching = tokio::spawn(async move {
            let mut pause = idle;
            loop {
                tokio::time::sleep(pause).await;
                let Some(session) = session.upgrade() else { return };
                let mut session = session.lock().await;
                let Session::Open(stream, _) = &*session else { return };
                let quiet = stream.used.elapsed();
                if quiet >= idle {
                    tracing::warn!("a transaction in which nothing happens is rolled back");
                    *session = Session::Lost;
                    return;
                }
                pause = idle - quiet;
            }
        });
        Self(watching.abort_handle())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.counters.open_connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn size(value: &Value) -> usize {
    let heap = match value {
        Value::Text(text) => text.len(),
        Value::Blob(blob) => blob.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
    };
    size_of::<Value>() + heap
}

fn to_wire(value: Value) -> proto::Value {
    match value {
        Value::Null => proto::Value::Null,
        Value::Integer(value) => proto::Value::Integer { value },
        Value::Real(value) => proto::Value::Float { value },
        Value::Text(text) => proto::Value::Text { value: text.into() },
        Value::Blob(blob) => proto::Value::Blob { value: blob.into() },
    }
}

fn from_wire(value: proto::Value) -> Value {
    match value {
        proto::Value::None | proto::Value::Null => Value::Null,
        proto::Value::Integer { value } => Value::Integer(value),
        proto::Value::Float { value } => Value::Real(value),
        proto::Value::Text { value } => Value::Text(value.to_string()),
        proto::Value::Blob { value } => Value::Blob(value.into()),
    }
}

#[cfg(test)]
mod tests;
