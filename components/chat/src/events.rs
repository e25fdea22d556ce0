//! The events that go with a change made by REST; sockets hear the same as when a socket had made it.

use nexus_domain::chat::Chat;
use nexus_domain::ids::{ChatId, UserId};
use nexus_protocol::EventName;
use nexus_protocol::relay::RelayEvent;
use nexus_store::chat::messages::Changed;
use serde_json::json;

/// The chat to its members, or to `only` these.
fn chat_to(event: EventName, chat: &Chat, unread: &[(UserId, i64)], only: Option<&[UserId]>) -> RelayEvent {
    let told = unread
        .iter()
        .filter(|(user, _)| only.is_none_or(|only| only.contains(user)));
    RelayEvent::ChatToUsers {
        event,
        chat: Box::new(chat.clone()),
        unread: told.copied().collect(),
    }
}

fn joined(chat: &Chat, user_ids: Vec<UserId>) -> RelayEvent {
    RelayEvent::Joined {
        chat_id: chat.id,
        user_ids,
        last_seq: chat.last_seq,
        last_change: chat.last_change,
    }
}

pub fn chat_created(chat: &Chat, unread: &[(UserId, i64)]) -> Vec<RelayEvent> {
    let user_ids = chat.members.iter().map(|member| member.user_id).collect();
    vec![
        joined(chat, user_ids),
        chat_to(EventName::ChatCreated, chat, unread, None),
    ]
}

pub fn chat_updated(chat: &Chat, unread: &[(UserId, i64)]) -> Vec<RelayEvent> {
    vec![chat_to(EventName::ChatUpdated, chat, unread, None)]
}

pub fn members_added(chat: &Chat, unread: &[(UserId, i64)], added: &[UserId]) -> Vec<RelayEvent> {
    let mut events = vec![
        joined(chat, added.to_vec()),
        chat_to(EventName::ChatCreated, chat, unread, Some(added)),
    ];
    events.extend(added.iter().map(|user| RelayEvent::ToChat {
        chat_id: chat.id,
        event: EventName::MemberAdded,
        data: json!({"chatId": chat.id, "userId": user}),
        except: None,
    }));
    events
}

/// The one who goes hears of it too, as the last thing from this room.
pub fn member_removed(chat: ChatId, user: UserId) -> Vec<RelayEvent> {
    vec![
        RelayEvent::ToChat {
            chat_id: chat,
            event: EventName::MemberRemoved,
            data: json!({"chatId": chat, "userId": user}),
            except: None,
        },
        RelayEvent::Left {
            chat_id: chat,
            user_id: user,
        },
    ]
}

pub fn message_changed(changed: &Changed) -> Vec<RelayEvent> {
    vec![RelayEvent::MessageChanged {
        message: changed.message.clone(),
        change: changed.change,
    }]
}

/// One's own other connections hear it too: no socket of theirs marked it.
pub fn read(chat: ChatId, user: UserId, seq: i64) -> Vec<RelayEvent> {
    vec![RelayEvent::ToChat {
        chat_id: chat,
        event: EventName::MessageRead,
        data: json!({"chatId": chat, "userId": user, "seq": seq}),
        except: None,
    }]
}
