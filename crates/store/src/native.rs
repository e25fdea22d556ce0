//! The engine outside the guest: rusqlite, for administrative commands, tests and benchmarks.

use std::path::Path;
use std::time::Instant;

use parking_lot::ReentrantMutex;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::{Database, Engine, Row, StoreError, Value};

pub(crate) struct Rusqlite(ReentrantMutex<rusqlite::Connection>);

impl Database {
    /// The database in this file; made when it isn't there.
    pub fn open_file(path: &Path) -> Result<Self, StoreError> {
        Self::open(Rusqlite::boxed(rusqlite::Connection::open(path))?, micros)
    }

    /// An empty database that goes with the handle.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::open(Rusqlite::boxed(rusqlite::Connection::open_in_memory())?, micros)
    }
}

fn micros() -> u64 {
    use std::sync::OnceLock;
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl Rusqlite {
    pub(crate) fn boxed(opened: rusqlite::Result<rusqlite::Connection>) -> Result<Box<dyn Engine>, StoreError> {
        let connection = opened.map_err(explain)?;
        connection.set_prepared_statement_cache_capacity(256);
        // As the embedded host does, so that plans are the same here and there.
        connection
            .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(explain)?;
        Ok(Box::new(Self(ReentrantMutex::new(connection))))
    }
}

fn explain(error: rusqlite::Error) -> StoreError {
    StoreError::from_message(&error.to_string())
}

impl Engine for Rusqlite {
    fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let connection = self.0.lock();
        let mut statement = connection.prepare_cached(sql).map_err(explain)?;
        let width = statement.column_count();
        let mut found = statement
            .query(rusqlite::params_from_iter(params.iter()))
            .map_err(explain)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(explain)? {
            let values = (0..width)
                .map(|index| row.get_ref(index).map(owned))
                .collect::<Result<_, _>>()
                .map_err(explain)?;
            rows.push(Row(values));
        }
        Ok(rows)
    }

    fn exclusively(&self, work: &mut dyn FnMut()) {
        let _held = self.0.lock();
        work();
    }
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
