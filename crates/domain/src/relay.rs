//! What the components tell the relay (`POST /relay/events`), so that sockets hear of it, and what they ask it
//! (`POST /relay/admit`).
//!
//! Losing an event does no lasting harm: sequences and the re-validation of open sessions heal it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chat::Chat;
use crate::ids::{ChatId, SessionId, UserId};

pub const EVENTS: &str = "/relay/events";
pub const ADMIT: &str = "/relay/admit";

/// The most bytes of one call of `POST /relay/events`: the largest group's events, and a batch of messages of up to
/// 64 KiB each.
pub const LARGEST_EVENTS: usize = 4 * 1024 * 1024;

/// Body of `POST /relay/admit`: may this person send another message now? One that may is counted, together with what
/// they send by sockets.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdmitMessage {
    pub user_id: UserId,
}

/// The answer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Admitted {
    /// How long they must wait; `null` when they needn't.
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
    /// Send `event` with the chat to every connection of these users, as each of them sees it: they differ in how much
    /// is unread. The chat of a large group is large, so it stands here once and not once for each count.
    ChatToUsers {
        event: String,
        chat: Box<Chat>,
        unread: Vec<(UserId, i64)>,
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

/// What [`RelayEvent::ChatToUsers`] says, as one [`RelayEvent::ToUsers`] for all who have as much unread.
pub fn to_each(
    event: String,
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
            event: event.clone(),
            data: serde_json::json!(Chat {
                unread_count,
                ..chat.clone()
            }),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::chat::ChatType;

    #[test]
    fn those_who_have_as_much_unread_are_told_together() {
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
        let told: Vec<_> = to_each("CHAT_UPDATED".into(), chat, unread)
            .map(|event| match event {
                RelayEvent::ToUsers { user_ids, event, data } => (event, data["unreadCount"].clone(), user_ids),
                other => panic!("{other:?}"),
            })
            .collect();
        let event = || "CHAT_UPDATED".to_owned();
        assert_eq!(
            told,
            [
                (event(), 0.into(), vec![id(2)]),
                (event(), 5.into(), vec![id(1), id(3)])
            ]
        );
    }
}
