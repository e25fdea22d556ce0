//! `REAUTH`: the same person goes on with a fresh access token.

use nexus_protocol::EventName;
use std::sync::Arc;
use std::time::Instant;

use nexus_domain::Timestamp;
use nexus_protocol::relay_calls::ConnectOutcome;
use serde::{Deserialize, Serialize};

use super::payload;
use crate::sockets::connection::{ClientEvent, Connection, Identity};
use crate::sockets::entrance::{PATIENCE, bare};
use crate::sockets::frame::{ErrorCode, Event, Farewell, error};
use crate::sockets::hub::Core;

#[derive(Deserialize)]
struct Payload {
    token: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reauthenticated {
    expires_at: Timestamp,
}

pub fn renew(core: &Arc<Core>, connection: &Arc<Connection>, event: &ClientEvent) {
    let Some(Payload { token }) = payload(connection, event, "`token` (an access token)") else {
        return;
    };
    let (core, connection, answer_to) = (Arc::clone(core), Arc::clone(connection), event.answer_to);
    tokio::spawn(async move {
        let refuse = |code, text: &str| connection.answer(&error(code, text), answer_to);
        match core.connects.ask(bare(&token).to_owned(), PATIENCE).await {
            Ok(ConnectOutcome::Accepted {
                user_id,
                session_id,
                expires_at,
                ..
            }) => {
                if connection.identity().is_none_or(|now| now.user != user_id) {
                    return refuse(ErrorCode::Unauthorized, "This token is somebody else's.");
                }
                connection.set_identity(Identity {
                    user: user_id,
                    session: session_id,
                    expires_at,
                });
                core.deadlines.look_at(connection.id, Instant::now());
                if core.recent.ended_lately(session_id, user_id) {
                    return core.dismiss(&connection, Farewell::Revoked);
                }
                connection.answer(
                    &Event::new(EventName::Reauthenticated, &Reauthenticated { expires_at }),
                    answer_to,
                );
            }
            Ok(ConnectOutcome::Refused { code, message }) => match ErrorCode::parse(&code) {
                code @ ErrorCode::PasswordChangeRequired => {
                    connection.refuse(code, &message);
                    core.gone(&connection);
                }
                code => refuse(code, &message),
            },
            Err(problem) => {
                tracing::warn!(error = %problem, "a token was not resolved");
                refuse(
                    ErrorCode::Unavailable,
                    "The token can't be checked right now. Try again.",
                );
            }
        }
    });
}
