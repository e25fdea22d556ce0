//! Classifies statements by their text.

/// Whether the first word is that of a read. SQLite also counts `PRAGMA`, `COMMIT` and others as read-only, which may write
/// or wait.
pub fn looks_like_a_read(sql: &str) -> bool {
    is_one_of(sql, &["select", "with", "values", "explain"])
}

/// Whether the statement takes the write lock at once when no transaction is open. `WITH` is not analysed.
pub fn begins_to_write(sql: &str) -> bool {
    const WRITES: [&str; 10] = [
        "insert", "update", "delete", "replace", "create", "drop", "alter", "reindex", "vacuum", "analyze",
    ];
    let locks = |word: &str| word.eq_ignore_ascii_case("immediate") || word.eq_ignore_ascii_case("exclusive");
    match bound(sql) {
        Bound::Begin => sql.split_whitespace().any(locks),
        _ => is_one_of(sql, &WRITES),
    }
}

/// The effect of a statement on a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// An error within a transaction.
    Begin,
    /// Begins a transaction if none is open.
    Savepoint,
    Commit,
    /// Of the whole transaction, not to a savepoint.
    Rollback,
    None,
}

pub fn bound(sql: &str) -> Bound {
    if is_one_of(sql, &["begin"]) {
        Bound::Begin
    } else if is_one_of(sql, &["savepoint"]) {
        Bound::Savepoint
    } else if is_one_of(sql, &["commit", "end"]) {
        Bound::Commit
    } else if is_one_of(sql, &["rollback"]) && !sql.split_whitespace().any(|word| word.eq_ignore_ascii_case("to")) {
        Bound::Rollback
    } else {
        Bound::None
    }
}

fn is_one_of(sql: &str, words: &[&str]) -> bool {
    let first = first_word(sql);
    words.iter().any(|word| first.eq_ignore_ascii_case(word))
}

pub fn first_word(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, rest)| rest)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, rest)| rest)
        } else {
            break;
        }
        .trim_start();
    }
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    &rest[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transaction_statements_are_classified() {
        for (sql, expected) in [
            ("begin immediate", Bound::Begin),
            ("/* a */ SAVEPOINT one", Bound::Savepoint),
            ("COMMIT", Bound::Commit),
            ("End", Bound::Commit),
            ("ROLLBACK", Bound::Rollback),
            ("ROLLBACK TO one", Bound::None),
            ("RELEASE one", Bound::None),
            ("SELECT 'begin'", Bound::None),
        ] {
            assert_eq!(bound(sql), expected, "{sql}");
        }
    }

    #[test]
    fn writing_statements_are_classified() {
        for sql in [
            "BEGIN IMMEDIATE",
            "/* a */ begin exclusive transaction",
            "insert into t",
            "Create Table t",
        ] {
            assert!(begins_to_write(sql), "{sql}");
        }
        for sql in [
            "BEGIN",
            "begin deferred",
            "SELECT 'insert'",
            "COMMIT",
            "PRAGMA immediate",
        ] {
            assert!(!begins_to_write(sql), "{sql}");
        }
    }

    #[test]
    fn the_first_word_is_found_after_comments() {
        assert_eq!(first_word("  -- a\n /* b */ Select(1)"), "Select");
        assert!(looks_like_a_read("WITH x AS (SELECT 1) SELECT * FROM x"));
        for write in ["BEGIN IMMEDIATE", "COMMIT", "PRAGMA wal_checkpoint", "INSERT INTO t"] {
            assert!(!looks_like_a_read(write), "{write}");
        }
    }
}
