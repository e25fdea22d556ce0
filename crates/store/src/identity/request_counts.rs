//! Counters per window, for requests that cause mail or try codes.

use nexus_domain::Timestamp;

use crate::{Database, StoreError, params};

#[derive(Debug, Clone, Copy)]
pub struct CountLimit {
    pub most: i64,
    pub window_millis: i64,
}

/// Counts one more of `key`, if there may be; else says when the window ends. One upsert.
pub fn count(
    database: &Database,
    key: &str,
    limit: CountLimit,
    now: Timestamp,
) -> Result<Result<(), Timestamp>, StoreError> {
    let row = database.query_opt(
        "INSERT INTO request_counts (key, count, window_ends_at) VALUES (?1, 1, ?2 + ?3) \
         ON CONFLICT (key) DO UPDATE SET \
           count = CASE WHEN window_ends_at <= ?2 THEN 1 ELSE min(count + 1, ?4 + 1) END, \
           window_ends_at = CASE WHEN window_ends_at <= ?2 THEN ?2 + ?3 ELSE window_ends_at END \
         RETURNING count, window_ends_at",
        params![key, now, limit.window_millis, limit.most],
    )?;
    let row = row.ok_or(StoreError::Column { index: 0 })?;
    let (count, ends_at) = (row.get::<i64>(0)?, row.get::<Timestamp>(1)?);
    Ok(if count <= limit.most { Ok(()) } else { Err(ends_at) })
}

/// Index: request_counts_by_age.
pub fn purge(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    database.execute("DELETE FROM request_counts WHERE window_ends_at <= ?1", params![now])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_so_many_and_the_next_begins_anew() {
        let database = Database::in_memory().unwrap();
        let limit = CountLimit {
            most: 2,
            window_millis: 1_000,
        };
        let at = Timestamp::from_millis;
        let count = |key, millis| count(&database, key, limit, at(millis)).unwrap();
        assert_eq!(
            (count("k", 0), count("k", 10), count("k", 20)),
            (Ok(()), Ok(()), Err(at(1_000)))
        );
        assert_eq!(count("other", 20), Ok(()));
        assert_eq!(count("k", 1_000), Ok(()));
    }
}
