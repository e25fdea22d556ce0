//! `spin:sqlite`: databases by label, connections, statements.

mod administration;
mod checkpoint;
mod classify;
mod connection;
mod host;
mod libsql;
mod local;
mod pipeline;
mod rows;
mod streams;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

pub use administration::{DatabasePlace, LibsqlClient};
use connection::Local;
pub use libsql::LibsqlDatabase;
use libsql::Remote;
use local::LocalDatabase;
use rows::Batches;

use crate::bindings::sqlite::{Error, QueryResult, Value};
use crate::runtime_config::SqliteDatabase;

/// The databases of an application.
pub type Databases = BTreeMap<String, Arc<dyn Database>>;

/// What stands behind a label; the seam for databases that aren't files of this machine.
pub trait Database: Send + Sync + 'static {
    /// A new connection. Cheap: the database itself is opened by the first statement.
    fn connect(&self, counters: Arc<Counters>) -> Result<Connection, Error>;
}

/// The database that the runtime configuration describes. `None` for an address that it would have refused.
pub fn behind(config: SqliteDatabase) -> Option<Arc<dyn Database>> {
    match config {
        SqliteDatabase::File(file) => Some(Arc::new(LocalDatabase::new(file))),
        SqliteDatabase::Libsql(server) => Some(Arc::new(LibsqlDatabase::new(&server.url, &server.token)?)),
    }
}

/// What the guest holds.
#[derive(Clone)]
pub enum Connection {
    Local(Local),
    Remote(Arc<Remote>),
}

impl Connection {
    /// The whole result at once.
    async fn execute(&self, sql: String, params: Vec<Value>) -> Result<QueryResult, Error> {
        match self {
            Self::Local(local) => local.execute(sql, params).await,
            Self::Remote(remote) => remote.execute(&sql, params).await,
        }
    }

    /// The columns and rows as they come. A server's answer comes whole.
    async fn stream(&self, sql: String, params: Vec<Value>) -> Batches {
        match self {
            Self::Local(local) => local.stream(sql, params).await,
            Self::Remote(remote) => Batches::complete(remote.execute(&sql, params).await),
        }
    }

    async fn changes(&self) -> Result<u64, Error> {
        match self {
            Self::Local(local) => local.changes().await,
            Self::Remote(remote) => Ok(remote.changes()),
        }
    }

    async fn last_insert_rowid(&self) -> Result<i64, Error> {
        match self {
            Self::Local(local) => local.last_insert_rowid().await,
            Self::Remote(remote) => Ok(remote.last_insert_rowid()),
        }
    }
}

/// For `Host::stats`.
#[derive(Debug, Default)]
pub struct Counters {
    pub open_connections: AtomicUsize,
    pub statements: AtomicU64,
    /// Statements that ran on a thread that may block.
    pub off_thread: AtomicU64,
}
