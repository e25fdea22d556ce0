//! Whether the file itself is sound, for `nexus doctor`.

use crate::{Database, StoreError};

/// What SQLite finds wrong with the file; nothing, if it is sound. Reads the whole database.
pub fn quick_check(database: &Database) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for row in database.query("PRAGMA quick_check", &[])? {
        let line: String = row.get(0)?;
        if line != "ok" {
            found.push(line);
        }
    }
    for row in database.query("PRAGMA foreign_key_check", &[])? {
        found.push(format!("a row of {} refers to nothing", row.get::<String>(0)?));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_database_is_sound() {
        let database = Database::in_memory().unwrap();
        assert_eq!(quick_check(&database), Ok(Vec::new()));
    }
}
