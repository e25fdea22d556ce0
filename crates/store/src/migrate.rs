//! Brings the schema up to date: numbered files, applied once, in order, each in one transaction, and
//! never changed afterwards (their checksum is kept). Several components may come here at once on an
//! empty database; `BEGIN IMMEDIATE` lets one through and the others find the work done.

use sha2::{Digest, Sha256};

use crate::migrations::MIGRATIONS;
use crate::{Database, StoreError, params};

/// One file of `migrations/`.
pub struct Migration {
    pub name: &'static str,
    pub sql: &'static str,
    /// What SQL can't do, done before the file.
    pub before: Option<Step>,
}

/// Rewrites some rows, those after `after` (nothing: the first), and says from where on to go on; `None`: none are left.
/// Every part is a transaction of its own, so others write in between and a start that breaks off loses little. The last
/// time round, all of it runs in the transaction of the file, for what was written meanwhile: then little is left to do.
pub(crate) type Step = fn(&Database, after: Option<String>) -> Result<Option<String>, StoreError>;

pub(crate) fn run(database: &Database) -> Result<(), StoreError> {
    apply(database, MIGRATIONS)
}

fn apply(database: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    if let Ok(applied) = applied(database)
        && pending(&applied, migrations)?.is_empty()
    {
        return Ok(());
    }
    database.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (\
         name TEXT PRIMARY KEY, checksum TEXT NOT NULL, \
         applied_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000)) STRICT",
        &[],
    )?;
    for migration in migrations {
        prepare(database, migration, migrations)?;
        database.transaction(|tx| {
            // Looked up again under the lock: another component may have been faster.
            if !is_pending(tx, migration, migrations)? {
                return Ok(());
            }
            if let Some(step) = migration.before {
                let mut after = None;
                while let Some(last) = step(tx, after)? {
                    after = Some(last);
                }
            }
            for statement in statements(migration.sql) {
                tx.execute(&statement, &[])?;
            }
            tx.execute(
                "INSERT INTO schema_migrations (name, checksum) VALUES (?1, ?2)",
                params![migration.name, checksum(migration.sql)],
            )
        })?;
    }
    Ok(())
}

/// Does what a file needs before it, part by part.
fn prepare(database: &Database, migration: &Migration, known: &[Migration]) -> Result<(), StoreError> {
    let Some(step) = migration.before else { return Ok(()) };
    let mut after = None;
    loop {
        let last = database.transaction(|tx| match is_pending(tx, migration, known)? {
            true => step(tx, after.take()),
            false => Ok(None),
        })?;
        match last {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

fn is_pending(database: &Database, migration: &Migration, known: &[Migration]) -> Result<bool, StoreError> {
    let left = pending(&applied(database)?, known)?;
    Ok(left.iter().any(|left| left.name == migration.name))
}

fn applied(database: &Database) -> Result<Vec<(String, String)>, StoreError> {
    database
        .query("SELECT name, checksum FROM schema_migrations ORDER BY name", &[])?
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}

fn pending<'a>(applied: &[(String, String)], known: &'a [Migration]) -> Result<Vec<&'a Migration>, StoreError> {
    for (name, checksum_then) in applied {
        let Some(migration) = known.iter().find(|migration| migration.name == name) else {
            return Err(StoreError::MigrationUnknown { name: name.clone() });
        };
        if *checksum_then != checksum(migration.sql) {
            return Err(StoreError::MigrationChanged { name: name.clone() });
        }
    }
    Ok(known
        .iter()
        .filter(|migration| !applied.iter().any(|(name, _)| name == migration.name))
        .collect())
}

fn checksum(sql: &str) -> String {
    hex::encode(Sha256::digest(sql.as_bytes()))
}

/// Splits a file into statements, since the engine runs one at a time. A statement ends with a line
/// that ends in `;`; that of a trigger with the line `END;` (migrations/README.md).
fn statements(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    for line in sql.lines() {
        let code = line.split("--").next().unwrap_or("").trim_end();
        if code.trim().is_empty() {
            continue;
        }
        current.push_str(code);
        current.push('\n');
        let is_trigger = current.trim_start().starts_with("CREATE TRIGGER");
        let ended = if is_trigger {
            code.trim() == "END;"
        } else {
            code.ends_with(';')
        };
        if ended {
            found.push(std::mem::take(&mut current));
        }
    }
    if !current.trim().is_empty() {
        found.push(current);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration {
        before: None,
        name: "0001_first",
        sql: "-- a comment; with a semicolon\nCREATE TABLE a (x); -- why\n\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\nEND;\nINSERT INTO a VALUES (1);\n",
    };

    #[test]
    fn files_are_split_into_statements_and_triggers_stay_whole() {
        let found = statements(FIRST.sql);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].contains("SELECT 1;\nEND;"));
    }

    #[test]
    fn a_migration_is_applied_once() {
        let database = Database::in_memory().unwrap();
        let known = [MIGRATIONS, &[FIRST]].map(|list| {
            list.iter().map(|m| Migration {
                name: m.name,
                sql: m.sql,
                before: m.before,
            })
        });
        let known: Vec<_> = known.into_iter().flatten().collect();
        apply(&database, &known).unwrap();
        apply(&database, &known).unwrap();
        let rows = database.query("SELECT count(*) FROM a", &[]).unwrap();
        assert_eq!(rows[0].get::<i64>(0).unwrap(), 1);
    }

    #[test]
    fn a_changed_migration_and_a_newer_database_are_refused() {
        let database = Database::in_memory().unwrap();
        let changed = [Migration {
            name: MIGRATIONS[0].name,
            sql: "SELECT 1;",
            before: None,
        }];
        assert!(matches!(
            apply(&database, &changed),
            Err(StoreError::MigrationChanged { .. })
        ));
        assert!(matches!(
            apply(&database, &[]),
            Err(StoreError::MigrationUnknown { .. })
        ));
    }

    /// Relays remember how far they have read: a number that came again would be passed over.
    #[test]
    fn the_feed_goes_on_where_it_was_and_what_was_deleted_before_is_not_unread() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let run = |sql: &str| connection.execute_batch(sql).unwrap();
        let apply = |migration: &Migration| statements(migration.sql).iter().for_each(|sql| run(sql));
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let at = MIGRATIONS.iter().position(|m| m.name == "0086_chat_counts").unwrap();
        run("PRAGMA foreign_keys = OFF");
        MIGRATIONS[..at].iter().for_each(apply);
        run(
            "INSERT INTO chats (id, type, created_by, last_seq, last_activity_at, created_at) VALUES ('c', 'GROUP', 'a', 3, 1, 1);
             INSERT INTO chat_members (chat_id, user_id, joined_at, last_read_seq, own_after_read) VALUES
               ('c', 'a', 1, 0, 3), ('c', 'b', 1, 0, 0), ('c', 'd', 1, 2, 0);
             INSERT INTO messages (id, chat_id, seq, sender_id, message_type, content, created_at, deleted_at) VALUES
               ('1', 'c', 1, 'a', 'TEXT', '', 1, 2), ('2', 'c', 2, 'a', 'TEXT', '', 1, 2), ('3', 'c', 3, 'a', 'TEXT', 'x', 1, NULL);
             DELETE FROM relay_feed WHERE n > 1;",
        );
        let last = number("SELECT seq FROM sqlite_sequence WHERE name = 'relay_feed'");
        assert_eq!(last, 3);
        apply(&MIGRATIONS[at]);
        run("UPDATE chats SET name = 'New'; UPDATE chats SET name = 'New';");
        assert_eq!(number("SELECT count(*) FROM relay_feed"), 2);
        assert_eq!(number("SELECT n FROM relay_feed WHERE kind = 'CHAT_RENAMED'"), last + 1);
        let unread = |user: &str| {
            number(&format!(
                "SELECT c.last_seq - m.last_read_seq - m.own_after_read FROM chat_members m JOIN chats c ON c.id = m.chat_id \
                 WHERE m.user_id = '{user}'"
            ))
        };
        assert_eq!((unread("a"), unread("b"), unread("d")), (0, 1, 1));
    }

    /// Doubles two rows at a time.
    fn double(database: &Database, after: Option<String>) -> Result<Option<String>, StoreError> {
        let rows = database.query(
            "UPDATE a SET y = x * 2 WHERE x IN (SELECT x FROM a WHERE x > CAST(?1 AS INTEGER) AND y IS NULL LIMIT 2) \
             RETURNING x",
            params![after.unwrap_or_else(|| "-1".to_owned())],
        )?;
        let last = rows.iter().filter_map(|row| row.get::<i64>(0).ok()).max();
        Ok(last.map(|last| last.to_string()))
    }

    #[test]
    fn a_step_rewrites_all_rows_before_its_file_is_applied_once() {
        let database = Database::in_memory().unwrap();
        database.execute("CREATE TABLE a (x INTEGER, y INTEGER)", &[]).unwrap();
        database
            .execute("INSERT INTO a (x) VALUES (0), (1), (2), (3), (4)", &[])
            .unwrap();
        let mut known: Vec<Migration> = MIGRATIONS
            .iter()
            .map(|m| Migration {
                name: m.name,
                sql: m.sql,
                before: m.before,
            })
            .collect();
        known.push(Migration {
            name: "9000_doubled",
            sql: "CREATE TRIGGER doubled BEFORE INSERT ON a WHEN NEW.y IS NULL BEGIN\n  SELECT RAISE(ABORT, 'y');\nEND;\n",
            before: Some(double),
        });
        apply(&database, &known).unwrap();
        apply(&database, &known).unwrap();
        let rows = database.query("SELECT sum(y), count(y) FROM a", &[]).unwrap();
        assert_eq!((rows[0].get::<i64>(0), rows[0].get::<i64>(1)), (Ok(20), Ok(5)));
        assert!(database.execute("INSERT INTO a (x) VALUES (9)", &[]).is_err());
    }
}
