//! Databases on a libSQL server.
//!
//! Outside of a transaction each statement brings a stream of its own and closes it in the same request: nothing is
//! held at the server, and nothing there can expire between two statements. A transaction keeps its stream until the
//! server says that it has ended.
//!
//! When the server can't be asked any more in the middle of a transaction, everything up to its end is refused. A
//! statement must never slip out of the transaction that the guest believes in and be kept by itself.

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

/// A database that a server keeps.
pub struct LibsqlDatabase(Arc<Streams>);

impl LibsqlDatabase {
    /// `None`: no request could be made of these.
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

/// A connection, as the guest sees it.
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
    /// In a transaction that can't be asked about any more; its stream is closed.
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
        // Waits for its turn as `Free`: nothing has is_new if this is broken off meanwhile.
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
        // `Lost` is what is left behind if this is broken off in a transaction.
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

    /// The server's answer comes whole.
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

/// Where a statement leaves a connection that has no stream after it.
fn after(reply: &Result<Reply, Failure>, is_new: bool, bound: Bound) -> Session {
    let done = reply.as_ref().is_ok_and(|reply| reply.result.is_ok());
    match bound {
        // It hasn't is_new, or nobody will say once more that it is over.
        _ if is_new || done => Session::Free,
        Bound::Begin | Bound::Rollback => Session::Free,
        // Whether a commit was carried out may not be known; the guest rolls back. Anything else that fails and ends the
        // transaction with it is the server's doing (it took too long, say), and the guest doesn't know yet.
        Bound::Commit | Bound::Savepoint | Bound::None => Session::Lost,
    }
}

/// Gives up a transaction in which nothing is asked for too long: it would keep others of this process from writing. Ends
/// when it is dropped.
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
