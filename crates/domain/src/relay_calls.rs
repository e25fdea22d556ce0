//! What relays and the `chat` component say to each other under `/internal/chat/*`: one type for both sides.

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::chat::Chat;
use crate::ids::{ChatId, MessageId, NotificationId, SessionId, UserId};
use crate::message::{Message, Placed, TempId};

/// The most items of one call; the rest goes into the next.
pub const MOST_AT_ONCE: usize = 512;

pub const CONNECT: &str = "/internal/chat/connect";
pub const SEND: &str = "/internal/chat/send";
pub const READ: &str = "/internal/chat/read";
pub const CATCH_UP: &str = "/internal/chat/catch-up";
pub const RANGE: &str = "/internal/chat/range";
pub const CHANGES: &str = "/internal/chat/changes";
pub const FEED: &str = "/internal/chat/feed";
pub const CHATS: &str = "/internal/chat/chats";
pub const CHAT: &str = "/internal/chat/chat";
pub const PRESENCE: &str = "/internal/chat/presence";
/// Asked by the scheduler, with an empty object.
pub const PURGE: &str = "/internal/chat/purge";

/// A list that is asked about, or the answers in the same order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Items<T> {
    pub items: Vec<T>,
}

/// `CONNECT` is asked with access tokens. Who is behind one, or why nobody is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Connection {
    Accepted {
        user_id: UserId,
        session_id: SessionId,
        /// When the token runs out.
        expires_at: Timestamp,
        chats: Vec<ChatHead>,
    },
    /// `code` as the `ERROR` event has it.
    Refused { code: String, message: String },
}

/// A chat and how far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatHead {
    pub chat_id: ChatId,
    pub last_seq: i64,
    pub last_change: i64,
}

/// One message to be stored, as a client gave it; the component judges it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sending {
    /// Made by the relay before the first try, so that another try stores nothing twice.
    pub id: MessageId,
    pub sender_id: UserId,
    pub chat_id: String,
    pub content: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_type: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temp_id: Option<String>,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SendOutcome {
    Stored {
        placed: Placed,
    },
    Duplicate {
        temp_id: Option<TempId>,
        message_id: MessageId,
        chat_id: ChatId,
        seq: i64,
    },
    NotAMember,
    Invalid {
        message: String,
    },
}

/// A read mark to be moved on.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    pub user_id: UserId,
    pub chat_id: ChatId,
    pub seq: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ReadOutcome {
    Moved { seq: i64 },
    Unchanged,
    NotAMember,
}

/// What a connection has of a chat.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Behind {
    pub chat_id: ChatId,
    pub user_id: UserId,
    pub seq: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<i64>,
}

/// What it missed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Missed {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Message>,
    /// From and to: more than is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<(i64, i64)>,
    /// How far the chat was when this was read.
    #[serde(default)]
    pub last_seq: i64,
    #[serde(default)]
    pub last_change: i64,
    /// Ask again: the answer would have become too large.
    #[serde(default)]
    pub later: bool,
}

/// `RANGE`: messages after this `seq`, as [`Placed`]. `CHANGES`: changes after this one, as [`Change`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct After {
    pub chat_id: ChatId,
    pub after: i64,
}

/// An edit or deletion, with the chat's `lastChange` that it made.
#[derive(Debug, Clone, Serialize, Deserialize)]
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

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FeedRequest {
    /// Absent: only say how far it is.
    pub since: Option<FeedPosition>,
}

/// What happened since, whoever did it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feed {
    pub position: FeedPosition,
    pub sessions_ended: Vec<SessionId>,
    pub users_ended: Vec<UserId>,
    pub memberships: Vec<Membership>,
    pub renamed: Vec<Renamed>,
    pub chats: Vec<ChatHead>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifications: Vec<Notified>,
    /// There is more already: ask again at once.
    #[serde(default)]
    pub more: bool,
}

/// Somebody came into a chat or left it: how it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    pub chat_id: ChatId,
    pub user_id: UserId,
    pub is_member: bool,
}

/// A chat was given a name: how it is called now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Renamed {
    pub chat_id: ChatId,
    pub name: Option<String>,
}

/// Something that was written down for somebody, whichever component did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notified {
    pub user_id: UserId,
    pub notification: Notification,
}

/// The payload of `NOTIFICATION`; the `id` is what `POST /notifications/read` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub id: NotificationId,
    pub kind: String,
    pub title: String,
    pub body: String,
    pub link: Option<String>,
    pub timestamp: Timestamp,
}

/// `CHATS` is asked with user ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatsOf {
    pub user_id: UserId,
    pub chats: Vec<ChatHead>,
}

/// `CHAT` is asked with a chat and those who may not have heard yet that they are in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatAsked {
    pub chat_id: ChatId,
    pub newcomers: Vec<UserId>,
}

/// A chat as it is now; there is none when nobody is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChatSeen {
    /// What differs between members is that of one of them.
    pub chat: Chat,
    /// How much each member has unread.
    pub unread: Vec<(UserId, i64)>,
    /// Of the newcomers those who are members.
    pub newcomers: Vec<Newcomer>,
}

/// How far the chat was when this member came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Newcomer {
    pub user_id: UserId,
    pub seq: i64,
    pub change: i64,
}

/// Who is connected to a relay, as far as it changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceReport {
    pub node: String,
    /// The relay counts as alive until then.
    pub lease_until: Timestamp,
    pub online: Vec<UserId>,
    pub offline: Vec<UserId>,
}
