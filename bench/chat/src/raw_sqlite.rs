//! Bare SQLite: messages of the same size in one table, 64 rows per commit, `synchronous=FULL`.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

const ROWS: usize = 64;

/// Rows per second.
pub fn rows_per_second(lasting: Duration) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let mut database = Connection::open(folder.path().join("raw.db")).expect("a database");
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             CREATE TABLE messages (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, chat_id TEXT NOT NULL, seq INTEGER NOT NULL, \
             sender_id TEXT NOT NULL, temp_id TEXT, content TEXT NOT NULL, created_at INTEGER NOT NULL, \
             UNIQUE (chat_id, seq)) STRICT; \
             CREATE UNIQUE INDEX by_temp_id ON messages (sender_id, temp_id);",
        )
        .expect("a table");
    let started = Instant::now();
    let mut rows: u32 = 0;
    while started.elapsed() < lasting {
        let commit = database.transaction().expect("a transaction");
        {
            let mut insert = commit
                .prepare_cached(
                    "INSERT INTO messages (id, chat_id, seq, sender_id, temp_id, content, created_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )
                .expect("a statement");
            for _ in 0..ROWS {
                let id = nexus_kit::clock::new_id(nexus_domain::ids::MessageId::generate).to_string();
                let (chat, sender) = (format!("chat-{}", rows % 50), format!("user-{}", rows % 200));
                insert
                    .execute(params![
                        id,
                        chat,
                        rows,
                        sender,
                        format!("temp-{rows}"),
                        "A message of usual length, more or less.",
                        0
                    ])
                    .expect("a row");
                rows += 1;
            }
        }
        commit.commit().expect("a commit");
    }
    f64::from(rows) / started.elapsed().as_secs_f64()
}
