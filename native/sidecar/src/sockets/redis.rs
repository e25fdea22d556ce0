//! The other nodes, by way of Redis: everything they tell each other goes over one channel, and what must be
//! counted together is counted in one script.
//!
//! Who is where isn't kept in Redis: each node says it, in whole when somebody joins the channel and then change by
//! change, so that a Redis that lost everything, or a node that died, leaves nothing behind that is wrong. A node
//! that says nothing for a lease is gone, and its people with it.

mod channel;
mod hearing;
mod others;
mod pace;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use ::redis::Client;
use ::redis::aio::MultiplexedConnection;
use futures::FutureExt;
use futures::future::BoxFuture;
use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::settings::Rate;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use uuid::Uuid;

use self::channel::TRIES;
use self::others::{Others, Person};
use super::hub::Core;
use super::neighbours::{Cast, Neighbours, Reach};

/// What may wait to be told while Redis is away. What is lost beyond it shows as a gap in a room's `seq`.
const MOST_WAITING: usize = 4_096;
/// How often a node shows that it lives. Also how soon a Redis that hangs is noticed, when nobody says anything else.
const BEAT: Duration = Duration::from_secs(1);
const COMMAND_TIMEOUT: Duration = Duration::from_secs(1);
/// How many people one message of a whole list names.
const PEOPLE_AT_ONCE: usize = 500;

/// A message on the channel.
#[derive(Serialize, Deserialize)]
struct Envelope {
    node: String,
    /// The node counts what it says, so that what it says again is noticed. 0: a node of before, which doesn't.
    #[serde(default)]
    number: u64,
    #[serde(flatten)]
    said: Said,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "said", rename_all = "camelCase")]
enum Said {
    Cast {
        what: Box<Cast>,
    },
    /// New on the channel: tell me who is with you.
    Hello,
    /// Who is here, in parts.
    Here {
        first: bool,
        last: bool,
        people: Vec<Person>,
    },
    Beat,
    /// This node stops.
    Goodbye,
}

pub struct OverRedis {
    node: String,
    rate: Rate,
    reach: AtomicU8,
    outgoing: mpsc::Sender<Said>,
    commands: Mutex<Option<MultiplexedConnection>>,
    others: Mutex<Others>,
    /// How much was said.
    said: AtomicU64,
    /// What couldn't wait any longer for Redis to come back.
    lost: AtomicU64,
    /// Something was lost since the others were last told who is here.
    is_incomplete: AtomicBool,
}

/// What starts once there is a hub to talk to.
pub struct Pending {
    client: Client,
    outgoing: mpsc::Receiver<Said>,
}

impl OverRedis {
    pub fn new(client: Client, node: String, rate: Rate) -> (Arc<Self>, Pending) {
        let (outgoing, waiting) = mpsc::channel(MOST_WAITING);
        let this = Self {
            node,
            rate,
            reach: AtomicU8::new(Reach::Disconnected as u8),
            outgoing,
            commands: Mutex::default(),
            others: Mutex::default(),
            said: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            is_incomplete: AtomicBool::new(false),
        };
        let pending = Pending {
            client,
            outgoing: waiting,
        };
        (Arc::new(this), pending)
    }

    pub fn start(self: &Arc<Self>, core: &Arc<Core>, pending: Pending) {
        let Pending { client, outgoing } = pending;
        tokio::spawn(channel::listen(Arc::clone(self), Arc::downgrade(core), client.clone()));
        tokio::spawn(channel::speak(Arc::clone(self), client, outgoing));
        tokio::spawn(channel::watch(Arc::clone(self), Arc::downgrade(core)));
    }

    fn say(&self, said: Said) {
        // When too much waits, the oldest matter most: they are what rooms wait for.
        if self.outgoing.try_send(said).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            self.is_incomplete.store(true, Ordering::Relaxed);
        }
    }

    fn set_reach(&self, reach: Reach) {
        self.reach.store(reach as u8, Ordering::Relaxed);
    }

    fn envelope(&self, said: Said) -> Option<String> {
        serde_json::to_string(&Envelope {
            node: self.node.clone(),
            number: self.said.fetch_add(1, Ordering::Relaxed) + 1,
            said,
        })
        .ok()
    }

    /// Everybody who is here, with their chats.
    fn say_who_is_here(&self, core: &Core) {
        self.is_incomplete.store(false, Ordering::Relaxed);
        let here = self.others.lock().here();
        let people: Vec<Person> = here.into_iter().map(|user| person(core, user)).collect();
        let parts = people.len().div_ceil(PEOPLE_AT_ONCE).max(1);
        let mut people = people.into_iter();
        for part in 1..=parts {
            self.say(Said::Here {
                first: part == 1,
                last: part == parts,
                people: people.by_ref().take(PEOPLE_AT_ONCE).collect(),
            });
        }
    }
}

fn person(core: &Core, user: UserId) -> Person {
    let connections = core.rooms.connections_of(user);
    Person {
        user,
        chats: core.rooms.chats_of(user).into_iter().collect(),
        connections: connections.len(),
        // Within the grace after the last one somebody is still here, and gives way to any other.
        newest: connections
            .iter()
            .map(|connection| connection.id)
            .max()
            .unwrap_or_default(),
    }
}

impl Neighbours for OverRedis {
    fn tell(&self, cast: Cast) {
        self.say(Said::Cast { what: Box::new(cast) });
    }

    fn reach(&self) -> Reach {
        match self.reach.load(Ordering::Relaxed) {
            reach if reach == Reach::Connected as u8 => Reach::Connected,
            reach if reach == Reach::Error as u8 => Reach::Error,
            _ => Reach::Disconnected,
        }
    }

    /// While Redis is away the node's own count, taken before, is the limit.
    fn admit(&self, senders: Vec<UserId>) -> BoxFuture<'_, Vec<Result<(), Duration>>> {
        async move {
            let messages: Vec<_> = senders.iter().map(|user| (*user, Uuid::now_v7())).collect();
            for attempt in 1..=TRIES {
                if self.reach() != Reach::Connected {
                    break;
                }
                let connection = self.commands.lock().clone();
                let counted = pace::count(connection, self.rate, &messages);
                match tokio::time::timeout(COMMAND_TIMEOUT, counted).await {
                    Ok(Ok(verdicts)) if verdicts.len() == messages.len() => return verdicts,
                    _ if attempt == TRIES => self.set_reach(Reach::Disconnected),
                    _ => tokio::time::sleep(channel::pause(attempt)).await,
                }
            }
            vec![Ok(()); messages.len()]
        }
        .boxed()
    }

    fn set_here(&self, user: UserId, here: bool) {
        self.others.lock().set_here(user, here);
    }

    fn is_elsewhere(&self, user: UserId) -> bool {
        self.others.lock().has(user)
    }

    fn elsewhere(&self) -> usize {
        self.others.lock().only_elsewhere()
    }

    fn set_member(&self, chat: ChatId, user: UserId, is_member: bool) {
        let mut others = self.others.lock();
        match is_member {
            true => others.joined(chat, &[user]),
            false => others.left(chat, user),
        }
    }

    fn others(&self) -> usize {
        self.others.lock().nodes()
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn leave(&self) -> BoxFuture<'_, ()> {
        async move {
            self.say(Said::Goodbye);
            // The channel's task sends it within moments; nothing is lost when it can't.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nodes_say_reads_back() {
        let said = Said::Here {
            first: true,
            last: true,
            people: Vec::new(),
        };
        let text = serde_json::to_string(&Envelope {
            node: "n".into(),
            number: 1,
            said,
        })
        .unwrap();
        let back: Envelope = serde_json::from_str(&text).unwrap();
        assert!(matches!(back.said, Said::Here { first: true, last: true, people } if people.is_empty()));
    }
}
