//! Messages read back: pages of a chat, what a connection missed, what fills a gap.

use nexus_domain::ids::{ChatId, MessageId, UserId};
use nexus_domain::message::{Message, Placed};
use serde_json::json;

use crate::chat::messages::{Changed, message_columns, read_message, read_placed};
use crate::{Database, StoreError, params};

/// Which part of a chat to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The messages after this `seq`, the nearest first.
    After(i64),
    /// The messages before this `seq`, the nearest.
    Before(i64),
    Latest,
}

/// A page in the order of `seq`. Index: UNIQUE (chat_id, seq).
pub fn page(database: &Database, chat: ChatId, page: Page, limit: u32) -> Result<Vec<Message>, StoreError> {
    let forwards = concat!(
        "SELECT ",
        message_columns!("m"),
        " FROM messages m WHERE m.chat_id = ?1 AND m.seq > ?2 ORDER BY m.seq LIMIT ?3"
    );
    let backwards = concat!(
        "SELECT ",
        message_columns!("m"),
        " FROM messages m WHERE m.chat_id = ?1 AND m.seq < ?2 ORDER BY m.seq DESC LIMIT ?3"
    );
    let rows = match page {
        Page::After(seq) => database.query(forwards, params![chat, seq, limit])?,
        Page::Before(seq) => database.query(backwards, params![chat, seq, limit])?,
        Page::Latest => database.query(backwards, params![chat, i64::MAX, limit])?,
    };
    let mut messages = rows
        .iter()
        .map(|row| read_message(row, 0))
        .collect::<Result<Vec<_>, _>>()?;
    if !matches!(page, Page::After(_)) {
        messages.reverse();
    }
    Ok(messages)
}

/// The messages after this `seq`, for a relay. Index: UNIQUE (chat_id, seq).
pub fn range(database: &Database, chat: ChatId, after: i64, limit: u32) -> Result<Vec<Placed>, StoreError> {
    database
        .query(
            concat!(
                "SELECT ",
                message_columns!("m"),
                ", m.changes_before FROM messages m WHERE m.chat_id = ?1 AND m.seq > ?2 ORDER BY m.seq LIMIT ?3"
            ),
            params![chat, after, limit],
        )?
        .iter()
        .map(|row| read_placed(row, 0))
        .collect()
}

/// One message, for a member of its chat. Index: UNIQUE (id).
pub fn find(
    database: &Database,
    chat: ChatId,
    message: MessageId,
    member: UserId,
) -> Result<Option<Message>, StoreError> {
    database
        .query_opt(
            concat!(
                "SELECT ",
                message_columns!("m"),
                " FROM messages m JOIN chat_members cm ON cm.chat_id = m.chat_id AND cm.user_id = ?3 \
                 WHERE m.id = ?1 AND m.chat_id = ?2"
            ),
            params![message, chat, member],
        )?
        .map(|row| read_message(&row, 0))
        .transpose()
}

/// What a connection of `user` says it has of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    pub chat: ChatId,
    pub user: UserId,
    /// The last `seq` it has seen.
    pub seq: i64,
    /// The chat's `lastChange` that it has seen; unknown: that of when the message `seq` was stored.
    pub change: Option<i64>,
}

/// What it missed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missed {
    pub messages: Vec<Message>,
    /// Edits and deletions of messages up to `seq`.
    pub changed: Vec<Message>,
    /// Too much was missed: fetch from here to there.
    pub gap: Option<(i64, i64)>,
    /// How far the chat was at least when all this was read.
    pub last_seq: i64,
    pub last_change: i64,
    /// Not looked at, since the answer would get too large: ask again.
    pub later: bool,
}

/// The most messages, and the most changes, that are replayed of one chat.
pub const MAX_REPLAYED: i64 = 500;

/// What each has missed. Three statements, however many ask; answers of more than [`MAX_REPLAYED`] rows together
/// are left for another call.
pub fn catch_up(database: &Database, behind: &[Behind]) -> Result<Vec<Missed>, StoreError> {
    let asked: Vec<_> = behind
        .iter()
        .map(|b| json!([b.chat, b.user, b.seq, b.change]))
        .collect();
    // Indexes: the tables' keys, UNIQUE (chat_id, seq).
    let heads = database.query(
        "SELECT c.last_seq, c.last_change, \
         coalesce(j.value ->> 3, (SELECT m.changes_before FROM messages m WHERE m.chat_id = c.id AND m.seq = j.value ->> 2), c.last_change) \
         FROM json_each(?1) j \
         LEFT JOIN chat_members cm ON cm.chat_id = j.value ->> 0 AND cm.user_id = j.value ->> 1 \
         LEFT JOIN chats c ON c.id = cm.chat_id ORDER BY j.key",
        params![serde_json::Value::Array(asked).to_string()],
    )?;
    let mut found = vec![Missed::default(); behind.len()];
    let mut messages = Vec::new();
    let mut changes = Vec::new();
    let mut rows_left = MAX_REPLAYED;
    for (index, (behind, head)) in behind.iter().zip(&heads).enumerate() {
        let (Some(last_seq), Some(last_change)) = (head.get::<Option<i64>>(0)?, head.get::<Option<i64>>(1)?) else {
            continue;
        };
        let since: i64 = head.get::<Option<i64>>(2)?.unwrap_or(last_change);
        let missed = (last_seq - behind.seq).max(0);
        let changed = (last_change - since).max(0);
        let too_many = missed > MAX_REPLAYED;
        let cost = if too_many { 0 } else { missed } + changed.min(MAX_REPLAYED);
        if index > 0 && cost > rows_left {
            found[index].later = true;
            continue;
        }
        rows_left -= cost;
        (found[index].last_seq, found[index].last_change) = (last_seq, last_change);
        if too_many {
            found[index].gap = Some((behind.seq + 1, last_seq));
        } else if missed > 0 {
            messages.push(json!([index, behind.chat, behind.seq, last_seq]));
        }
        if changed > MAX_REPLAYED {
            let to = found[index].gap.map_or(behind.seq, |(_, to)| to);
            found[index].gap = Some((1, to));
        } else if changed > 0 {
            changes.push(json!([index, behind.chat, behind.seq, since]));
        }
    }
    if !messages.is_empty() {
        let rows = database.query(
            concat!(
                "SELECT j.value ->> 0, ",
                message_columns!("m"),
                " FROM json_each(?1) j CROSS JOIN messages m ON m.chat_id = j.value ->> 1 \
                 AND m.seq > j.value ->> 2 AND m.seq <= j.value ->> 3 ORDER BY j.key, m.seq"
            ),
            params![serde_json::Value::Array(messages).to_string()],
        )?;
        for row in &rows {
            let index: usize = row.get(0)?;
            let missed = found.get_mut(index).ok_or(StoreError::Column { index: 0 })?;
            missed.messages.push(read_message(row, 1)?);
        }
    }
    if !changes.is_empty() {
        // Index: messages_by_change.
        let rows = database.query(
            concat!(
                "SELECT j.value ->> 0, ",
                message_columns!("m"),
                " FROM json_each(?1) j CROSS JOIN messages m ON m.chat_id = j.value ->> 1 \
                 AND m.change > j.value ->> 3 AND m.seq <= j.value ->> 2 ORDER BY j.key, m.change"
            ),
            params![serde_json::Value::Array(changes).to_string()],
        )?;
        for row in &rows {
            let index: usize = row.get(0)?;
            let missed = found.get_mut(index).ok_or(StoreError::Column { index: 0 })?;
            missed.changed.push(read_message(row, 1)?);
        }
    }
    Ok(found)
}

/// The edits and deletions of a chat after this `lastChange`, in order.
pub fn changes_after(database: &Database, chat: ChatId, change: i64, limit: u32) -> Result<Vec<Changed>, StoreError> {
    database
        .query(
            concat!(
                "SELECT m.change, ",
                message_columns!("m"),
                " FROM messages m WHERE m.chat_id = ?1 AND m.change > ?2 ORDER BY m.change LIMIT ?3"
            ),
            params![chat, change, limit],
        )?
        .iter()
        .map(|row| {
            Ok(Changed {
                change: row.get(0)?,
                message: read_message(row, 1)?,
            })
        })
        .collect()
}
