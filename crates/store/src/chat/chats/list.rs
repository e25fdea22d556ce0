//! A person's chats, in one of several orders.

use nexus_domain::chat::{Chat, ChatType};
use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::page::{Sort, like};

use super::{CHAT_WIDTH, MEMBERS, chat_columns, read};
use crate::chat::messages::message_columns;
use crate::{Database, StoreError, Value, params};

/// Which of a person's chats, in which order, from where on.
#[derive(Debug, Clone)]
pub struct ChatList {
    pub member: UserId,
    pub kind: Option<ChatType>,
    /// Whether there is something unread.
    pub unread: Option<bool>,
    /// A part of the chat's name, or of another member's.
    pub words: Option<String>,
    /// By `lastActivity`, `name` or `createdAt`.
    pub sort: Sort,
    /// What the last one before those wanted is sorted by (text, or milliseconds), and its id.
    pub after: Option<(Value, ChatId)>,
    pub limit: u32,
}

/// What a chat is called, folded: one between two people by the other's name. A group without a name stands before all others.
const NAME: &str = "coalesce(c.name_folded, (SELECT u.name_folded FROM chat_members x JOIN users u ON u.id = x.user_id \
    WHERE x.chat_id = c.id AND x.user_id <> ?1 AND c.type = 'DIRECT'), '')";

/// The person's chats that were asked for. Indexes: chat_members_by_user, then the tables' keys.
const WANTED: &str = "chat_members cm JOIN chats c ON c.id = cm.chat_id WHERE cm.user_id = ?1 \
    AND (?2 IS NULL OR c.type = ?2) \
    AND (?3 IS NULL OR (c.last_seq - cm.last_read_seq - cm.own_after_read > 0) = ?3) \
    AND (?4 IS NULL OR c.name_folded LIKE ?4 ESCAPE '\\' OR EXISTS (SELECT 1 FROM chat_members x \
    JOIN users u ON u.id = x.user_id WHERE x.chat_id = c.id AND x.user_id <> ?1 AND u.name_folded LIKE ?4 ESCAPE '\\'))";

/// The chats, each with what it is sorted by.
pub fn list(database: &Database, list: &ChatList) -> Result<Vec<(Chat, Value)>, StoreError> {
    let (after, after_id) = list.after.clone().unzip();
    let mut given = wanted(list);
    given.extend_from_slice(params![after, after_id, list.limit]);
    database
        .query(&statement(list.sort), &given)?
        .iter()
        .map(|row| Ok((read(row)?, row.get(CHAT_WIDTH)?)))
        .collect()
}

/// One's own chats are put in order as they are, and only those of the page are then read with all they show.
pub(super) fn statement(sort: Sort) -> String {
    let key = match sort.field {
        "name" => NAME,
        "createdAt" => "c.created_at",
        _ => "c.last_activity_at",
    };
    let (beyond, direction) = if sort.descending { ("<", " DESC") } else { (">", "") };
    format!(
        "SELECT {}{MEMBERS}, cm.place FROM (SELECT cm.chat_id, cm.last_read_seq, cm.own_after_read, {key} AS place \
         FROM {WANTED} AND (?5 IS NULL OR ({key}, c.id) {beyond} (?5, ?6)) \
         ORDER BY place{direction}, c.id{direction} LIMIT ?7) cm \
         JOIN chats c ON c.id = cm.chat_id LEFT JOIN messages l ON l.chat_id = c.id AND l.seq = c.last_seq \
         ORDER BY cm.place{direction}, c.id{direction}",
        chat_columns!()
    )
}

/// How many there are on all pages.
pub fn count(database: &Database, list: &ChatList) -> Result<i64, StoreError> {
    database
        .query_opt(&format!("SELECT count(*) FROM {WANTED}"), &wanted(list))?
        .ok_or(StoreError::Column { index: 0 })?
        .get(0)
}

/// `?1` to `?4`.
fn wanted(list: &ChatList) -> Vec<Value> {
    params![
        list.member,
        list.kind.map(ChatType::as_str),
        list.unread,
        list.words.as_deref().map(like)
    ]
    .to_vec()
}
