//! What components send to a relay: events for connected clients (`POST /relay/events`) and the question whether a user
//! may send another message (`POST /relay/admit`).
//!
//! A lost event does no lasting harm: sequence numbers and the feed repair it.

use std::collections::BTreeMap;

use nexus_domain::chat::Chat;
use nexus_domain::ids::{ChatId, SessionId, UserId};
use nexus_domain::message::{Message, Placed};
use serde::{Deserialize, Serialize};

use crate::EventName;

pub const EVENTS: &str = "/relay/events";
pub const ADMIT: &str = "/relay/admit";

/// The maximum body of `POST /relay/events`, in bytes. The events of the largest group fit, and so does a batch of
/// messages of up to 64 KiB each.
pub const MAX_EVENTS_BYTES: usize = 4 * 1024 * 1024;

/// Body of `POST /relay/admit`. If the user may send a message, the relay counts it together with those sent by socket.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmitMessage {
    pub user_id: UserId,
}

/// Answer to `POST /relay/admit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Admitted {
    /// How long the user must wait, in milliseconds; `null` if the message was admitted.
    pub wait_millis: Option<u64>,
}

/// Body of `POST /relay/events`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RelayEvents {
    pub events: Vec<RelayEvent>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RelayEvent {
    /// Sends `event` with `data` to every connection in a chat's room, except those of the user `except`.
    ToChat {
        chat_id: ChatId,
        event: EventName,
        data: serde_json::Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        except: Option<UserId>,
    },
    /// A message was stored: the room receives `NEW_MESSAGE`, in the order of `seq`.
    MessageStored { placed: Placed },
    /// A message was edited or deleted: the room receives `MESSAGE_UPDATED` or `MESSAGE_DELETED`. `change` is the
    /// `lastChange` of the chat that the change produced.
    MessageChanged { message: Message, change: i64 },
    /// Sends `event` with `data` to every connection of these users.
    ToUsers {
        user_ids: Vec<UserId>,
        event: EventName,
        data: serde_json::Value,
    },
    /// Sends `event` with the chat to every connection of these users, each with its own `unreadCount`. The chat of a
    /// large group is large, so it is included once and not once for each count.
    ChatToUsers {
        event: EventName,
        chat: Box<Chat>,
        unread: Vec<(UserId, i64)>,
    },
    /// These users are members from now on. `last_seq` and `last_change` are the chat's counters at that moment; they
    /// receive whatever is newer live.
    Joined {
        chat_id: ChatId,
        user_ids: Vec<UserId>,
        last_seq: i64,
        last_change: i64,
    },
    /// This user is no longer a member.
    Left { chat_id: ChatId, user_id: UserId },
    /// These sessions have ended: their connections are closed with `REVOKED`.
    SessionsEnded { session_ids: Vec<SessionId> },
    /// All sessions of this user have ended (suspended, banned, signed out everywhere).
    UserEnded { user_id: UserId },
}

/// Splits [`RelayEvent::ChatToUsers`] into one [`RelayEvent::ToUsers`] for each number of unread messages.
pub fn to_each(
    event: EventName,
    chat: Chat,
    unread: impl IntoIterator<Item = (UserId, i64)>,
) -> impl Iterator<Item = RelayEvent> {
    let mut by_count: BTreeMap<i64, Vec<UserId>> = BTreeMap::new();
    for (user, count) in unread {
        by_count.entry(count).or_default().push(user);
    }
    by_count
        .into_iter()
        .map(move |(unread_count, user_ids)| RelayEvent::ToUsers {
            user_ids,
            event,
            data: serde_json::json!(Chat {
                unread_count,
                ..chat.clone()
            }),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_domain::Timestamp;
    use nexus_domain::chat::ChatType;

    #[test]
    fn users_with_equal_unread_counts_share_one_event() {
        let id = |number: u8| UserId::generate(Timestamp::from_millis(1), [number; 10]);
        let chat = Chat {
            id: ChatId::generate(Timestamp::from_millis(1), [0; 10]),
            kind: ChatType::Group,
            name: None,
            members: Vec::new(),
            last_seq: 5,
            last_change: 0,
            last_message: None,
            unread_count: 0,
            created_at: Timestamp::from_millis(1),
        };
        let unread = [(id(1), 5), (id(2), 0), (id(3), 5)];
        let sent: Vec<_> = to_each(EventName::ChatUpdated, chat, unread)
            .map(|event| match event {
                RelayEvent::ToUsers { user_ids, event, data } => (event, data["unreadCount"].clone(), user_ids),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            sent,
            [
                (EventName::ChatUpdated, 0.into(), vec![id(2)]),
                (EventName::ChatUpdated, 5.into(), vec![id(1), id(3)])
            ]
        );
    }
}
