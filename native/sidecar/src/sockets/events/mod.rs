//! What clients say, one file per event: parse → judge → do.

pub mod health_check;
pub mod message_read;
pub mod new_message;
pub mod reauth;
pub mod typing;

use std::sync::Arc;
use std::time::Instant;

use serde::de::DeserializeOwned;

use super::connection::{AnswerTo, ClientEvent, Connection};
use super::entrance::refuse;
use super::event_limits::{EventKind, Verdict};
use super::frame::{ErrorCode, error, error_about};
use super::hub::Core;

const TOO_MANY: &str = "You send these events too fast.";

/// Does what a client asks for. Called in the order in which a client speaks.
pub fn dispatch(core: &Arc<Core>, connection: &Arc<Connection>, event: ClientEvent) {
    connection.heard();
    core.meters.heard(&event.name);
    if let Some(kind) = EventKind::of(&event.name) {
        match connection.event_limits.count(kind, Instant::now()) {
            Verdict::Accepted => {}
            Verdict::TooMany(wait) => {
                let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                let refusal = error_about(ErrorCode::RateLimitExceeded, TOO_MANY, None, Some(millis));
                return connection.answer(&refusal, event.answer_to);
            }
            Verdict::Flood => return refuse(core, connection, ErrorCode::RateLimitExceeded, TOO_MANY),
        }
    }
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

/// Returns the payload as its type; `None` after the client was told what `shape` it must have.
fn payload<T: DeserializeOwned>(connection: &Connection, event: &ClientEvent, shape: &str) -> Option<T> {
    let text = event.data.as_ref().map_or("null", |data| data.get());
    let read = serde_json::from_str(text);
    if read.is_err() {
        invalid(connection, &must_be(shape), event.answer_to);
    }
    read.ok()
}

/// The sentence that tells a client which payload an event takes.
pub fn must_be(shape: &str) -> String {
    format!("The payload must be an object with {shape}.")
}

fn invalid(connection: &Connection, message: &str, answer_to: AnswerTo) {
    connection.answer(&error(ErrorCode::InvalidPayload, message), answer_to);
}
