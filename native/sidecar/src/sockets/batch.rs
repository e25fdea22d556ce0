//! Group commit: all messages that arrive while a batch is being stored go together into the next one.

use nexus_protocol::EventName;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_domain::Timestamp;
use nexus_domain::ids::UserId;
use nexus_domain::ids::{ChatId, MessageId};
use nexus_protocol::relay::RelayEvent;
use nexus_protocol::relay_calls::{MAX_ITEMS, MessageToSend, SEND, SendOutcome};
use serde::Serialize;
use tokio::sync::mpsc;

use super::connection::{AnswerTo, Connection};
use super::frame::{ErrorCode, Event, error_about, now};
use super::hub::Core;
use super::neighbours::Cast;

/// How many messages may wait; more are turned away.
pub const MOST_WAITING: usize = 8 * 1024;
/// A batch whose fate isn't known is tried again: its ids make that harmless.
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// A message and who waits for its acknowledgement.
pub struct Letter {
    pub sending: MessageToSend,
    pub from: Arc<Connection>,
    pub answer_to: AnswerTo,
}

/// Stores messages batch after batch, until the hub is gone.
pub async fn run(core: Arc<Core>, mut letters: mpsc::Receiver<Letter>) {
    let mut batch = Vec::with_capacity(MAX_ITEMS);
    while letters.recv_many(&mut batch, MAX_ITEMS).await > 0 {
        core.meters
            .queue_depth
            .set(i64::try_from(letters.len()).unwrap_or(i64::MAX));
        let arrived = std::mem::replace(&mut batch, Vec::with_capacity(MAX_ITEMS));
        let count = arrived.len();
        let admitted = admit(&core, arrived).await;
        if !admitted.is_empty() {
            store(&core, admitted).await;
        }
        core.letters_done(count);
    }
}

/// The limit over all nodes; the node's own was checked when the message came.
async fn admit(core: &Core, arrived: Vec<Letter>) -> Vec<Letter> {
    let senders: Vec<UserId> = arrived.iter().map(|letter| letter.sending.sender_id).collect();
    let verdicts = core.neighbours.admit(senders).await;
    let mut admitted = Vec::with_capacity(arrived.len());
    for (letter, verdict) in arrived.into_iter().zip(verdicts) {
        match verdict {
            Ok(()) => admitted.push(letter),
            Err(wait) => refuse_as_too_many(core, &letter.from, &letter.sending, letter.answer_to, wait),
        }
    }
    admitted
}

pub fn refuse_as_too_many(
    core: &Core,
    from: &Connection,
    sending: &MessageToSend,
    answer_to: AnswerTo,
    wait: Duration,
) {
    core.meters.message("limited");
    let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    let text = "Too many messages. Wait a moment.";
    from.answer(
        &error_about(
            ErrorCode::RateLimitExceeded,
            text,
            sending.temp_id.as_deref(),
            Some(wait),
        ),
        answer_to,
    );
}

async fn store(core: &Arc<Core>, batch: Vec<Letter>) {
    let started = Instant::now();
    let sendings: Vec<&MessageToSend> = batch.iter().map(|letter| &letter.sending).collect();
    let mut pause = FIRST_PAUSE;
    let mut tries = 0;
    let outcomes = loop {
        tries += 1;
        match core.calls.call_items::<_, SendOutcome>(SEND, sendings.clone()).await {
            Ok(outcomes) => break outcomes,
            Err(error) if tries < TRIES => {
                tracing::warn!(%error, messages = batch.len(), "batch not stored, trying again");
                tokio::time::sleep(pause).await;
                pause *= 3;
            }
            Err(error) => {
                tracing::error!(%error, messages = batch.len(), "batch not stored");
                for letter in &batch {
                    core.meters.message("failed");
                    let text = "The message could not be stored. Send it again with the same tempId.";
                    let temp_id = letter.sending.temp_id.as_deref();
                    letter.from.answer(
                        &error_about(ErrorCode::MessageSendFailed, text, temp_id, None),
                        letter.answer_to,
                    );
                }
                return;
            }
        }
    };
    core.meters.batch(batch.len(), started.elapsed());
    for (letter, outcome) in batch.into_iter().zip(outcomes) {
        settle(core, &letter, outcome);
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageSent<'a> {
    temp_id: Option<&'a str>,
    message_id: MessageId,
    chat_id: ChatId,
    seq: i64,
    timestamp: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageDuplicate<'a> {
    temp_id: Option<&'a str>,
    message_id: MessageId,
    chat_id: ChatId,
    seq: i64,
    message: &'static str,
    timestamp: Timestamp,
}

fn settle(core: &Arc<Core>, letter: &Letter, outcome: SendOutcome) {
    let temp_id = letter.sending.temp_id.as_deref();
    let answer = match outcome {
        SendOutcome::Stored { placed } => {
            core.meters.message("stored");
            let message = &placed.message;
            let sent = MessageSent {
                temp_id,
                message_id: message.id,
                chat_id: message.chat_id,
                seq: message.seq,
                timestamp: message.created_at,
            };
            let answer = Event::new(EventName::MessageSent, &sent);
            core.message_stored(&placed);
            core.neighbours.tell(Cast::Relay {
                event: RelayEvent::MessageStored { placed },
            });
            answer
        }
        SendOutcome::Duplicate {
            message_id,
            chat_id,
            seq,
            ..
        } => {
            core.meters.message("duplicate");
            let duplicate = MessageDuplicate {
                temp_id,
                message_id,
                chat_id,
                seq,
                message: "Message already sent",
                timestamp: now(),
            };
            Event::new(EventName::MessageDuplicate, &duplicate)
        }
        SendOutcome::NotAMember => {
            core.meters.message("refused");
            error_about(ErrorCode::NotAMember, "You are not in this chat.", temp_id, None)
        }
        SendOutcome::Invalid { message } => {
            core.meters.message("refused");
            error_about(ErrorCode::InvalidPayload, &message, temp_id, None)
        }
    };
    letter.from.answer(&answer, letter.answer_to);
}
