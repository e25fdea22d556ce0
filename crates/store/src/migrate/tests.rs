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

const OLDER: Migration = Migration {
    name: "0001_first",
    sql: "CREATE TABLE a (x);\n",
    before: None,
};
const COMPATIBLE: Migration = Migration {
    name: "0002_second",
    sql: "-- What it is for.\n-- compatible-since: 0001\nCREATE TABLE b (x);\n",
    before: None,
};
const INCOMPATIBLE: Migration = Migration {
    name: "0003_third",
    sql: "DROP TABLE a;\n",
    before: None,
};

/// A database without the migrations of the product.
fn empty() -> Database {
    let database = Database::in_memory().unwrap();
    for table in ["schema_migrations", "schema_compatibility"] {
        database.execute(&format!("DROP TABLE {table}"), &[]).unwrap();
    }
    database
}

#[test]
fn an_older_program_works_with_a_newer_database_that_permits_it() {
    let database = empty();
    apply(&database, &[OLDER, COMPATIBLE]).unwrap();
    apply(&database, &[OLDER]).unwrap();
    apply(&database, &[OLDER, COMPATIBLE, INCOMPATIBLE]).unwrap();
    apply(&database, &[OLDER, COMPATIBLE, INCOMPATIBLE]).unwrap();
    let refused = apply(&database, &[OLDER, COMPATIBLE]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the database is newer than this program: it has migration 0003_third, and this program knows them up to \
         0002_second and can't work with it; start the newer program, or restore a backup from before it"
    );
}

#[test]
fn a_program_that_lacks_a_middle_migration_applies_it_to_a_newer_database() {
    let database = empty();
    apply(&database, &[OLDER]).unwrap();
    let later = Migration {
        name: "0004_later",
        sql: "-- compatible-since: 0002\nCREATE TABLE d (x);\n",
        before: None,
    };
    apply(&database, &[OLDER, later]).unwrap();
    apply(&database, &[OLDER, COMPATIBLE]).unwrap();
    database.query("SELECT x FROM b", &[]).unwrap();
}

#[test]
fn a_change_of_the_schema_is_noticed_while_the_database_is_open() {
    let database = Database::in_memory().unwrap();
    database.check_schema().unwrap();
    database
        .execute(
            "INSERT INTO schema_migrations (name, checksum) VALUES ('9999_later', '')",
            &[],
        )
        .unwrap();
    assert!(matches!(
        database.check_schema(),
        Err(StoreError::MigrationUnknown { .. })
    ));
    database
        .execute("INSERT INTO schema_compatibility VALUES ('9999_later', 93)", &[])
        .unwrap();
    database.check_schema().unwrap();
}
