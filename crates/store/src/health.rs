//! The smallest question that needs the database to answer.

use crate::{Database, StoreError};

/// Reads from a table: `SELECT 1` alone would not touch the file.
pub fn probe(database: &Database) -> Result<(), StoreError> {
    database.execute("SELECT 1 FROM schema_migrations LIMIT 1", &[])
}
