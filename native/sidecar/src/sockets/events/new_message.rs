//! `NEW_MESSAGE`

use std::sync::Arc;
use std::time::Instant;

use nexus_domain::ids::{ChatId, MessageId};
use nexus_protocol::relay_calls::MessageToSend;
use serde::Deserialize;

use crate::sockets::batch::{Letter, refuse_as_too_many};
use crate::sockets::connection::{ClientEvent, Connection, Identity};
use crate::sockets::events::must_be;
use crate::sockets::frame::{ErrorCode, error_about, now};
use crate::sockets::hub::Core;

const SHAPE: &str = "`chatId` (the id of a chat) and `content` (text), and optionally `tempId` and `messageType` (texts) and \
                     `attachments` (a list of ids)";

/// What the component doesn't know is not passed on to it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    chat_id: ChatId,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    message_type: Option<String>,
    #[serde(default)]
    attachments: Option<Vec<String>>,
    #[serde(default)]
    temp_id: Option<String>,
}

/// Of a payload that can't be read otherwise, so that the sender knows which of its messages it was.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OnlyTempId {
    temp_id: String,
}

pub fn send(core: &Arc<Core>, connection: &Arc<Connection>, identity: Identity, event: &ClientEvent) {
    let text = event.data.as_ref().map_or("null", |data| data.get());
    let payload: Payload = match serde_json::from_str(text) {
        Ok(payload) => payload,
        Err(_) => {
            let temp_id = serde_json::from_str::<OnlyTempId>(text).ok().map(|only| only.temp_id);
            let refusal = error_about(ErrorCode::InvalidPayload, &must_be(SHAPE), temp_id.as_deref(), None);
            core.meters.message("refused");
            return connection.answer(&refusal, event.answer_to);
        }
    };
    let sending = MessageToSend {
        id: MessageId::generate(now(), random()),
        sender_id: identity.user,
        chat_id: payload.chat_id.to_string(),
        content: payload.content.unwrap_or_default(),
        message_type: payload.message_type,
        attachments: payload.attachments.unwrap_or_default(),
        temp_id: payload.temp_id,
    };
    if let Err(wait) = core.pace.count(identity.user, Instant::now()) {
        return refuse_as_too_many(core, connection, &sending, event.answer_to, wait);
    }
    let letter = Letter {
        sending,
        from: Arc::clone(connection),
        answer_to: event.answer_to,
    };
    if let Err(letter) = core.post(letter) {
        core.meters.message("failed");
        let message = "Too many messages are waiting. Send it again in a moment.";
        let refusal = error_about(ErrorCode::Unavailable, message, letter.sending.temp_id.as_deref(), None);
        connection.answer(&refusal, event.answer_to);
    }
}

/// The random part of an id. Without it ids of one millisecond could only collide, which the store would notice.
fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    if getrandom::fill(&mut bytes).is_err() {
        bytes.copy_from_slice(&uuid::Uuid::now_v7().as_bytes()[6..]);
    }
    bytes
}
