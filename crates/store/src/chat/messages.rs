//! Messages: stored in batches, changed one by one.

mod changes;

use std::collections::HashMap;

use nexus_domain::Timestamp;
use nexus_domain::ids::{AttachmentId, ChatId, MessageId, UserId};
use nexus_domain::message::{Attachment, Content, Message, MessageType, Placed, TempId};
use serde_json::json;

pub use self::changes::{ChangeError, Changed, delete, edit};
use crate::{Database, Row, StoreError, Transaction, Value, chat::attachments, params};

/// The columns that [`read_message`] reads, of the table under this name.
macro_rules! message_columns {
    ($table:literal) => {
        concat!(
            $table,
            ".id, ",
            $table,
            ".chat_id, ",
            $table,
            ".seq, ",
            $table,
            ".sender_id, ",
            $table,
            ".content, ",
            $table,
            ".message_type, ",
            $table,
            ".attachments, ",
            $table,
            ".temp_id, ",
            $table,
            ".created_at, ",
            $table,
            ".edited_at, ",
            $table,
            ".deleted_at"
        )
    };
}
pub(crate) use message_columns;

/// How many columns a message takes.
pub(crate) const MESSAGE_WIDTH: usize = 11;

pub(crate) fn read_message(row: &Row, at: usize) -> Result<Message, StoreError> {
    let attachments: String = row.get(at + 6)?;
    let temp_id: Option<String> = row.get(at + 7)?;
    Ok(Message {
        id: row.parse(at)?,
        chat_id: row.parse(at + 1)?,
        seq: row.get(at + 2)?,
        sender_id: row.parse(at + 3)?,
        content: row.get(at + 4)?,
        message_type: row.parse(at + 5)?,
        attachments: serde_json::from_str(&attachments).map_err(|_| StoreError::Column { index: at + 6 })?,
        temp_id: temp_id
            .map(TempId::try_from)
            .transpose()
            .map_err(|_| StoreError::Column { index: at + 7 })?,
        created_at: row.get(at + 8)?,
        edited_at: row.get(at + 9)?,
        deleted_at: row.get(at + 10)?,
    })
}

/// The columns of a message and `changes_before` after them.
pub(crate) fn read_placed(row: &Row, at: usize) -> Result<Placed, StoreError> {
    Ok(Placed {
        message: read_message(row, at)?,
        changes_before: row.get(at + MESSAGE_WIDTH)?,
    })
}

/// A message somebody wants stored. Its id is made before the first try, so that trying again after an answer that
/// got lost stores nothing twice, with or without a `tempId`.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub id: MessageId,
    pub chat_id: ChatId,
    pub sender_id: UserId,
    pub temp_id: Option<TempId>,
    pub message_type: MessageType,
    pub content: Content,
    pub attachments: Vec<AttachmentId>,
}

/// What became of one message of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    Stored(Placed),
    /// The sender has sent this `tempId` before; the first message stands.
    Duplicate(Message),
    NotAMember,
    /// An attachment isn't the sender's, or was sent already.
    UnknownAttachment,
}

/// What is known about a message of the batch before it is stored.
struct Known {
    is_member: bool,
    last_seq: i64,
    last_change: i64,
    first: Option<Placed>,
}

/// Stores a batch: one commit and a constant number of statements, however many messages. One that can't be
/// stored fails alone.
pub fn send(database: &Database, batch: Vec<NewMessage>, now: Timestamp) -> Result<Vec<Sent>, StoreError> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    database.transaction(|tx| {
        let known = look_up(tx, &batch)?;
        let files = attachments::for_sending(tx, &batch)?;
        let (outcomes, stored) = decide(batch, known, &files, now);
        if !stored.is_empty() {
            insert(tx, &stored, now)?;
        }
        Ok(outcomes)
    })
}

fn look_up(tx: &Transaction<'_>, batch: &[NewMessage]) -> Result<Vec<Known>, StoreError> {
    let keys: Vec<_> = batch
        .iter()
        .map(|m| json!([m.chat_id, m.sender_id, m.id, m.temp_id]))
        .collect();
    // Indexes: chat_members' key, messages_by_temp_id, UNIQUE (messages.id).
    let rows = tx.query(
        concat!(
            "SELECT m.user_id IS NOT NULL, c.last_seq, c.last_change, ",
            message_columns!("d"),
            ", d.changes_before FROM json_each(?1) i \
             LEFT JOIN chat_members m ON m.chat_id = i.value ->> 0 AND m.user_id = i.value ->> 1 \
             LEFT JOIN chats c ON c.id = m.chat_id \
             LEFT JOIN messages d ON d.n = coalesce(\
               (SELECT t.n FROM messages t WHERE t.sender_id = i.value ->> 1 AND t.temp_id = i.value ->> 3), \
               (SELECT t.n FROM messages t WHERE t.id = i.value ->> 2 AND t.sender_id = i.value ->> 1)) \
             ORDER BY i.key"
        ),
        params![serde_json::Value::Array(keys).to_string()],
    )?;
    rows.iter()
        .map(|row| {
            let is_member: bool = row.get(0)?;
            let first = row.get::<Option<String>>(3)?.map(|_| read_placed(row, 3)).transpose()?;
            Ok(Known {
                is_member,
                last_seq: row.get::<Option<i64>>(1)?.unwrap_or(0),
                last_change: row.get::<Option<i64>>(2)?.unwrap_or(0),
                first,
            })
        })
        .collect()
}

fn decide(
    batch: Vec<NewMessage>,
    known: Vec<Known>,
    files: &HashMap<AttachmentId, (UserId, Attachment)>,
    now: Timestamp,
) -> (Vec<Sent>, Vec<Placed>) {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut accepted: Vec<Placed> = Vec::with_capacity(batch.len());
    let mut last_seq: HashMap<ChatId, i64> = HashMap::new();
    let mut by_temp_id: HashMap<(UserId, TempId), usize> = HashMap::new();
    let mut used: std::collections::HashSet<AttachmentId> = std::collections::HashSet::new();
    for (new, known) in batch.into_iter().zip(known) {
        if let Some(first) = known.first {
            // The same id: our own second try, which is told what the first one would have been.
            let own_retry = first.message.id == new.id;
            outcomes.push(if own_retry {
                Sent::Stored(first)
            } else {
                Sent::Duplicate(first.message)
            });
            continue;
        }
        let key = new.temp_id.clone().map(|temp_id| (new.sender_id, temp_id));
        if let Some(earlier) = key.as_ref().and_then(|key| by_temp_id.get(key)) {
            outcomes.push(Sent::Duplicate(accepted[*earlier].message.clone()));
            continue;
        }
        if !known.is_member {
            outcomes.push(Sent::NotAMember);
            continue;
        }
        let mut own = Vec::with_capacity(new.attachments.len());
        for id in &new.attachments {
            match files.get(id) {
                Some((owner, file)) if *owner == new.sender_id && !used.contains(id) && !own.contains(file) => {
                    own.push(file.clone());
                }
                _ => break,
            }
        }
        if own.len() != new.attachments.len() {
            outcomes.push(Sent::UnknownAttachment);
            continue;
        }
        used.extend(&new.attachments);
        let seq = last_seq.entry(new.chat_id).or_insert(known.last_seq);
        *seq += 1;
        let message = Message {
            id: new.id,
            chat_id: new.chat_id,
            seq: *seq,
            sender_id: new.sender_id,
            content: new.content.into_string(),
            message_type: new.message_type,
            attachments: own,
            temp_id: new.temp_id,
            created_at: now,
            edited_at: None,
            deleted_at: None,
        };
        if let Some(key) = key {
            by_temp_id.insert(key, accepted.len());
        }
        let placed = Placed {
            message,
            changes_before: known.last_change,
        };
        outcomes.push(Sent::Stored(placed.clone()));
        accepted.push(placed);
    }
    (outcomes, accepted)
}

fn insert(tx: &Transaction<'_>, accepted: &[Placed], now: Timestamp) -> Result<(), StoreError> {
    let rows: Vec<_> = accepted
        .iter()
        .map(
            |Placed {
                 message: m,
                 changes_before,
             }| {
                json!([
                    m.id,
                    m.chat_id,
                    m.seq,
                    m.sender_id,
                    m.temp_id,
                    m.message_type,
                    m.content,
                    m.attachments,
                    changes_before
                ])
            },
        )
        .collect();
    tx.execute(
        "INSERT INTO messages (id, chat_id, seq, sender_id, temp_id, message_type, content, attachments, \
         changes_before, created_at) \
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, \
         value -> 7, value ->> 8, ?2 FROM json_each(?1) ORDER BY key",
        params![serde_json::Value::Array(rows).to_string(), now],
    )?;

    let mut chats: HashMap<ChatId, i64> = HashMap::new();
    let mut senders: HashMap<(ChatId, UserId), i64> = HashMap::new();
    let mut files = Vec::new();
    for Placed { message, .. } in accepted {
        let last = chats.entry(message.chat_id).or_default();
        *last = (*last).max(message.seq);
        *senders.entry((message.chat_id, message.sender_id)).or_default() += 1;
        files.extend(
            message
                .attachments
                .iter()
                .map(|file| json!([file.id, message.chat_id, message.id])),
        );
    }
    let chats: Vec<_> = chats.into_iter().map(|(chat, seq)| json!([chat, seq])).collect();
    tx.execute(
        "UPDATE chats SET last_seq = j.value ->> 1, last_activity_at = ?2 FROM json_each(?1) j WHERE chats.id = j.value ->> 0",
        params![serde_json::Value::Array(chats).to_string(), now],
    )?;
    let senders: Vec<_> = senders
        .into_iter()
        .map(|((chat, user), count)| json!([chat, user, count]))
        .collect();
    tx.execute(
        "UPDATE chat_members SET own_after_read = own_after_read + (j.value ->> 2) FROM json_each(?1) j \
         WHERE chat_members.chat_id = j.value ->> 0 AND chat_members.user_id = j.value ->> 1",
        params![serde_json::Value::Array(senders).to_string()],
    )?;
    if !files.is_empty() {
        attachments::mark_sent(tx, files)?;
    }
    Ok(())
}

impl From<MessageType> for Value {
    fn from(kind: MessageType) -> Self {
        Value::Text(kind.as_str().to_owned())
    }
}

#[cfg(test)]
pub(crate) mod tests;
