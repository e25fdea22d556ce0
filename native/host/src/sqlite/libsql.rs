//! Databases on a libSQL server.
//!
//! Outside of a transaction each statement brings a stream of its own and closes it in the same request: nothing is
//! held at the server, and nothing there can expire between two statements. A transaction keeps its stream until the
//! server says that it has ended.
//!
//! When the server can't be asked any more in the middle of a transaction, everything up to its end is refused. A
//! statement must never slip out of the transaction that the guest believes in and be kept by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use libsql_hrana::proto;
use tokio::sync::Mutex;

use super::classify::{Bound, bound};
use super::pipeline::{Failure, Server, Stream, Told};
use super::values::{MAX_RESULT_BYTES, too_large};
use super::{Connection, Counters, Database};
use crate::bindings::sqlite::{Error, QueryResult, RowResult, Value};

/// A database that a server keeps.
pub struct LibsqlDatabase(Arc<Server>);

impl LibsqlDatabase {
    /// `None`: no request could be made of these.
    pub fn new(url: &str, token: &str) -> Option<Self> {
        Server::new(url, token).map(|server| Self(Arc::new(server)))
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
    server: Arc<Server>,
    session: Mutex<Session>,
    changes: AtomicU64,
    last_insert_rowid: AtomicI64,
    counters: Arc<Counters>,
}

enum Session {
    /// No transaction.
    Free,
    /// In a transaction.
    Open(Stream),
    /// In a transaction that can't be asked about any more; the server rolls it back by itself.
    Lost,
}

impl Remote {
    fn new(server: Arc<Server>, counters: Arc<Counters>) -> Self {
        counters.open_connections.fetch_add(1, Ordering::Relaxed);
        Self {
            server,
            session: Mutex::new(Session::Free),
            changes: AtomicU64::new(0),
            last_insert_rowid: AtomicI64::new(0),
            counters,
        }
    }

    pub async fn execute(&self, sql: &str, params: Vec<Value>) -> Result<QueryResult, Error> {
        self.counters.statements.fetch_add(1, Ordering::Relaxed);
        let mut session = self.session.lock().await;
        let (bound, args) = (bound(sql), params.into_iter().map(to_wire).collect());
        // `Lost` is what is left behind if this is broken off while it waits.
        let stream = match (std::mem::replace(&mut *session, Session::Lost), bound) {
            (Session::Open(stream), _) => stream,
            (Session::Free, Bound::Begin | Bound::Savepoint) | (Session::Lost, Bound::Begin) => Stream::default(),
            (Session::Free, _) => {
                *session = Session::Free;
                let told = self.server.once(sql, args).await;
                return self.result(told);
            }
            (Session::Lost, _) => {
                if matches!(bound, Bound::Commit | Bound::Rollback) {
                    *session = Session::Free;
                }
                return Err(lost());
            }
        };
        let told = self.server.on(stream.clone(), sql, args).await;
        *session = self.after(&told, stream, bound);
        self.result(told)
    }

    /// Where a statement on a stream leaves the connection.
    fn after(&self, told: &Result<Told, Failure>, before: Stream, bound: Bound) -> Session {
        match (told, bound) {
            (Ok(told), _) if told.autocommit == Some(false) => Session::Open(told.stream.clone()),
            (Ok(told), bound) => {
                self.give_back(told.stream.clone());
                match bound {
                    // The server has broken the transaction off, since it took too long: the guest doesn't know yet.
                    Bound::Savepoint | Bound::None if told.result.is_err() => Session::Lost,
                    _ => Session::Free,
                }
            }
            (Err(_), bound) => {
                // If the statement hasn't got there, the server still knows the stream, and the locks that it holds.
                self.give_back(before);
                match bound {
                    // It hasn't begun, or nobody will say once more that it is over.
                    Bound::Begin | Bound::Rollback => Session::Free,
                    // Whether a commit was carried out isn't known either; the guest rolls back.
                    _ => Session::Lost,
                }
            }
        }
    }

    fn give_back(&self, stream: Stream) {
        let server = self.server.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { server.close(stream).await });
        }
    }

    fn result(&self, told: Result<Told, Failure>) -> Result<QueryResult, Error> {
        let told = told.map_err(|failure| Error::Io(failure.to_string()))?;
        let result = told.result.map_err(|error| Error::Io(error.message))?;
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

impl Drop for Remote {
    fn drop(&mut self) {
        self.counters.open_connections.fetch_sub(1, Ordering::Relaxed);
        if let Session::Open(stream) = std::mem::replace(self.session.get_mut(), Session::Free) {
            self.give_back(stream);
        }
    }
}

fn lost() -> Error {
    Error::Io("the connection to the database server was lost in this transaction".into())
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
