//! Letting a connection in: who it is, its rooms, what it missed, and then what is live — without a hole and
//! without repetition between the two.
//!
//! The connection enters its rooms first, with its gate holding back what is live; then the store is read, so that
//! whatever was stored before is read and whatever is stored after is held; then the gate opens and lets through of
//! what was held only what was not read.

use nexus_protocol::EventName;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use nexus_domain::Timestamp;
use nexus_domain::chat_feed::{ChatHead, ClientPosition, Missed};
use nexus_domain::ids::{ChatId, UserId};
use nexus_protocol::relay_calls::ConnectOutcome;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::calls::CallError;
use super::connection::{Connection, ConnectionId, Identity};
use super::events;
use super::frame::{ErrorCode, Event, Farewell, error, now};
use super::hub::{Core, changed_message, new_message};
use super::neighbours::Cast;
use super::place::Reached;
use super::presence;

/// How long the components may take to say who somebody is.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long they may take to say what was missed.
pub const CATCH_UP_PATIENCE: Duration = Duration::from_secs(20);

/// What a client shows at the door.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    token: Option<serde_json::Value>,
    last_seq: Option<serde_json::Value>,
    last_change: Option<serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connected {
    user_id: UserId,
    timestamp: Timestamp,
    connected_users: usize,
    connection_id: ConnectionId,
    chats: Vec<ChatHead>,
    server_time: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryGap {
    chat_id: ChatId,
    from_seq: i64,
    to_seq: i64,
}

/// Starts letting a connection in with what it shows (`{token, lastSeq?, lastChange?}`).
pub fn start(core: &Arc<Core>, connection: &Arc<Connection>, shown: Option<&RawValue>) {
    let credentials: Credentials = shown
        .and_then(|shown| serde_json::from_str(shown.get()).ok())
        .unwrap_or_default();
    let token = match credentials.token {
        Some(serde_json::Value::String(token)) if !token.trim().is_empty() => bare(&token).to_owned(),
        None | Some(serde_json::Value::Null | serde_json::Value::String(_)) => {
            return refuse(core, connection, ErrorCode::NoToken, "Connect with `auth: {token}`.");
        }
        Some(_) => return refuse(core, connection, ErrorCode::InvalidToken, "The token must be a string."),
    };
    let (Ok(last_seq), Ok(last_change)) = (numbers(credentials.last_seq), numbers(credentials.last_change)) else {
        let text = "`lastSeq` must be an object of chat ids and whole numbers. Nothing is replayed.";
        connection.send(&error(ErrorCode::InvalidPayload, text));
        return go_on(core, connection, token, Known::default());
    };
    go_on(core, connection, token, Known { last_seq, last_change });
}

/// What the client has of each chat.
#[derive(Default)]
struct Known {
    last_seq: HashMap<ChatId, i64>,
    last_change: HashMap<ChatId, i64>,
}

/// Some clients send what they would put into the `Authorization` header.
pub fn bare(token: &str) -> &str {
    let token = token.trim();
    token.strip_prefix("Bearer ").unwrap_or(token).trim()
}

fn numbers(given: Option<serde_json::Value>) -> Result<HashMap<ChatId, i64>, ()> {
    match given {
        None | Some(serde_json::Value::Null) => Ok(HashMap::new()),
        Some(serde_json::Value::Object(entries)) => entries
            .into_iter()
            .map(|(chat, seq)| {
                let seq = seq.as_i64().filter(|seq| *seq >= 0).ok_or(())?;
                Ok((chat.parse().map_err(|_| ())?, seq))
            })
            .collect(),
        Some(_) => Err(()),
    }
}

pub fn refuse(core: &Core, connection: &Arc<Connection>, code: ErrorCode, message: &str) {
    connection.refuse(code, message);
    core.gone(connection);
}

fn go_on(core: &Arc<Core>, connection: &Arc<Connection>, token: String, known: Known) {
    let (core, connection) = (Arc::clone(core), Arc::clone(connection));
    tokio::spawn(async move {
        match core.connects.ask(token, PATIENCE).await {
            Ok(ConnectOutcome::Accepted {
                user_id,
                session_id,
                expires_at,
                chats,
            }) => {
                let identity = Identity {
                    user: user_id,
                    session: session_id,
                    expires_at,
                };
                enter(&core, &connection, identity, chats, &known).await;
            }
            Ok(ConnectOutcome::Refused { code, message }) => {
                refuse(&core, &connection, ErrorCode::parse(&code), &message)
            }
            Err(error) => {
                tracing::warn!(%error, "a token was not resolved");
                let text = "You can't be let in right now. Try again in a moment.";
                refuse(&core, &connection, ErrorCode::ConnectionError, text);
            }
        }
    });
}

async fn enter(
    core: &Arc<Core>,
    connection: &Arc<Connection>,
    identity: Identity,
    chats: Vec<ChatHead>,
    known: &Known,
) {
    let user = identity.user;
    let Some(entered) = core
        .rooms
        .enter(connection, identity, &chats, core.limits.connections_per_user)
    else {
        return;
    };
    core.no_stranger(connection);
    core.deadlines.look_at(connection.id, Instant::now());
    if core.recent.ended_since(connection.opened_at, identity.session, user) {
        return core.dismiss(connection, Farewell::Revoked);
    }
    for old in &entered.superseded {
        core.dismiss(old, Farewell::Duplicate);
    }
    let session = Some(identity.session);
    let came_online = entered.came_online && !core.neighbours.is_elsewhere(user);
    core.neighbours.set_here(user, true);
    core.neighbours.tell(Cast::Entered {
        user,
        connection: connection.id,
        session,
        connections: core.rooms.connections_of(user).len(),
        chats: chats.iter().map(|head| head.chat_id).collect(),
    });
    if entered.is_unsure || core.recent.joined_since(connection.opened_at, user) {
        core.refresh_chats(vec![user]);
    }
    let time = now();
    let connected = Connected {
        user_id: user,
        timestamp: time,
        connected_users: presence::connected_users(core),
        connection_id: connection.id,
        chats: chats.clone(),
        server_time: time,
    };
    connection.send(&Event::new(EventName::Connected, &connected));
    if came_online {
        presence::say_online(core, user);
    }
    match catch_up(core, connection, user, &chats, known).await {
        Ok(reached) => {
            let is_behind = rooms_behind(core, &reached);
            let mut early = connection.open(reached, &is_behind);
            // In the order in which the client said it: what it says while this is done waits its turn.
            loop {
                for event in &early {
                    events::act(core, connection, event);
                }
                early = connection.said_meanwhile();
                if early.is_empty() {
                    break;
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, "what a connection missed was not read");
            let text = "What you missed can't be read right now. Connect again in a moment.";
            refuse(core, connection, ErrorCode::ConnectionError, text);
        }
    }
}

/// The chats whose room hasn't said yet what this connection knows.
fn rooms_behind(core: &Core, all: &HashMap<ChatId, Reached>) -> HashSet<ChatId> {
    let is_behind = |chat: &ChatId, reached: &Reached| {
        core.rooms.room(*chat).is_some_and(|room| {
            let room = room.lock();
            room.order.said() < reached.seq || room.order.changed() < reached.change
        })
    };
    all.iter()
        .filter(|(chat, reached)| is_behind(chat, reached))
        .map(|(chat, _)| *chat)
        .collect()
}

/// Sends what was missed, by chat and `seq`; gives up to where.
///
/// Of chats that the client doesn't name it missed nothing but what came in while it was being let in.
async fn catch_up(
    core: &Core,
    connection: &Connection,
    user: UserId,
    chats: &[ChatHead],
    known: &Known,
) -> Result<HashMap<ChatId, Reached>, CallError> {
    let mut left: Vec<ClientPosition> = chats
        .iter()
        .map(|head| match known.last_seq.get(&head.chat_id) {
            Some(seq) => ClientPosition {
                chat_id: head.chat_id,
                user_id: user,
                seq: *seq,
                change: known.last_change.get(&head.chat_id).copied(),
            },
            None => ClientPosition {
                chat_id: head.chat_id,
                user_id: user,
                seq: head.last_seq,
                change: Some(head.last_change),
            },
        })
        .collect();
    left.sort_unstable_by_key(|behind| behind.chat_id);
    let mut all = HashMap::new();
    while !left.is_empty() {
        let asked = left.iter().map(|behind| core.catch_ups.ask(*behind, CATCH_UP_PATIENCE));
        let mut later = Vec::new();
        for (behind, missed) in left.iter().zip(join_all(asked).await) {
            let missed = missed?;
            // Once one must wait, all behind it wait, so that chats stay in order.
            if missed.later || !later.is_empty() {
                later.push(*behind);
                continue;
            }
            replay(connection, behind, &missed).await?;
            // Not what the client says it has: after a restore from a backup that may be more than there is, and
            // what is said anew would be taken for a repetition.
            let reached = Reached {
                seq: missed.last_seq,
                change: missed.last_change,
            };
            all.insert(behind.chat_id, reached);
        }
        left = later;
    }
    Ok(all)
}

/// The changes first: whoever knows a message has the changes before it, also when the connection breaks in between.
pub async fn replay(connection: &Connection, behind: &ClientPosition, missed: &Missed) -> Result<(), CallError> {
    if let Some((from_seq, to_seq)) = missed.gap {
        connection.send(&Event::new(
            EventName::HistoryGap,
            &HistoryGap {
                chat_id: behind.chat_id,
                from_seq,
                to_seq,
            },
        ));
    }
    let changed = missed.changed.iter().map(changed_message);
    for event in changed.chain(missed.messages.iter().map(new_message)) {
        connection.send(&event);
        // A long history is sent at the client's pace, so that catching up can't be what drops it.
        if !connection.drained().await {
            return Err(CallError::TimedOut);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_may_come_as_in_the_header() {
        assert_eq!((bare(" abc "), bare("Bearer abc")), ("abc", "abc"));
    }

    #[test]
    fn positions_are_whole_numbers_by_chat() {
        let chat = "01890000-0000-7000-8000-000000000000";
        let read = |json: &str| numbers(serde_json::from_str(json).unwrap());
        assert_eq!(read(&format!("{{\"{chat}\": 4}}")).unwrap()[&chat.parse().unwrap()], 4);
        assert!(read("null").unwrap().is_empty());
        for bad in ["[]", "{\"x\": 1}", "4"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&format!("{{\"{chat}\": -1}}")).is_err());
    }
}
