//! What relays ask: who is behind a session and in which chats, and what happened that nobody told them.

use nexus_domain::ids::{ChatId, SessionId, UserId};
use nexus_domain::{Role, Timestamp};
use serde_json::json;

use crate::chat::message_history::MAX_REPLAYED;
use crate::chat::notifications::{self, Notification};
use crate::{Database, StoreError, params};

/// Somebody who connects, as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connecting {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub role: Role,
    pub must_change_password: bool,
    pub mfa_enabled: bool,
    /// When the session itself ends, whatever its tokens say.
    pub session_expires_at: Timestamp,
}

/// A chat of theirs and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatHead {
    pub chat_id: ChatId,
    pub last_seq: i64,
    pub last_change: i64,
}

/// Those of these sessions that are good now. Index: the tables' keys.
pub fn connecting(database: &Database, sessions: &[SessionId], now: Timestamp) -> Result<Vec<Connecting>, StoreError> {
    database
        .query(
            "SELECT s.id, s.user_id, u.role, u.must_change_password, u.mfa_enabled, s.expires_at \
             FROM (SELECT DISTINCT value AS id FROM json_each(?1)) j CROSS JOIN sessions s ON s.id = j.id \
             JOIN users u ON u.id = s.user_id \
             WHERE s.ended_at IS NULL AND s.expires_at > ?2 AND u.status = 'ACTIVE'",
            params![json!(sessions).to_string(), now],
        )?
        .iter()
        .map(|row| {
            Ok(Connecting {
                session_id: row.parse(0)?,
                user_id: row.parse(1)?,
                role: row.parse(2)?,
                must_change_password: row.get(3)?,
                mfa_enabled: row.get(4)?,
                session_expires_at: row.get(5)?,
            })
        })
        .collect()
}

/// The chats of these people. Index: chat_members_by_user.
pub fn chats_of(database: &Database, users: &[UserId]) -> Result<Vec<(UserId, ChatHead)>, StoreError> {
    database
        .query(
            "SELECT cm.user_id, c.id, c.last_seq, c.last_change FROM (SELECT DISTINCT value AS id FROM json_each(?1)) j \
             CROSS JOIN chat_members cm ON cm.user_id = j.id JOIN chats c ON c.id = cm.chat_id ORDER BY cm.user_id, c.id",
            params![json!(users).to_string()],
        )?
        .iter()
        .map(|row| {
            let head = ChatHead {
                chat_id: row.parse(1)?,
                last_seq: row.get(2)?,
                last_change: row.get(3)?,
            };
            Ok((row.parse(0)?, head))
        })
        .collect()
}

/// How far a relay has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedPosition {
    pub event: i64,
    pub message: i64,
}

/// Whether somebody is in a chat now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    pub chat_id: ChatId,
    pub user_id: UserId,
    pub is_member: bool,
}

/// What happened since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    pub position: FeedPosition,
    pub sessions_ended: Vec<SessionId>,
    pub users_ended: Vec<UserId>,
    /// People who came into a chat or left one.
    pub memberships: Vec<Membership>,
    /// Chats that were given a name, and the name.
    pub renamed: Vec<(ChatId, Option<String>)>,
    /// Chats with new messages, edits or deletions.
    pub chats: Vec<ChatHead>,
    pub notifications: Vec<Notification>,
    /// There is more than one answer holds.
    pub more: bool,
}

impl Feed {
    fn at(position: FeedPosition) -> Self {
        Self {
            position,
            sessions_ended: Vec::new(),
            users_ended: Vec::new(),
            memberships: Vec::new(),
            renamed: Vec::new(),
            chats: Vec::new(),
            notifications: Vec::new(),
            more: false,
        }
    }
}

/// What a row of the feed tells (`relay_feed.kind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeedKind {
    SessionEnded,
    UserEnded,
    Membership,
    MessageChanged,
    ChatRenamed,
    Notification,
}

impl FeedKind {
    /// `None`: of a later program, which tells its relays by itself.
    fn parse(text: &str, has_user: bool) -> Option<Self> {
        Some(match text {
            "SESSION_ENDED" => Self::SessionEnded,
            "USER_ENDED" => Self::UserEnded,
            "MEMBERSHIP" => Self::Membership,
            "NOTIFICATION" => Self::Notification,
            "CHAT_RENAMED" => Self::ChatRenamed,
            // So a program before `CHAT_RENAMED` told of a new name.
            "MESSAGE_CHANGED" if has_user => Self::ChatRenamed,
            "MESSAGE_CHANGED" => Self::MessageChanged,
            _ => return None,
        })
    }
}

/// How many new messages one answer looks at.
const MAX_MESSAGES: i64 = 20_000;
/// How many other events; notifications come with their text.
const MAX_EVENTS: usize = 2_000;

/// What happened after `since`; without it, only how far things are.
pub fn feed(database: &Database, since: Option<FeedPosition>) -> Result<Feed, StoreError> {
    let Some(since) = since else {
        let row = database
            .query_opt(
                "SELECT coalesce((SELECT max(n) FROM relay_feed), \
                 (SELECT seq FROM sqlite_sequence WHERE name = 'relay_feed'), 0), \
                 coalesce((SELECT max(n) FROM messages), 0)",
                &[],
            )?
            .ok_or(StoreError::Column { index: 0 })?;
        return Ok(Feed::at(FeedPosition {
            event: row.get(0)?,
            message: row.get(1)?,
        }));
    };
    let mut feed = Feed::at(since);
    let mut changed: Vec<ChatId> = Vec::new();
    let rows = database.query(
        "SELECT n, kind, session_id, user_id, chat_id FROM relay_feed WHERE n > ?1 ORDER BY n LIMIT ?2",
        params![since.event, i64::try_from(MAX_EVENTS).unwrap_or(i64::MAX)],
    )?;
    feed.more = rows.len() == MAX_EVENTS;
    let mut notified = false;
    let (mut members, mut renamed) = (Vec::new(), Vec::new());
    for row in &rows {
        feed.position.event = row.get(0)?;
        let has_user = row.get::<Option<String>>(3)?.is_some();
        match FeedKind::parse(&row.get::<String>(1)?, has_user) {
            Some(FeedKind::SessionEnded) => feed.sessions_ended.push(row.parse(2)?),
            Some(FeedKind::UserEnded) => feed.users_ended.push(row.parse(3)?),
            Some(FeedKind::Membership) => members.push(json!([row.get::<String>(4)?, row.get::<String>(3)?])),
            Some(FeedKind::MessageChanged) => changed.push(row.parse(4)?),
            Some(FeedKind::ChatRenamed) => renamed.push(row.parse(4)?),
            Some(FeedKind::Notification) => notified = true,
            None => {}
        }
    }
    if !members.is_empty() {
        feed.memberships = memberships(database, members)?;
    }
    if !renamed.is_empty() {
        feed.renamed = names(database, &renamed)?;
    }
    if notified {
        feed.notifications = notifications::told_between(database, since.event, feed.position.event)?;
    }
    // By primary key, so it costs what came in since, however many chats there are.
    let rows = database.query(
        "SELECT max(n), chat_id FROM messages WHERE n > ?1 AND n <= ?1 + ?2 GROUP BY chat_id",
        params![since.message, MAX_MESSAGES],
    )?;
    for row in &rows {
        feed.position.message = feed.position.message.max(row.get(0)?);
        changed.push(row.parse(1)?);
    }
    if !changed.is_empty() {
        changed.sort_unstable();
        changed.dedup();
        feed.chats = heads(database, &changed)?;
    }
    Ok(feed)
}

/// Index: the table's key.
fn memberships(database: &Database, asked: Vec<serde_json::Value>) -> Result<Vec<Membership>, StoreError> {
    database
        .query(
            "SELECT DISTINCT j.value ->> 0, j.value ->> 1, cm.user_id IS NOT NULL FROM json_each(?1) j \
             LEFT JOIN chat_members cm ON cm.chat_id = j.value ->> 0 AND cm.user_id = j.value ->> 1",
            params![serde_json::Value::Array(asked).to_string()],
        )?
        .iter()
        .map(|row| {
            Ok(Membership {
                chat_id: row.parse(0)?,
                user_id: row.parse(1)?,
                is_member: row.get(2)?,
            })
        })
        .collect()
}

/// Index: the table's key.
fn names(database: &Database, chats: &[ChatId]) -> Result<Vec<(ChatId, Option<String>)>, StoreError> {
    database
        .query(
            "SELECT DISTINCT c.id, c.name FROM json_each(?1) j CROSS JOIN chats c ON c.id = j.value",
            params![json!(chats).to_string()],
        )?
        .iter()
        .map(|row| Ok((row.parse(0)?, row.get(1)?)))
        .collect()
}

/// Where a chat was when somebody came into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newcomer {
    pub user_id: UserId,
    pub seq: i64,
    pub change: i64,
}

/// How far the chat was when these came into it, as far as anybody replays: those who aren't members are left out.
///
/// A read mark begins there and only moves on, and messages since then are no older than their coming; whichever is
/// further back. Indexes: the tables' keys, UNIQUE (chat_id, seq).
pub fn newcomers(database: &Database, chat: ChatId, users: &[UserId]) -> Result<Vec<Newcomer>, StoreError> {
    database
        .query(
            "WITH came AS (SELECT cm.user_id, min(cm.last_read_seq, coalesce((SELECT min(r.seq) - 1 FROM \
             (SELECT m.seq, m.created_at FROM messages m WHERE m.chat_id = ?1 ORDER BY m.seq DESC LIMIT ?3) r \
             WHERE r.created_at >= cm.joined_at), cm.last_read_seq)) AS seq \
             FROM json_each(?2) j CROSS JOIN chat_members cm ON cm.chat_id = ?1 AND cm.user_id = j.value) \
             SELECT came.user_id, came.seq, coalesce((SELECT m.changes_before FROM messages m \
             WHERE m.chat_id = ?1 AND m.seq = came.seq), 0) FROM came",
            params![chat, json!(users).to_string(), MAX_REPLAYED + 1],
        )?
        .iter()
        .map(|row| {
            Ok(Newcomer {
                user_id: row.parse(0)?,
                seq: row.get(1)?,
                change: row.get(2)?,
            })
        })
        .collect()
}

fn heads(database: &Database, chats: &[ChatId]) -> Result<Vec<ChatHead>, StoreError> {
    database
        .query(
            "SELECT c.id, c.last_seq, c.last_change FROM json_each(?1) j CROSS JOIN chats c ON c.id = j.value",
            params![json!(chats).to_string()],
        )?
        .iter()
        .map(|row| {
            Ok(ChatHead {
                chat_id: row.parse(0)?,
                last_seq: row.get(1)?,
                last_change: row.get(2)?,
            })
        })
        .collect()
}

/// Forgets what every relay that is alive has read long ago, a part at a time. Index: relay_feed_by_age.
pub fn purge(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    const KEPT_SECONDS: i64 = 86_400;
    database.execute(
        "DELETE FROM relay_feed WHERE n IN (SELECT n FROM relay_feed WHERE at < ?1 ORDER BY at LIMIT 1000)",
        params![now.plus_seconds(-KEPT_SECONDS)],
    )
}
