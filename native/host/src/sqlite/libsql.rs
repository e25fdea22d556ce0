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

use libsql_hrana::proto;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use super::classify::{Bound, bound};
use super::pipeline::{Failure, Server, Told};
use super::streams::{Limits, OpenStream, Streams};
use super::values::{MAX_RESULT_BYTES, too_large};
use super::{Connection, Counters, Database};
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
    fn connect(&self, counters: Arc<Counters>) -> Result<Connection, Error> {
        Ok(Connection::Remote(Arc::new(self.remote(counters))))
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
        let told = self.run(sql, args).await;
        self.result(told)
    }

    async fn run(&self, sql: &str, args: Vec<proto::Value>) -> Result<Told, Failure> {
        let mut session = self.session.lock().await;
        let bound = bound(sql);
        // Waits for its turn as `Free`: nothing has begun if this is broken off meanwhile.
        let begins = match (&*session, bound) {
            (Session::Open(..), _) => None,
            (Session::Lost, Bound::Begin) | (Session::Free, _) => Some(self.streams.open(sql).await?),
            (Session::Lost, Bound::Commit | Bound::Rollback) => {
                *session = Session::Free;
                return Err(Failure::Lost);
            }
            (Session::Lost, _) => return Err(Failure::Lost),
        };
        let begun = begins.is_some();
        // `Lost` is what is left behind if this is broken off in a transaction.
        let (stream, watch) = match (begins, std::mem::replace(&mut *session, Session::Lost)) {
            (_, Session::Open(stream, watch)) => (stream, Some(watch)),
            (Some(stream), _) => (stream, None),
            (None, _) => return Err(Failure::Lost),
        };
        if begun {
            *session = Session::Free;
        }
        let alone = begun && !matches!(bound, Bound::Begin | Bound::Savepoint);
        let ends = matches!(bound, Bound::Commit | Bound::Rollback);
        let (told, stream) = stream.run(sql, args, alone || ends).await;
        *session = match stream {
            Some(stream) => {
                let watch = watch.unwrap_or_else(|| Watch::begin(&self.session, &self.streams.limits));
                Session::Open(stream, watch)
            }
            None => after(&told, begun, bound),
        };
        told
    }

    fn result(&self, told: Result<Told, Failure>) -> Result<QueryResult, Error> {
        let result = told.and_then(|told| told.result.map_err(Failure::Statement));
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

    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    pub fn last_insert_rowid(&self) -> i64 {
        self.last_insert_rowid.load(Ordering::Relaxed)
    }
}

/// Where a statement leaves a connection that has no stream after it.
fn after(told: &Result<Told, Failure>, begun: bool, bound: Bound) -> Session {
    let done = told.as_ref().is_ok_and(|told| told.result.is_ok());
    match bound {
        // It hasn't begun, or nobody will say once more that it is over.
        _ if begun || done => Session::Free,
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
