//! What a relay learns about chats from the store: how far each chat is, what a connection missed, and the feed of
//! everything that happened since the relay last asked.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::ids::{ChatId, NotificationId, SessionId, UserId};
use crate::message::Message;
use crate::notification_kind::NotificationKind;

/// A chat and its two counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatHead {
    pub chat_id: ChatId,
    /// The `seq` of the newest message; 0 without any.
    pub last_seq: i64,
    /// The number of edits and deletions so far.
    pub last_change: i64,
}

/// What a connection of `user_id` already has of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientPosition {
    pub chat_id: ChatId,
    pub user_id: UserId,
    /// The last `seq` the client has seen.
    pub seq: i64,
    /// The chat's `lastChange` that the client has seen. `None`: that of the moment when message `seq` was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<i64>,
}

/// What a connection missed of a chat since its [`ClientPosition`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Edited and deleted messages up to the client's `seq`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Message>,
    /// First and last missed `seq`, when more was missed than is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<(i64, i64)>,
    /// The chat's counters when this was read.
    #[serde(default)]
    pub last_seq: i64,
    #[serde(default)]
    pub last_change: i64,
    /// This chat was not read, because the answer would have become too large. Ask again.
    #[serde(default)]
    pub later: bool,
}

/// An edit or deletion, with the chat's `lastChange` that it produced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub change: i64,
    pub message: Message,
}

/// How far a relay has read the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedPosition {
    pub event: i64,
    pub message: i64,
}

/// What happened after a [`FeedPosition`], whichever process caused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feed {
    /// Where the next request continues.
    pub position: FeedPosition,
    pub sessions_ended: Vec<SessionId>,
    pub users_ended: Vec<UserId>,
    pub memberships: Vec<Membership>,
    pub renamed: Vec<Renamed>,
    /// Chats with new messages, edits or deletions.
    pub chats: Vec<ChatHead>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<UserNotification>,
    /// More than this answer holds is available now: ask again at once.
    #[serde(default)]
    pub more: bool,
}

impl Feed {
    /// An empty feed at `position`.
    pub fn at(position: FeedPosition) -> Self {
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

/// Whether a user is a member of a chat now. The feed carries it after every join and leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    pub chat_id: ChatId,
    pub user_id: UserId,
    pub is_member: bool,
}

/// A chat's name after it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Renamed {
    pub chat_id: ChatId,
    pub name: Option<String>,
}

/// A stored notification and its recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserNotification {
    pub user_id: UserId,
    pub notification: Notification,
}

/// The payload of the `NOTIFICATION` event. `POST /notifications/read` takes its `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub id: NotificationId,
    pub kind: NotificationKind,
    pub title: String,
    pub body: String,
    /// A path within the console.
    pub link: Option<String>,
    pub timestamp: Timestamp,
}

/// Where a chat was when a user became a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Newcomer {
    pub user_id: UserId,
    pub seq: i64,
    pub change: i64,
}
