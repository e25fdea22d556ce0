//! `spin:sqlite`: databases by label, connections, statements.

pub mod administration;
mod checkpoint;
mod classify;
pub mod config;
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

use futures::future::BoxFuture;

use self::rows::Batches;
use crate::bindings::sqlite::{Error, QueryResult, Value};

/// The databases of an application, by label.
pub type Databases = BTreeMap<String, Arc<dyn Database>>;

/// A database behind a label: a file of this machine, or a server.
pub trait Database: Send + Sync + 'static {
    /// Returns a new connection. This is cheap: the first statement opens the database itself.
    fn connect(&self, counters: Arc<Counters>) -> Arc<dyn Connect>;
}

/// One connection. Its statements run one after the other.
pub trait Connect: Send + Sync + 'static {
    /// Runs a statement and returns the whole result.
    fn execute(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Result<QueryResult, Error>>;

    /// Runs a statement and returns the columns and rows as they come.
    fn stream(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Batches>;

    /// The number of rows that the last write changed.
    fn changes(&self) -> BoxFuture<'_, Result<u64, Error>>;

    fn last_insert_rowid(&self) -> BoxFuture<'_, Result<i64, Error>>;
}

/// The connection resource that a guest holds.
#[derive(Clone)]
pub struct Connection(Arc<dyn Connect>);

/// Counters for [`Host::stats`](crate::Host::stats).
#[derive(Debug, Default)]
pub struct Counters {
    pub open_connections: AtomicUsize,
    pub statements: AtomicU64,
    /// Statements that ran on a thread that may block.
    pub off_thread: AtomicU64,
}
