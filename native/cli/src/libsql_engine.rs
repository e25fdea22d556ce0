//! The store on a libSQL server, for commands.

use std::sync::OnceLock;
use std::time::Instant;

use nexus_host::{LibsqlClient, SqlValue};
use nexus_store::{Database, Engine, Row, StoreError, Value};

struct Libsql {
    client: LibsqlClient,
    /// Held during a transaction. Statements of the same thread may enter it again.
    turn: parking_lot::ReentrantMutex<()>,
}

pub fn open(client: LibsqlClient) -> Result<Database, StoreError> {
    let turn = parking_lot::ReentrantMutex::new(());
    Database::open(Box::new(Libsql { client, turn }), micros)
}

fn micros() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl Engine for Libsql {
    fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let _turn = self.turn.lock();
        let params = params.iter().map(to_wire).collect();
        let rows = self
            .client
            .execute(sql, params)
            .map_err(|message| StoreError::from_message(&message))?;
        Ok(rows
            .into_iter()
            .map(|values| Row::from(values.into_iter().map(from_wire).collect::<Vec<_>>()))
            .collect())
    }

    fn exclusively(&self, work: &mut dyn FnMut()) {
        let _turn = self.turn.lock();
        work();
    }
}

fn to_wire(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Integer(integer) => SqlValue::Integer(*integer),
        Value::Real(real) => SqlValue::Real(*real),
        Value::Text(text) => SqlValue::Text(text.clone()),
        Value::Blob(bytes) => SqlValue::Blob(bytes.clone()),
    }
}

fn from_wire(value: SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(integer) => Value::Integer(integer),
        SqlValue::Real(real) => Value::Real(real),
        SqlValue::Text(text) => Value::Text(text),
        SqlValue::Blob(bytes) => Value::Blob(bytes),
    }
}
