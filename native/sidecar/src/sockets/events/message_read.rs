//! `MESSAGE_READ`

use nexus_protocol::EventName;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nexus_domain::ids::{ChatId, UserId};
use nexus_protocol::relay::RelayEvent;
use nexus_protocol::relay_calls::{ReadMark, ReadOutcome};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{invalid, payload};
use crate::sockets::connection::{AnswerTo, ClientEvent, Connection, Identity};
use crate::sockets::frame::{ErrorCode, Event, error};
use crate::sockets::hub::Core;

const PATIENCE: Duration = Duration::from_secs(10);
/// What one person reads of a chat within so long is one mark: clients say it at every message.
const GATHERED: Duration = Duration::from_millis(50);

/// The marks that are about to be moved.
#[derive(Default)]
pub struct Marks(Mutex<HashMap<(UserId, ChatId), Gathered>>);

#[derive(Default)]
struct Gathered {
    seq: i64,
    said_by: Vec<(Arc<Connection>, AnswerTo)>,
}

impl Marks {
    /// Whether it is the first of those that go together.
    fn gather(&self, user: UserId, chat: ChatId, seq: i64, connection: &Arc<Connection>, to: AnswerTo) -> bool {
        let mut all = self.0.lock();
        let marks = all.entry((user, chat)).or_default();
        marks.seq = marks.seq.max(seq);
        marks.said_by.push((Arc::clone(connection), to));
        marks.said_by.len() == 1
    }

    fn take(&self, user: UserId, chat: ChatId) -> Gathered {
        self.0.lock().remove(&(user, chat)).unwrap_or_default()
    }
}

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
    let Some(Payload { chat_id, seq }) = payload(
        connection,
        event,
        "`chatId` (the id of a chat) and `seq` (a whole number)",
    ) else {
        return;
    };
    if seq < 0 {
        return invalid(connection, "`seq` must be 0 or more.", event.answer_to);
    }
    let user = identity.user;
    if core.marks.gather(user, chat_id, seq, connection, event.answer_to) {
        tokio::spawn(store(Arc::clone(core), user, chat_id));
    }
}

async fn store(core: Arc<Core>, user_id: UserId, chat_id: ChatId) {
    tokio::time::sleep(GATHERED).await;
    let Gathered { seq, said_by } = core.marks.take(user_id, chat_id);
    let reading = ReadMark { user_id, chat_id, seq };
    let outcome = core.reads.ask(reading, PATIENCE).await;
    if let Ok(ReadOutcome::Moved { seq }) = outcome {
        let read = MessageRead { chat_id, user_id, seq };
        let relayed = RelayEvent::ToChat {
            chat_id,
            event: EventName::MessageRead,
            data: serde_json::json!(read),
            except: Some(user_id),
        };
        core.deliver(vec![relayed]);
    }
    let seq = match &outcome {
        Ok(ReadOutcome::Moved { seq }) => *seq,
        _ => seq,
    };
    for (connection, answer_to) in said_by {
        match &outcome {
            Ok(ReadOutcome::Moved { .. } | ReadOutcome::Unchanged) => {
                acknowledge(&connection, &MessageRead { chat_id, user_id, seq }, answer_to);
            }
            Ok(ReadOutcome::NotAMember) => {
                connection.answer(&error(ErrorCode::NotAMember, "You are not in this chat."), answer_to);
            }
            Err(problem) => {
                tracing::warn!(error = %problem, "a read mark was not stored");
                let text = "The mark could not be stored. Send it again.";
                connection.answer(&error(ErrorCode::Unavailable, text), answer_to);
            }
        }
    }
}

/// One's own mark is no event to oneself; only a client that asked is told.
fn acknowledge(connection: &Connection, read: &MessageRead, answer_to: Option<i64>) {
    if answer_to.is_some() {
        connection.acknowledge(&Event::new(EventName::MessageRead, read), answer_to);
    }
}
