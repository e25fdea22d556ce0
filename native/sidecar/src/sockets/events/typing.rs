//! `TYPING_START` and `TYPING_STOP`

use nexus_protocol::EventName;
use std::sync::Arc;
use std::time::Instant;

use nexus_domain::Timestamp;
use nexus_domain::ids::{ChatId, UserId};
use serde::{Deserialize, Serialize};

use super::payload;
use crate::sockets::connection::{ClientEvent, Connection, Identity};
use crate::sockets::frame::{ErrorCode, Event, error, now};
use crate::sockets::hub::Core;
use crate::sockets::neighbours::Cast;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    chat_id: ChatId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserTyping {
    user_id: UserId,
    chat_id: ChatId,
    timestamp: Timestamp,
}

pub fn change(core: &Arc<Core>, connection: &Arc<Connection>, identity: Identity, event: &ClientEvent, typing: bool) {
    let Some(Payload { chat_id }) = payload(connection, event, "`chatId` (the id of a chat)") else {
        return;
    };
    let user = identity.user;
    if !core.rooms.is_in(user, chat_id) {
        let refusal = error(ErrorCode::NotAMember, "You are not in this chat.");
        return connection.answer(&refusal, event.answer_to);
    }
    let news = match typing {
        true => core.typing.start(chat_id, user, Instant::now()),
        false => core.typing.stop(chat_id, user),
    };
    if news {
        say(core, chat_id, user, typing);
    }
}

/// Tells the others in the chat, here and elsewhere.
pub fn say(core: &Arc<Core>, chat: ChatId, user: UserId, typing: bool) {
    tell(core, chat, user, typing);
    core.neighbours.tell(Cast::Typing { chat, user, typing });
}

/// Tells the others in the chat on this node.
pub fn tell(core: &Arc<Core>, chat: ChatId, user: UserId, typing: bool) {
    let name = if typing {
        EventName::UserTyping
    } else {
        EventName::UserStoppedTyping
    };
    let payload = UserTyping {
        user_id: user,
        chat_id: chat,
        timestamp: now(),
    };
    core.say(chat, &Event::new(name, &payload), Some(user));
}

/// Somebody's last connection has gone: they type nowhere.
pub fn stop_all(core: &Arc<Core>, user: UserId) {
    for chat in core.typing.stop_all(user) {
        say(core, chat, user, false);
    }
}
