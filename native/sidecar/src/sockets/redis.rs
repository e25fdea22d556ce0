//! The other nodes, by way of Redis: everything they tell each other goes over one channel, and what must be
//! counted together is counted in one script.
//!
//! Who is where isn't kept in Redis: each node says it, in whole when somebody joins the channel and then change by
//! change, so that a Redis that lost everything, or a node that died, leaves nothing behind that is wrong. A node
//! that says nothing for a lease is gone, and its people with it.

mod channel;
mod others;
mod pace;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, RedisResult};
use futures::FutureExt;
use futures::future::BoxFuture;
use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::relay::RelayEvent;
use nexus_domain::settings::Rate;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use self::others::{Difference, Others, Person};
use super::connection::Connection;
use super::events::typing;
use super::frame::{Event, Farewell};
use super::hub::Core;
use super::neighbours::{Cast, Neighbours, Reach};
use super::presence;

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
    here: Mutex<HashSet<UserId>>,
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
    pub fn new(url: &str, node: String, rate: Rate) -> RedisResult<(Arc<Self>, Pending)> {
        let client = Client::open(url)?;
        let (outgoing, waiting) = mpsc::channel(MOST_WAITING);
        let this = Self {
            node,
            rate,
            reach: AtomicU8::new(Reach::Disconnected as u8),
            outgoing,
            commands: Mutex::default(),
            others: Mutex::default(),
            here: Mutex::default(),
            lost: AtomicU64::new(0),
            is_incomplete: AtomicBool::new(false),
        };
        Ok((
            Arc::new(this),
            Pending {
                client,
                outgoing: waiting,
            },
        ))
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
            said,
        })
        .ok()
    }

    /// Everybody who is here, with their chats.
    fn say_who_is_here(&self, core: &Core) {
        self.is_incomplete.store(false, Ordering::Relaxed);
        let here: Vec<UserId> = self.here.lock().iter().copied().collect();
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

    fn hear(&self, core: &Arc<Core>, envelope: Envelope) {
        let Envelope { node, said } = envelope;
        if node == self.node {
            return hear_ourselves(core, said);
        }
        self.others.lock().heard(&node, Instant::now());
        match said {
            Said::Cast { what } => self.hear_cast(core, &node, *what),
            Said::Hello => self.say_who_is_here(core),
            Said::Here { first, last, people } => {
                let newest: Vec<_> = people.iter().map(|person| (person.user, person.newest)).collect();
                let difference = self.others.lock().list(&node, first, last, people);
                for (user, newest) in newest {
                    // After a time without Redis both may have let somebody in: whoever came last stays.
                    self.give_way(core, user, |connection| connection.id < newest);
                }
                if let Some(Difference { came, gone }) = difference {
                    self.say_came(core, &came);
                    self.say_gone(core, gone);
                }
            }
            Said::Goodbye => {
                let gone = self.others.lock().remove(&node);
                self.say_gone(core, gone);
            }
            Said::Beat => {}
        }
    }

    fn hear_cast(&self, core: &Arc<Core>, node: &str, cast: Cast) {
        match cast {
            Cast::Relay { event } => {
                match &event {
                    RelayEvent::Joined { chat_id, user_ids, .. } => self.others.lock().joined(*chat_id, user_ids),
                    RelayEvent::Left { chat_id, user_id } => self.others.lock().left(*chat_id, *user_id),
                    _ => {}
                }
                core.hear(event);
            }
            Cast::Typing { chat, user, typing: is } => {
                core.typing.hear(chat, user, is, Instant::now());
                typing::tell(core, chat, user, is);
            }
            Cast::Entered {
                user,
                connection,
                connections,
                chats,
            } => {
                let is_news = !core.rooms.is_here(user) && !self.is_elsewhere(user);
                let person = Person {
                    user,
                    chats,
                    connections,
                    newest: connection,
                };
                self.others.lock().entered(node, person.clone());
                // Everybody hears everything in the same order: ours that was heard before is the older one.
                self.give_way(core, user, Connection::was_announced);
                if is_news {
                    self.say_came(core, &[person]);
                }
            }
            Cast::Remaining { user, connections } => self.others.lock().remaining(node, user, connections),
            Cast::Departed { user, chats, at } => {
                self.others.lock().departed(node, user);
                if !core.rooms.is_here(user) && !self.is_elsewhere(user) {
                    let event = presence::offline(user, nexus_domain::Timestamp::from_millis(at));
                    tell_around(core, &event, &chats, user);
                }
            }
        }
    }

    /// Somebody is connected elsewhere too: of theirs here as many go as are too many together, the oldest first, as
    /// far as they are older than what is elsewhere.
    fn give_way(&self, core: &Arc<Core>, user: UserId, is_older: impl Fn(&Connection) -> bool) {
        let here = core.rooms.connections_of(user);
        let elsewhere = self.others.lock().connections_of(user);
        let over = (here.len() + elsewhere).saturating_sub(core.limits.connections_per_user);
        for connection in here.iter().take(over).filter(|connection| is_older(connection)) {
            core.dismiss(connection, Farewell::Duplicate);
        }
    }

    /// People who weren't anywhere before, as far as they aren't here.
    fn say_came(&self, core: &Core, people: &[Person]) {
        for person in people.iter().filter(|person| !core.rooms.is_here(person.user)) {
            tell_around(core, &presence::online(person.user), &person.chats, person.user);
        }
    }

    /// The people of a node that is gone, as far as they are nowhere else.
    fn say_gone(&self, core: &Core, people: Vec<Person>) {
        for person in people {
            if core.rooms.is_here(person.user) || self.is_elsewhere(person.user) {
                continue;
            }
            let event = presence::offline(person.user, super::frame::now());
            tell_around(core, &event, &person.chats, person.user);
        }
    }

    fn sweep(&self, core: &Core) {
        let gone = self.others.lock().remove_dead(Instant::now());
        self.say_gone(core, gone);
        if self.is_incomplete.load(Ordering::Relaxed) {
            self.say_who_is_here(core);
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

fn tell_around(core: &Core, event: &Arc<Event>, chats: &[ChatId], user: UserId) {
    let around = core.rooms.in_chats(chats, user);
    for connection in &around {
        connection.deliver(event, None);
    }
    core.meters.delivered(event.name(), around.len());
}

/// What we said comes back to us in the order in which everybody hears it.
fn hear_ourselves(core: &Core, said: Said) {
    let Said::Cast { what } = said else { return };
    let Cast::Entered { user, connection, .. } = *what else {
        return;
    };
    for ours in core.rooms.connections_of(user) {
        if ours.id == connection {
            ours.set_announced();
        }
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
            if self.reach() != Reach::Connected {
                return vec![Ok(()); senders.len()];
            }
            let connection = self.commands.lock().clone();
            match tokio::time::timeout(COMMAND_TIMEOUT, pace::count(connection, self.rate, &senders)).await {
                Ok(Ok(verdicts)) if verdicts.len() == senders.len() => verdicts,
                _ => {
                    self.set_reach(Reach::Disconnected);
                    vec![Ok(()); senders.len()]
                }
            }
        }
        .boxed()
    }

    fn set_here(&self, user: UserId, here: bool) {
        let mut all = self.here.lock();
        if here {
            all.insert(user);
        } else {
            all.remove(&user);
        }
    }

    fn is_elsewhere(&self, user: UserId) -> bool {
        self.others.lock().has(user)
    }

    fn elsewhere(&self, here: &dyn Fn(UserId) -> bool) -> usize {
        let people = self.others.lock().everybody();
        people.into_iter().filter(|user| !here(*user)).count()
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
        let text = serde_json::to_string(&Envelope { node: "n".into(), said }).unwrap();
        let back: Envelope = serde_json::from_str(&text).unwrap();
        assert!(matches!(back.said, Said::Here { first: true, last: true, people } if people.is_empty()));
    }
}
