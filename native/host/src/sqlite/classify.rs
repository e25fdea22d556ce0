//! What a statement is, by its text.

/// By its first word; `PRAGMA`, `COMMIT` and others count as read-only for SQLite and yet may write or wait.
pub fn looks_like_a_read(sql: &str) -> bool {
    let word = first_word(sql);
    ["select", "with", "values", "explain"]
        .iter()
        .any(|read| word.eq_ignore_ascii_case(read))
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
    fn the_first_word_is_found_behind_comments() {
        assert_eq!(first_word("  -- a\n /* b */ Select(1)"), "Select");
        assert!(looks_like_a_read("WITH x AS (SELECT 1) SELECT * FROM x"));
        for write in ["BEGIN IMMEDIATE", "COMMIT", "PRAGMA wal_checkpoint", "INSERT INTO t"] {
            assert!(!looks_like_a_read(write), "{write}");
        }
    }
}
