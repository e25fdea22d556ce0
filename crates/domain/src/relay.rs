//! What the components tell the relay (`POST /relay/events`), so that sockets hear of it.
//!
//! Losing one does no lasting harm: sequences and the re-validation of open sessions heal it.

use serde::{Deserialize, Serialize};

use crate::ids::{ChatId, SessionId, UserId};

/// Body of `POST /relay/events`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RelayEvents {
    pub events: Vec<RelayEvent>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RelayEvent {
    /// Send `event` with `data` to everybody in a chat's room (`except` one user).
    ToChat {
        chat_id: ChatId,
        event: String,
        data: serde_json::Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        except: Option<UserId>,
    },
    /// A message was stored: `NEW_MESSAGE` to its chat's room, in the order of `seq`.
    MessageStored { placed: crate::message::Placed },
    /// A message was edited or deleted: `MESSAGE_UPDATED` / `MESSAGE_DELETED` to its chat's room. `change` is the
    /// chat's `lastChange` that this made.
    MessageChanged {
        message: crate::message::Message,
        change: i64,
    },
    /// Send `event` with `data` to every connection of these users.
    ToUsers {
        user_ids: Vec<UserId>,
        event: String,
        data: serde_json::Value,
    },
    /// These users are in the room from now on. `last_seq` and `last_change` are the chat's when they came in: what is
    /// newer they hear live.
    Joined {
        chat_id: ChatId,
        user_ids: Vec<UserId>,
        last_seq: i64,
        last_change: i64,
    },
    /// This user is in the room no longer.
    Left { chat_id: ChatId, user_id: UserId },
    /// These sessions have ended: close their connections with `REVOKED`.
    SessionsEnded { session_ids: Vec<SessionId> },
    /// Everything of this user has ended (suspended, banned, signed out everywhere).
    UserEnded { user_id: UserId },
}
