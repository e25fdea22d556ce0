//! Values and rows between the interface and SQLite.

use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Statement, params_from_iter};

use crate::bindings::sqlite::{Error, QueryResult, RowResult, Value};

/// Bytes of one result, as on Spin.
pub const MAX_RESULT_BYTES: usize = 128 << 20;

pub enum Stop {
    Sqlite(rusqlite::Error),
    Value(Error),
    TooLarge,
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

pub fn collect(statement: &mut Statement<'_>, params: &[Value], most_bytes: usize) -> Result<QueryResult, Stop> {
    let columns = columns(statement);
    let count = columns.len();
    let mut bytes = 0;
    let mut result = Vec::new();
    let mut rows = statement.query(bind(params))?;
    while let Some(row) = rows.next()? {
        let (row, size) = convert(row, count).map_err(Stop::Value)?;
        bytes += size;
        if bytes > most_bytes {
            return Err(Stop::TooLarge);
        }
        result.push(row);
    }
    Ok(QueryResult { columns, rows: result })
}

pub fn columns(statement: &Statement<'_>) -> Vec<String> {
    statement.column_names().map(ToOwned::to_owned).collect()
}

pub fn convert(row: &rusqlite::Row<'_>, columns: usize) -> Result<(RowResult, usize), Error> {
    let mut size = size_of::<RowResult>();
    let mut values = Vec::with_capacity(columns);
    for index in 0..columns {
        let value = match row.get_ref(index).map_err(io)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Integer(integer),
            ValueRef::Real(real) => Value::Real(real),
            ValueRef::Text(text) => {
                size += text.len();
                let text = std::str::from_utf8(text)
                    .map_err(|_| Error::Io(format!("the text in column {index} is not valid UTF-8")))?;
                Value::Text(text.to_owned())
            }
            ValueRef::Blob(blob) => {
                size += blob.len();
                Value::Blob(blob.to_vec())
            }
        };
        size += size_of::<Value>();
        values.push(value);
    }
    Ok((RowResult { values }, size))
}

/// A guest's value, borrowed by SQLite.
struct Lent<'a>(&'a Value);

impl ToSql for Lent<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Integer(integer) => ValueRef::Integer(*integer),
            Value::Real(real) => ValueRef::Real(*real),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

pub fn bind(params: &[Value]) -> impl rusqlite::Params {
    params_from_iter(params.iter().map(Lent))
}

pub fn io(error: rusqlite::Error) -> Error {
    Error::Io(error.to_string())
}

pub fn too_large() -> Error {
    Error::Io(format!("query result exceeds limit of {MAX_RESULT_BYTES} bytes"))
}
