//! `MESSAGE_READ`

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::relay::RelayEvent;
use nexus_domain::relay_calls::{ReadOutcome, Reading};
use serde::{Deserialize, Serialize};

use super::{invalid, payload};
use crate::sockets::connection::{ClientEvent, Connection, Identity};
use crate::sockets::frame::{ErrorCode, Event, error};
use crate::sockets::hub::Core;

const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    chat_id: ChatId,
    seq: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageRead {
    chat_id: ChatId,
    user_id: UserId,
    seq: i64,
}

pub fn mark(core: &Arc<Core>, connection: &Arc<Connection>, identity: Identity, event: &ClientEvent) {
    let Some(Payload { chat_id, seq }) = payload(connection, event) else {
        return;
    };
    if seq < 0 {
        return invalid(connection, "`seq` must be 0 or more.", event.answer_to);
    }
    let (core, connection, answer_to) = (Arc::clone(core), Arc::clone(connection), event.answer_to);
    let reading = Reading {
        user_id: identity.user,
        chat_id,
        seq,
    };
    tokio::spawn(async move {
        match core.reads.ask(reading, PATIENCE).await {
            Ok(ReadOutcome::Moved { seq }) => {
                let read = MessageRead {
                    chat_id,
                    user_id: identity.user,
                    seq,
                };
                let relayed = RelayEvent::ToChat {
                    chat_id,
                    event: "MESSAGE_READ".to_owned(),
                    data: serde_json::json!(read),
                    except: Some(identity.user),
                };
                core.deliver(vec![relayed]);
                acknowledge(&connection, &read, answer_to);
            }
            Ok(ReadOutcome::Unchanged) => acknowledge(
                &connection,
                &MessageRead {
                    chat_id,
                    user_id: identity.user,
                    seq,
                },
                answer_to,
            ),
            Ok(ReadOutcome::NotAMember) => {
                connection.answer(&error(ErrorCode::NotAMember, "You are not in this chat."), answer_to);
            }
            Err(problem) => {
                tracing::warn!(error = %problem, "a read mark was not stored");
                let text = "The mark could not be stored. Send it again.";
                connection.answer(&error(ErrorCode::Unavailable, text), answer_to);
            }
        }
    });
}

/// One's own mark is no event to oneself; only a client that asked is told.
fn acknowledge(connection: &Connection, read: &MessageRead, answer_to: Option<i64>) {
    if answer_to.is_some() {
        connection.acknowledge(&Event::new("MESSAGE_READ", read), answer_to);
    }
}
