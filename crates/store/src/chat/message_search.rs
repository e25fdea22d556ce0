//! The words of messages: taken into their index, and looked for.

use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::message::Message;
use nexus_domain::text::search_words;
use serde_json::json;

use crate::chat::messages::{message_columns, read_message};
use crate::{Database, StoreError, params};

/// How many messages one statement takes into the index.
const INDEXED_AT_ONCE: i64 = 1_000;

/// Takes messages that came since the last time into the index of words. `false`: there are more.
pub fn index_words(database: &Database) -> Result<bool, StoreError> {
    let behind = database.query_opt(
        "SELECT indexed_n, (SELECT max(n) FROM messages) FROM message_index",
        &[],
    )?;
    let Some(row) = behind else { return Ok(true) };
    if row.get::<Option<i64>>(1)?.unwrap_or(0) <= row.get::<i64>(0)? {
        return Ok(true);
    }
    database.transaction(|tx| {
        let row = tx
            .query_opt(
                "SELECT indexed_n, (SELECT max(n) FROM messages) FROM message_index",
                &[],
            )?
            .ok_or(StoreError::Column { index: 0 })?;
        let from: i64 = row.get(0)?;
        let last: i64 = row.get(1)?;
        let to = last.min(from + INDEXED_AT_ONCE);
        let rows = tx.query(
            "SELECT n, content FROM messages WHERE n > ?1 AND n <= ?2 AND deleted_at IS NULL",
            params![from, to],
        )?;
        let words = rows
            .iter()
            .map(|row| Ok(json!([row.get::<i64>(0)?, search_words(&row.get::<String>(1)?)])))
            .collect::<Result<Vec<_>, StoreError>>()?;
        tx.execute(
            "INSERT INTO message_words (rowid, content) SELECT value ->> 0, value ->> 1 FROM json_each(?1)",
            params![serde_json::Value::from(words).to_string()],
        )?;
        tx.execute("UPDATE message_index SET indexed_n = ?1", params![to])?;
        Ok(to == last)
    })
}

/// What somebody looks for in their own chats, in which order, from where on.
#[derive(Debug, Clone)]
pub struct Search {
    pub user: UserId,
    /// All of them, the last may be a beginning.
    pub words: String,
    pub chat: Option<ChatId>,
    pub sender: Option<UserId>,
    pub newest_first: bool,
    /// The place of the last one before those wanted.
    pub after: Option<i64>,
    pub limit: u32,
}

/// A message found, with its place for going on after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    pub n: i64,
    pub message: Message,
}

/// `?1` the person, `?2` the words, `?3` a chat, `?4` a sender. Read are the messages with these words, and of each
/// whether the person is in its chat. Indexes: message_words, then the tables' keys.
macro_rules! wanted {
    () => {
        "message_words w JOIN messages m ON m.n = w.rowid \
         JOIN chat_members cm ON cm.chat_id = m.chat_id AND cm.user_id = ?1 \
         WHERE w.message_words MATCH ?2 AND (?3 IS NULL OR m.chat_id = ?3) AND (?4 IS NULL OR m.sender_id = ?4) \
         AND m.deleted_at IS NULL"
    };
}

pub fn search(database: &Database, search: &Search) -> Result<Vec<Hit>, StoreError> {
    let Some(query) = match_query(&search.words) else {
        return Ok(Vec::new());
    };
    let start = if search.newest_first { i64::MAX } else { 0 };
    let after = search.after.unwrap_or(start);
    database
        .query(
            statement(search.newest_first),
            params![search.user, query, search.chat, search.sender, after, search.limit],
        )?
        .iter()
        .map(|row| {
            Ok(Hit {
                n: row.get(0)?,
                message: read_message(row, 1)?,
            })
        })
        .collect()
}

pub(crate) fn statement(newest_first: bool) -> &'static str {
    if newest_first {
        concat!(
            "SELECT m.n, ",
            message_columns!("m"),
            " FROM ",
            wanted!(),
            " AND w.rowid < ?5 ORDER BY w.rowid DESC LIMIT ?6"
        )
    } else {
        concat!(
            "SELECT m.n, ",
            message_columns!("m"),
            " FROM ",
            wanted!(),
            " AND w.rowid > ?5 ORDER BY w.rowid LIMIT ?6"
        )
    }
}

/// How many there are on all pages.
pub fn count(database: &Database, search: &Search) -> Result<i64, StoreError> {
    let Some(query) = match_query(&search.words) else {
        return Ok(0);
    };
    database
        .query_opt(
            concat!("SELECT count(*) FROM ", wanted!()),
            params![search.user, query, search.chat, search.sender],
        )?
        .ok_or(StoreError::Column { index: 0 })?
        .get(0)
}

/// Words, folded as the index has them, as an FTS5 query without operators: each quoted, so that nothing in them has a meaning of its own.
fn match_query(words: &str) -> Option<String> {
    let quoted: Vec<String> = words
        // FTS5 reads its query up to the first NUL.
        .split(|c: char| c.is_whitespace() || c.is_control())
        .map(search_words)
        .filter(|words| words.chars().any(char::is_alphanumeric))
        .map(|words| format!("\"{}\"", words.replace('"', "\"\"")))
        .collect();
    if quoted.is_empty() {
        None
    } else {
        Some(format!("{}*", quoted.join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_words_searched_for_is_an_operator() {
        assert_eq!(
            match_query(r#"rent OR "due" -x*"#).as_deref(),
            Some(r#""rent" "or" """due""" "-x*"*"#)
        );
        assert_eq!(match_query(" ** \" "), None);
        assert_eq!(match_query("re\0nt").as_deref(), Some(r#""re" "nt"*"#));
    }
}
