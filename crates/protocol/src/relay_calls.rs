//! What a relay asks the `chat` component under `/internal/chat/*`: paths, requests and answers of both sides.

use nexus_domain::Timestamp;
use nexus_domain::chat::Chat;
use nexus_domain::chat_feed::{ChatHead, FeedPosition, Newcomer};
use nexus_domain::ids::{ChatId, MessageId, SessionId, UserId};
use nexus_domain::message::{Placed, TempId};
use serde::{Deserialize, Serialize};

/// The maximum number of items of one call. The caller puts the rest into the next call.
pub const MAX_ITEMS: usize = 512;

/// Takes access tokens; answers [`ConnectOutcome`] for each.
pub const CONNECT: &str = "/internal/chat/connect";
/// Takes [`MessageToSend`]; answers [`SendOutcome`] for each.
pub const SEND: &str = "/internal/chat/send";
/// Takes [`ReadMark`]; answers [`ReadOutcome`] for each.
pub const READ: &str = "/internal/chat/read";
/// Takes [`nexus_domain::chat_feed::ClientPosition`]; answers [`nexus_domain::chat_feed::Missed`] for each.
pub const CATCH_UP: &str = "/internal/chat/catch-up";
/// Takes [`After`]; answers the next messages of the chat as [`Placed`].
pub const RANGE: &str = "/internal/chat/range";
/// Takes [`After`]; answers the next edits and deletions as [`nexus_domain::chat_feed::Change`].
pub const CHANGES: &str = "/internal/chat/changes";
/// Takes [`FeedRequest`]; answers [`nexus_domain::chat_feed::Feed`].
pub const FEED: &str = "/internal/chat/feed";
/// Takes user ids; answers [`UserChats`] for each.
pub const CHATS: &str = "/internal/chat/chats";
/// Takes [`ChatRequest`]; answers [`ChatSnapshot`], or `null` when the chat has no members.
pub const CHAT: &str = "/internal/chat/chat";
/// Takes [`PresenceReport`]; answers nothing.
pub const PRESENCE: &str = "/internal/chat/presence";
/// Takes an empty object; the scheduler calls it.
pub const PURGE: &str = "/internal/chat/purge";

/// The items of a request, or the answers to them in the same order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Items<T> {
    pub items: Vec<T>,
}

/// Whose access token it is, or why it was refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ConnectOutcome {
    Accepted {
        user_id: UserId,
        session_id: SessionId,
        /// The earlier of the token's and the session's expiry.
        expires_at: Timestamp,
        chats: Vec<ChatHead>,
    },
    /// `code` is that of the `ERROR` event.
    Refused { code: String, message: String },
}

/// A message as the client sent it. The component validates it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageToSend {
    /// The relay generates it before the first try, so that a retry stores nothing twice.
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

/// The result of a [`MessageToSend`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SendOutcome {
    Stored {
        placed: Placed,
    },
    /// The sender used this `tempId` before; the ids are those of the first message.
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

/// A read mark that a user wants to move to `seq`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadMark {
    pub user_id: UserId,
    pub chat_id: ChatId,
    pub seq: i64,
}

/// The result of a [`ReadMark`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ReadOutcome {
    /// The mark stands at `seq` now: at most the chat's last message.
    Moved {
        seq: i64,
    },
    /// The mark was at or beyond `seq` already.
    Unchanged,
    NotAMember,
}

/// Asks [`RANGE`] for messages after the `seq` `after`, or [`CHANGES`] for changes after the change `after`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct After {
    pub chat_id: ChatId,
    pub after: i64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct FeedRequest {
    /// `None` asks for the current position only.
    pub since: Option<FeedPosition>,
}

/// The chats that a user is a member of.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserChats {
    pub user_id: UserId,
    pub chats: Vec<ChatHead>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatRequest {
    pub chat_id: ChatId,
    /// Users whose clients may not know yet that they are members.
    pub newcomers: Vec<UserId>,
}

/// A chat as it is now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChatSnapshot {
    /// As one of the members sees it; `unread` has what differs between members.
    pub chat: Chat,
    /// Each member's number of unread messages.
    pub unread: Vec<(UserId, i64)>,
    /// Those of the requested newcomers who are members.
    pub newcomers: Vec<Newcomer>,
}

/// Changes of who is connected to a relay.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceReport {
    pub node: String,
    /// The relay counts as alive until then.
    pub lease_until: Timestamp,
    pub online: Vec<UserId>,
    pub offline: Vec<UserId>,
}
