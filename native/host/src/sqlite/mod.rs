//! `spin:sqlite`: databases by label, connections, statements.

mod classify;
mod connection;
mod host;
mod local;
mod rows;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

pub use connection::Connection;
pub use local::LocalDatabase;

use crate::bindings::sqlite::Error;

/// The databases of an application.
pub type Databases = BTreeMap<String, Arc<dyn Database>>;

/// What stands behind a label; the seam for databases that aren't files of this machine.
pub trait Database: Send + Sync + 'static {
    /// A new connection. Cheap: the database itself is opened by the first statement.
    fn connect(&self, counters: Arc<Counters>) -> Result<Connection, Error>;
}

/// For `Host::stats`.
#[derive(Debug, Default)]
pub struct Counters {
    pub open_connections: AtomicUsize,
    pub statements: AtomicU64,
    /// Statements that ran on a thread that may block.
    pub off_thread: AtomicU64,
}
