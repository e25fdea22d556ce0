//! The engine in the guest: Spin's SQLite, by its blocking calls.

use crate::database::Aside;
use crate::reconnecting::{Connection, Reconnecting};
use crate::{Database, Engine, Row, StoreError, Value};

// Generated code, for which our lints are not made.
#[allow(unsafe_code, clippy::all, clippy::unwrap_used, clippy::expect_used)]
mod bindings {
    wit_bindgen::generate!({
        world: "nexus:store/database",
        path: ["../../wit/deps/spin-sqlite", "../../wit/sqlite.wit"],
        generate_all,
    });
}
use bindings::spin::sqlite::sqlite::{Connection as SpinConnection, Error, Value as Wire};

struct SpinSqlite(Reconnecting<SpinConnection>);

impl Database {
    /// The component's `default` database. Call it once per instance: every open is a new connection. Its schema may be
    /// one that this program can't work with (`check_schema`): that has to be told, request by request.
    pub fn open_default() -> Result<Self, StoreError> {
        Self::open_to_check(Box::new(SpinSqlite(Reconnecting::open()?)), micros)
    }

    /// A further connection to it, once it is open: for batches, which others' reads must not see into.
    pub fn open_beside() -> Result<Self, StoreError> {
        Self::without_migration(Box::new(SpinSqlite(Reconnecting::open()?)), micros)
    }
}

fn micros() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn explain(error: Error) -> StoreError {
    match error {
        Error::Io(message) => StoreError::from_message(&message),
        Error::DatabaseFull => StoreError::Unavailable {
            reason: "the database is full".into(),
        },
        Error::NoSuchDatabase | Error::AccessDenied => StoreError::Unavailable {
            reason: "this component has no database `default`".into(),
        },
        // On Spin also: no connection to the server could be made.
        Error::InvalidConnection => StoreError::Disconnected {
            reason: "the host knows no such connection".into(),
            unrun: false,
        },
    }
}

impl Connection for SpinConnection {
    fn open() -> Result<Self, StoreError> {
        SpinConnection::open("default").map_err(explain)
    }

    fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let params: Vec<Wire> = params.iter().map(to_wire).collect();
        let answer = self.execute(sql, &params).map_err(explain)?;
        Ok(answer
            .rows
            .into_iter()
            .map(|row| Row(row.values.into_iter().map(from_wire).collect()))
            .collect())
    }

    fn run_async<'a>(&'a self, sql: &'static str) -> Aside<'a> {
        Box::pin(async move {
            let running = self.execute_async(sql.to_owned(), Vec::new());
            let (_, rows, outcome) = running.await.map_err(explain)?;
            // Its end is the end of the statement, not of the rows.
            drop(rows);
            outcome.await.map_err(explain)
        })
    }
}

impl Engine for SpinSqlite {
    fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.0.run(sql, params)
    }

    fn run_async<'a>(&'a self, sql: &'static str) -> Aside<'a> {
        Box::pin(self.0.run_async(sql))
    }

    fn exclusively(&self, work: &mut dyn FnMut()) {
        // The calls block the instance, so nothing else of it runs before `work` is done.
        work();
    }
}

fn to_wire(value: &Value) -> Wire {
    match value {
        Value::Null => Wire::Null,
        Value::Integer(integer) => Wire::Integer(*integer),
        Value::Real(real) => Wire::Real(*real),
        Value::Text(text) => Wire::Text(text.clone()),
        Value::Blob(bytes) => Wire::Blob(bytes.clone()),
    }
}

fn from_wire(value: Wire) -> Value {
    match value {
        Wire::Null => Value::Null,
        Wire::Integer(integer) => Value::Integer(integer),
        Wire::Real(real) => Value::Real(real),
        Wire::Text(text) => Value::Text(text),
        Wire::Blob(bytes) => Value::Blob(bytes),
    }
}
