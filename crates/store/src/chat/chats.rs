//! Chats and their members.

mod list;

use nexus_domain::chat::{Chat, ChatName, ChatType, Member, Viewer, direct_key, may_write_to};
use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::text::fold;
use nexus_domain::{Role, Timestamp};
use serde_json::json;

pub use self::list::{ChatList, count, list};
use crate::chat::messages::{MESSAGE_WIDTH, message_columns, read_message};
use crate::{Database, Row, StoreError, Transaction, params};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Not there, or not for this person: one can't tell the two apart.
    #[error("there is no such chat for this person")]
    NotFound,
    #[error("somebody named is not there, or may not be written to")]
    UnknownPerson,
    #[error("a DIRECT chat has no name and its people stay")]
    IsDirect,
    #[error("only who made the group, or staff, may do this")]
    NotAllowed,
    #[error("the group would have too many members")]
    TooManyMembers,
    #[error("the chat is not as its editor saw it")]
    Changed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// `members` come in the order in which they joined. That stands in a subquery: inside an aggregate, a libSQL server's
/// parser doesn't know `ORDER BY`.
const MEMBERS: &str = "(SELECT json_group_array(json(y.member)) FROM (SELECT json_object('userId', x.user_id, \
    'name', u.name, 'role', u.role, 'lastReadSeq', x.last_read_seq) AS member \
    FROM chat_members x JOIN users u ON u.id = x.user_id WHERE x.chat_id = c.id ORDER BY x.joined_at, x.user_id) y)";

macro_rules! chat_columns {
    () => {
        concat!(
            message_columns!("l"),
            ", c.id, c.type, c.name, c.last_seq, c.last_change, c.created_at, \
             c.last_seq - cm.last_read_seq - cm.own_after_read, "
        )
    };
}
use chat_columns;

/// How many columns a chat takes, its members among them.
const CHAT_WIDTH: usize = MESSAGE_WIDTH + 8;

fn read(row: &Row) -> Result<Chat, StoreError> {
    const AT: usize = MESSAGE_WIDTH;
    let last_message = row
        .get::<Option<String>>(0)?
        .map(|_| read_message(row, 0))
        .transpose()?;
    let members: String = row.get(AT + 7)?;
    let members: Vec<Member> = serde_json::from_str(&members).map_err(|_| StoreError::Column { index: AT + 7 })?;
    Ok(Chat {
        id: row.parse(AT)?,
        kind: row.parse(AT + 1)?,
        name: row.get(AT + 2)?,
        members,
        last_seq: row.get(AT + 3)?,
        last_change: row.get(AT + 4)?,
        last_message,
        unread_count: row.get(AT + 6)?,
        created_at: row.get(AT + 5)?,
    })
}

/// The chat as this member sees it. Indexes: the tables' keys.
pub fn find(database: &Database, chat: ChatId, member: UserId) -> Result<Option<Chat>, StoreError> {
    let sql = format!(
        "SELECT {}{MEMBERS} FROM chats c JOIN chat_members cm ON cm.chat_id = c.id AND cm.user_id = ?2 \
         LEFT JOIN messages l ON l.chat_id = c.id AND l.seq = c.last_seq WHERE c.id = ?1",
        chat_columns!()
    );
    database
        .query_opt(&sql, params![chat, member])?
        .as_ref()
        .map(read)
        .transpose()
}

/// A chat to be made by `viewer`.
#[derive(Debug, Clone)]
pub struct NewChat {
    pub id: ChatId,
    pub kind: ChatType,
    pub name: Option<ChatName>,
    /// Without the one who makes it.
    pub others: Vec<UserId>,
}

/// Makes a chat. Of a second `DIRECT` one between the same two the first comes back, with `false`.
pub fn create(database: &Database, viewer: Viewer, new: &NewChat, now: Timestamp) -> Result<(Chat, bool), ChatError> {
    database.transaction(|tx| {
        check_people(tx, viewer, &new.others)?;
        let key = match (new.kind, new.others.as_slice()) {
            (ChatType::Direct, [other]) => Some(direct_key(viewer.user, *other)),
            (ChatType::Direct, _) => return Err(ChatError::UnknownPerson),
            (ChatType::Group, _) => None,
        };
        if let Some(key) = &key {
            // Index: UNIQUE (direct_key).
            if let Some(row) = tx.query_opt("SELECT id FROM chats WHERE direct_key = ?1", params![key])? {
                let first = find(tx, row.parse(0)?, viewer.user)?.ok_or(ChatError::NotFound)?;
                return Ok((first, false));
            }
        }
        tx.execute(
            "INSERT INTO chats (id, type, name, name_folded, direct_key, created_by, last_activity_at, created_at) \
             VALUES (?1, ?2, ?3, ?7, ?4, ?5, ?6, ?6)",
            params![
                new.id,
                new.kind.as_str(),
                new.name.as_ref().map(ChatName::as_str),
                key,
                viewer.user,
                now,
                new.name.as_ref().map(|name| fold(name.as_str()))
            ],
        )?;
        insert_members(tx, new.id, &[viewer.user], now)?;
        insert_members(tx, new.id, &new.others, now.plus_millis(1))?;
        let chat = find(tx, new.id, viewer.user)?.ok_or(ChatError::NotFound)?;
        Ok((chat, true))
    })
}

/// Everybody named is there and may be written to by the viewer.
fn check_people(tx: &Transaction<'_>, viewer: Viewer, people: &[UserId]) -> Result<(), ChatError> {
    let rows = tx.query(
        "SELECT u.role, u.company_id, u.discoverable FROM json_each(?1) j CROSS JOIN users u ON u.id = j.value \
         WHERE u.status = 'ACTIVE'",
        params![json!(people).to_string()],
    )?;
    for row in &rows {
        if !may_write_to(viewer, row.parse(0)?, row.parse_opt(1)?, row.get(2)?) {
            return Err(ChatError::UnknownPerson);
        }
    }
    if rows.len() == people.len() {
        Ok(())
    } else {
        Err(ChatError::UnknownPerson)
    }
}

/// New members have nothing unread: what was said before is there to be read, but isn't news to them.
fn insert_members(
    tx: &Transaction<'_>,
    chat: ChatId,
    people: &[UserId],
    now: Timestamp,
) -> Result<Vec<UserId>, StoreError> {
    tx.query(
        "INSERT INTO chat_members (chat_id, user_id, joined_at, last_read_seq) \
         SELECT ?1, j.value, ?3, (SELECT last_seq FROM chats WHERE id = ?1) FROM json_each(?2) j WHERE true \
         ON CONFLICT DO NOTHING RETURNING user_id",
        params![chat, json!(people).to_string(), now],
    )?
    .iter()
    .map(|row| row.parse(0))
    .collect()
}

/// What a change of a group needs to know about it.
struct Group {
    created_by: UserId,
    members: usize,
}

fn group(tx: &Transaction<'_>, chat: ChatId, member: UserId) -> Result<Group, ChatError> {
    let row = tx
        .query_opt(
            "SELECT c.type, c.created_by, (SELECT count(*) FROM chat_members x WHERE x.chat_id = c.id) FROM chats c \
             JOIN chat_members cm ON cm.chat_id = c.id AND cm.user_id = ?2 WHERE c.id = ?1",
            params![chat, member],
        )?
        .ok_or(ChatError::NotFound)?;
    if row.parse::<ChatType>(0)? == ChatType::Direct {
        return Err(ChatError::IsDirect);
    }
    Ok(Group {
        created_by: row.parse(1)?,
        members: row.get(2)?,
    })
}

/// Gives a group a name, if it still is as its editor saw it.
pub fn rename(
    database: &Database,
    member: UserId,
    chat: ChatId,
    name: &ChatName,
    is_as_seen: impl FnOnce(&Chat) -> bool,
) -> Result<Chat, ChatError> {
    database.transaction(|tx| {
        group(tx, chat, member)?;
        if !find(tx, chat, member)?.is_some_and(|chat| is_as_seen(&chat)) {
            return Err(ChatError::Changed);
        }
        tx.execute(
            "UPDATE chats SET name = ?2, name_folded = ?3 WHERE id = ?1",
            params![chat, name.as_str(), fold(name.as_str())],
        )?;
        find(tx, chat, member)?.ok_or(ChatError::NotFound)
    })
}

/// Adds people to a group; says which of them are new in it.
pub fn add_members(
    database: &Database,
    viewer: Viewer,
    chat: ChatId,
    people: &[UserId],
    now: Timestamp,
) -> Result<(Chat, Vec<UserId>), ChatError> {
    database.transaction(|tx| {
        let group = group(tx, chat, viewer.user)?;
        check_people(tx, viewer, people)?;
        let added = insert_members(tx, chat, people, now)?;
        if group.members + added.len() > nexus_domain::chat::MAX_MEMBERS {
            return Err(ChatError::TooManyMembers);
        }
        let chat = find(tx, chat, viewer.user)?.ok_or(ChatError::NotFound)?;
        Ok((chat, added))
    })
}

/// Takes somebody out of a group: oneself always, others if one made the group or is staff.
pub fn remove_member(database: &Database, by: UserId, role: Role, chat: ChatId, user: UserId) -> Result<(), ChatError> {
    database.transaction(|tx| {
        let group = group(tx, chat, by)?;
        if user != by && group.created_by != by && !role.is_staff() {
            return Err(ChatError::NotAllowed);
        }
        tx.query_opt(
            "DELETE FROM chat_members WHERE chat_id = ?1 AND user_id = ?2 RETURNING user_id",
            params![chat, user],
        )?
        .map(drop)
        .ok_or(ChatError::NotFound)
    })
}

/// Where a member's read mark is, and where it would be at `seq`.
fn mark(database: &Database, user: UserId, chat: ChatId, seq: i64) -> Result<Option<(i64, i64)>, StoreError> {
    database
        .query_opt(
            "SELECT cm.last_read_seq, max(cm.last_read_seq, min(?3, c.last_seq)) FROM chat_members cm \
             JOIN chats c ON c.id = cm.chat_id WHERE cm.chat_id = ?1 AND cm.user_id = ?2",
            params![chat, user, seq],
        )?
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .transpose()
}

/// Moves a member's read mark on; it never moves back. `None`: not a member. Else where the mark is now, and
/// whether it moved. One that doesn't move waits for nobody who writes.
pub fn mark_read(database: &Database, user: UserId, chat: ChatId, seq: i64) -> Result<Option<(i64, bool)>, StoreError> {
    match mark(database, user, chat, seq)? {
        Some((before, now)) if before < now => {}
        found => return Ok(found.map(|(before, _)| (before, false))),
    }
    database.transaction(|tx| {
        let Some((before, now)) = mark(tx, user, chat, seq)? else {
            return Ok(None);
        };
        if before == now {
            return Ok(Some((before, false)));
        }
        // Index: UNIQUE (chat_id, seq), from the mark to the end.
        tx.execute(
            "UPDATE chat_members SET last_read_seq = ?3, own_after_read = \
             (SELECT count(*) FROM messages m WHERE m.chat_id = ?1 AND m.seq > ?3 \
             AND (m.sender_id = ?2 OR m.deleted_at IS NOT NULL)) \
             WHERE chat_id = ?1 AND user_id = ?2",
            params![chat, user, now],
        )?;
        Ok(Some((now, true)))
    })
}

/// How much each member has unread: what others wrote after the mark and didn't take back.
pub fn unread(database: &Database, chat: ChatId) -> Result<Vec<(UserId, i64)>, StoreError> {
    database
        .query(
            "SELECT cm.user_id, c.last_seq - cm.last_read_seq - cm.own_after_read \
             FROM chat_members cm JOIN chats c ON c.id = cm.chat_id WHERE cm.chat_id = ?1",
            params![chat],
        )?
        .iter()
        .map(|row| Ok((row.parse(0)?, row.get(1)?)))
        .collect()
}

/// Whether the person is in the chat.
pub fn is_member(database: &Database, chat: ChatId, user: UserId) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "SELECT 1 FROM chat_members WHERE chat_id = ?1 AND user_id = ?2",
        params![chat, user],
    )?;
    Ok(row.is_some())
}

#[cfg(test)]
mod tests;
