//! What clients say, one file per event: parse → judge → do.

pub mod health_check;
pub mod message_read;
pub mod new_message;
pub mod reauth;
pub mod typing;

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::connection::{AnswerTo, ClientEvent, Connection};
use super::frame::{ErrorCode, error};
use super::hub::Core;

/// Does what a client asks for. Called in the order in which a client speaks.
pub fn dispatch(core: &Arc<Core>, connection: &Arc<Connection>, event: ClientEvent) {
    connection.heard();
    core.meters.heard(&event.name);
    // The only one that needs nobody to be let in.
    if event.name == "HEALTH_CHECK" {
        return health_check::answer(core, connection, event.answer_to);
    }
    if let Some(event) = connection.postpone(event) {
        act(core, connection, &event);
    }
}

/// Does what somebody asks for who is let in.
pub fn act(core: &Arc<Core>, connection: &Arc<Connection>, event: &ClientEvent) {
    let Some(identity) = connection.identity() else { return };
    match event.name.as_str() {
        "NEW_MESSAGE" => new_message::send(core, connection, identity, event),
        "TYPING_START" => typing::change(core, connection, identity, event, true),
        "TYPING_STOP" => typing::change(core, connection, identity, event, false),
        "MESSAGE_READ" => message_read::mark(core, connection, identity, event),
        "REAUTH" | "AUTH" => reauth::renew(core, connection, event),
        _ => invalid(connection, "There is no such event.", event.answer_to),
    }
}

/// The payload as its type; `None` after the client was told what is wrong.
fn payload<T: DeserializeOwned>(connection: &Connection, event: &ClientEvent) -> Option<T> {
    let text = event.data.as_ref().map_or("null", |data| data.get());
    match serde_json::from_str(text) {
        Ok(payload) => Some(payload),
        Err(problem) => {
            invalid(
                connection,
                &format!("The payload can't be read: {problem}"),
                event.answer_to,
            );
            None
        }
    }
}

fn invalid(connection: &Connection, message: &str, answer_to: AnswerTo) {
    connection.answer(&error(ErrorCode::InvalidPayload, message), answer_to);
}
