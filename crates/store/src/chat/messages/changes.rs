//! Messages edited and taken back.

use nexus_domain::ids::{ChatId, MessageId, UserId};
use nexus_domain::message::{Content, Message};
use nexus_domain::role::Role;
use nexus_domain::text::search_words;
use nexus_domain::{Invalid, Timestamp};

use super::{message_columns, read_message};
use crate::{Database, StoreError, Transaction, params};

/// Why a message can't be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no such message for this person")]
    NotFound,
    #[error("it is somebody else's message")]
    NotOwn,
    #[error("the message was deleted")]
    Deleted,
    #[error("the message is not as its editor saw it")]
    Changed,
    #[error("the new text can't be taken: {0}")]
    Content(#[from] Invalid),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A changed message and the chat's `lastChange` that it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub message: Message,
    pub change: i64,
}

/// New words for one's own message, if it still is as its editor saw it.
pub fn edit(
    database: &Database,
    editor: UserId,
    chat: ChatId,
    message: MessageId,
    text: String,
    is_as_seen: impl FnOnce(&Message) -> bool,
    now: Timestamp,
) -> Result<Changed, ChangeError> {
    database.transaction(|tx| {
        let found = find_for_change(tx, editor, chat, message)?;
        if found.message.sender_id != editor {
            return Err(ChangeError::NotOwn);
        }
        if !is_as_seen(&found.message) {
            return Err(ChangeError::Changed);
        }
        if found.message.deleted_at.is_some() {
            return Err(ChangeError::Deleted);
        }
        let content = Content::new(text, !found.message.attachments.is_empty())?.into_string();
        let change = next_change(tx, chat)?;
        tx.execute(
            "UPDATE messages SET content = ?2, edited_at = ?3, change = ?4 WHERE id = ?1",
            params![message, &content, now, change],
        )?;
        reindex(tx, found.n, Some(&content))?;
        let message = Message {
            content,
            edited_at: Some(now),
            ..found.message
        };
        Ok(Changed { message, change })
    })
}

/// Takes a message back: its words and files are gone, its place stays. One's own, or anybody's for an admin of the
/// chat. `None` when it was deleted before.
pub fn delete(
    database: &Database,
    by: UserId,
    role: Role,
    chat: ChatId,
    message: MessageId,
    now: Timestamp,
) -> Result<Option<Changed>, ChangeError> {
    database.transaction(|tx| {
        let found = find_for_change(tx, by, chat, message)?;
        if found.message.sender_id != by && !role.at_least(Role::Admin) {
            return Err(ChangeError::NotOwn);
        }
        if found.message.deleted_at.is_some() {
            return Ok(None);
        }
        let change = next_change(tx, chat)?;
        tx.execute(
            "UPDATE messages SET content = '', attachments = '[]', deleted_at = ?2, change = ?3 WHERE id = ?1",
            params![message, now, change],
        )?;
        reindex(tx, found.n, None)?;
        let message = Message {
            content: String::new(),
            attachments: Vec::new(),
            deleted_at: Some(now),
            ..found.message
        };
        Ok(Some(Changed { message, change }))
    })
}

struct Found {
    n: i64,
    message: Message,
}

fn find_for_change(tx: &Transaction<'_>, user: UserId, chat: ChatId, message: MessageId) -> Result<Found, ChangeError> {
    let row = tx
        .query_opt(
            concat!(
                "SELECT m.n, ",
                message_columns!("m"),
                " FROM messages m JOIN chat_members cm ON cm.chat_id = m.chat_id AND cm.user_id = ?2 \
                 WHERE m.id = ?1 AND m.chat_id = ?3"
            ),
            params![message, user, chat],
        )?
        .ok_or(ChangeError::NotFound)?;
    Ok(Found {
        n: row.get(0)?,
        message: read_message(&row, 1)?,
    })
}

fn next_change(tx: &Transaction<'_>, chat: ChatId) -> Result<i64, StoreError> {
    let row = tx.query_opt(
        "UPDATE chats SET last_change = last_change + 1 WHERE id = ?1 RETURNING last_change",
        params![chat],
    )?;
    row.ok_or(StoreError::ForeignKey)?.get(0)
}

/// Takes the old words out of the index, and puts the new ones in where the index has come that far.
fn reindex(tx: &Transaction<'_>, n: i64, content: Option<&str>) -> Result<(), StoreError> {
    let indexed = tx.query_opt("SELECT 1 FROM message_index WHERE indexed_n >= ?1", params![n])?;
    if indexed.is_none() {
        return Ok(());
    }
    tx.execute("DELETE FROM message_words WHERE rowid = ?1", params![n])?;
    if let Some(content) = content {
        tx.execute(
            "INSERT INTO message_words (rowid, content) VALUES (?1, ?2)",
            params![n, search_words(content)],
        )?;
    }
    Ok(())
}
