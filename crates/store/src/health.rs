//! The smallest question that needs the database to answer, and to take something.

use nexus_domain::Timestamp;

use crate::{Database, StoreError, params};

/// Fails when this program can't work with the database, or when nothing can be written: a full disk answers reads for as
/// long as it likes. Instances that ask within the same second share one write.
pub fn probe(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    database.check_schema()?;
    database.execute(
        "INSERT INTO readiness (id, written_at) VALUES (1, ?1) ON CONFLICT (id) DO UPDATE \
         SET written_at = excluded.written_at WHERE excluded.written_at NOT BETWEEN written_at AND written_at + 999",
        params![now],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(database: &Database) -> i64 {
        let rows = database.query("SELECT written_at FROM readiness", &[]).unwrap();
        assert_eq!(rows.len(), 1);
        rows[0].get(0).unwrap()
    }

    #[test]
    fn it_writes_once_a_second_into_one_row() {
        let database = Database::in_memory().unwrap();
        for (now, then) in [(5_000, 5_000), (5_999, 5_000), (6_000, 6_000), (3_000, 3_000)] {
            probe(&database, Timestamp::from_millis(now)).unwrap();
            assert_eq!(written(&database), then, "at {now}");
        }
    }

    #[test]
    fn a_database_that_takes_nothing_is_not_ready() {
        let database = Database::in_memory().unwrap();
        database.execute("PRAGMA query_only = ON", &[]).unwrap();
        assert!(probe(&database, Timestamp::from_millis(1)).is_err());
    }
}
