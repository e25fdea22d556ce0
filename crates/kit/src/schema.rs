//! Whether the database is still one that this program can work with. While one runs, a newer program may bring the
//! schema up to date; requests that would work with a schema they don't know are refused instead.

use std::sync::{Mutex, PoisonError};

use crate::{ApiError, clock};
use nexus_store::Database;

/// How often an instance looks, in milliseconds.
const PERIOD: i64 = 2_000;

/// What an instance last found.
#[derive(Default)]
pub(crate) struct SchemaWatch(Mutex<Option<Found>>);

struct Found {
    at: i64,
    refused: Option<String>,
}

impl SchemaWatch {
    /// The answer to every request while the schema is foreign.
    pub fn problem(&self, database: &Database) -> Option<ApiError> {
        let now = clock::now().as_millis();
        let mut found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = found.as_ref().filter(|found| (0..PERIOD).contains(&(now - found.at)));
        let refused = match fresh {
            Some(found) => found.refused.clone(),
            None => {
                // What else may fail here, the request itself will meet.
                let refused = database
                    .check_schema()
                    .err()
                    .filter(|error| error.is_foreign_schema())
                    .map(|error| error.to_string());
                *found = Some(Found {
                    at: now,
                    refused: refused.clone(),
                });
                refused
            }
        };
        refused.map(ApiError::unavailable)
    }
}

/// Addresses that tell how things are, whatever the database is.
pub(crate) fn needs_no_schema(path: &str) -> bool {
    path.starts_with("/api/v1/health") || path.starts_with("/docs") || path == "/api/v1/openapi.json"
}

#[cfg(test)]
mod tests {
    use nexus_store::Database;

    use super::*;

    #[test]
    fn a_schema_of_a_newer_program_is_503_with_its_reason_in_the_log() {
        let database = Database::in_memory().unwrap();
        assert!(SchemaWatch::default().problem(&database).is_none());
        database
            .execute(
                "INSERT INTO schema_migrations (name, checksum) VALUES ('9999_later', '')",
                &[],
            )
            .unwrap();
        let problem = SchemaWatch::default().problem(&database).unwrap();
        assert_eq!(problem.code().status(), 503);
        assert!(problem.cause().unwrap().contains("9999_later"));
    }
}
