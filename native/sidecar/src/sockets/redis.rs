//! The other nodes, by way of Redis: everything they tell each other goes over one channel, and what must be
//! counted together is counted in one script.
//!
//! Who is where isn't kept in Redis: each node says it, in whole when somebody joins the channel and then change by
//! change, so that a Redis that lost everything, or a node that died, leaves nothing behind that is wrong. A node
//! that says nothing for a lease is gone, and its people with it.

mod channel;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Client, ErrorKind, RedisError, RedisResult, pipe};
use futures::FutureExt;
use futures::future::BoxFuture;
use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::settings::Rate;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::events::typing;
use super::frame::Farewell;
use super::hub::Core;
use super::neighbours::{Cast, Neighbours, Reach};
use super::presence::{self, LEASE};

/// What may wait to be told while Redis is away. What is lost beyond it shows as a gap in a room's `seq`.
const MOST_WAITING: usize = 4_096;
const BEAT: Duration = Duration::from_secs(3);
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
    /// Who is here; the first part of a list replaces what was known.
    Here {
        first: bool,
        people: Vec<(UserId, Vec<ChatId>)>,
    },
    Beat,
    /// This node stops.
    Goodbye,
}

struct Node {
    heard: Instant,
    people: HashMap<UserId, Vec<ChatId>>,
}

pub struct OverRedis {
    node: String,
    rate: Rate,
    reach: AtomicU8,
    outgoing: mpsc::Sender<Said>,
    commands: Mutex<Option<MultiplexedConnection>>,
    nodes: Mutex<HashMap<String, Node>>,
    here: Mutex<HashSet<UserId>>,
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
            nodes: Mutex::default(),
            here: Mutex::default(),
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
        let _ = self.outgoing.try_send(said);
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
        let people: Vec<UserId> = self.here.lock().iter().copied().collect();
        let mut first = true;
        for some in people.chunks(PEOPLE_AT_ONCE) {
            let people = some
                .iter()
                .map(|user| (*user, core.rooms.chats_of(*user).into_iter().collect()))
                .collect();
            self.say(Said::Here { first, people });
            first = false;
        }
        if first {
            self.say(Said::Here {
                first,
                people: Vec::new(),
            });
        }
    }

    fn hear(&self, core: &Arc<Core>, envelope: Envelope) {
        if envelope.node == self.node {
            return;
        }
        let mut gone = HashMap::new();
        {
            let mut nodes = self.nodes.lock();
            let node = nodes.entry(envelope.node.clone()).or_insert_with(|| Node {
                heard: Instant::now(),
                people: HashMap::new(),
            });
            node.heard = Instant::now();
            match &envelope.said {
                Said::Here { first, people } => {
                    if *first {
                        node.people.clear();
                    }
                    node.people.extend(people.iter().cloned());
                }
                Said::Cast { what } => match what.as_ref() {
                    Cast::Entered { user, chats, .. } => {
                        node.people.insert(*user, chats.clone());
                    }
                    Cast::Departed { user, .. } => {
                        node.people.remove(user);
                    }
                    Cast::Relay { .. } | Cast::Typing { .. } => {}
                },
                Said::Goodbye => gone = nodes.remove(&envelope.node).map(|node| node.people).unwrap_or_default(),
                Said::Hello | Said::Beat => {}
            }
        }
        match envelope.said {
            Said::Cast { what } => self.hear_cast(core, *what),
            Said::Hello => self.say_who_is_here(core),
            Said::Goodbye => self.say_gone(core, gone),
            Said::Here { .. } | Said::Beat => {}
        }
    }

    fn hear_cast(&self, core: &Arc<Core>, cast: Cast) {
        match cast {
            Cast::Relay { event } => core.hear(event),
            Cast::Typing { chat, user, typing } => typing::tell(core, chat, user, typing),
            Cast::Entered {
                user,
                chats,
                came_online,
                ..
            } => {
                self.give_way(core, user);
                if came_online && !core.rooms.is_here(user) {
                    let event = presence::online(user);
                    for connection in core.rooms.in_chats(&chats, user) {
                        connection.deliver(&event, None);
                    }
                }
            }
            Cast::Departed { user, chats, at } => {
                if !core.rooms.is_here(user) && !self.is_elsewhere(user) {
                    let event = presence::offline(user, nexus_domain::Timestamp::from_millis(at));
                    for connection in core.rooms.in_chats(&chats, user) {
                        connection.deliver(&event, None);
                    }
                }
            }
        }
    }

    /// Somebody connected elsewhere: the oldest here go, as many as are over the limit together.
    fn give_way(&self, core: &Arc<Core>, user: UserId) {
        let here = core.rooms.connections_of(user);
        let elsewhere = self
            .nodes
            .lock()
            .values()
            .filter(|node| node.people.contains_key(&user))
            .count();
        let over = (here.len() + elsewhere).saturating_sub(core.limits.connections_per_user);
        for connection in here.iter().take(over) {
            core.dismiss(connection, Farewell::Duplicate);
        }
    }

    /// The people of a node that is gone, as far as they are nowhere else.
    fn say_gone(&self, core: &Core, people: HashMap<UserId, Vec<ChatId>>) {
        for (user, chats) in people {
            if core.rooms.is_here(user) || self.is_elsewhere(user) {
                continue;
            }
            let event = presence::offline(user, super::frame::now());
            for connection in core.rooms.in_chats(&chats, user) {
                connection.deliver(&event, None);
            }
        }
    }

    fn sweep(&self, core: &Core) {
        let now = Instant::now();
        let mut dead = Vec::new();
        self.nodes.lock().retain(|_, node| {
            let lives = now.duration_since(node.heard) < LEASE;
            if !lives {
                dead.push(std::mem::take(&mut node.people));
            }
            lives
        });
        for people in dead {
            self.say_gone(core, people);
        }
    }

    async fn count_together(&self, senders: &[UserId]) -> RedisResult<Vec<i64>> {
        let connection = self.commands.lock().clone();
        let Some(mut connection) = connection else {
            return Err(RedisError::from((ErrorKind::Io, "Redis is away")));
        };
        let mut pipeline = pipe();
        let per = u64::try_from(self.rate.per.as_millis()).unwrap_or(u64::MAX);
        for (index, user) in senders.iter().enumerate() {
            pipeline
                .cmd("EVAL")
                .arg(COUNT)
                .arg(1)
                .arg(format!("nexus:rate:{user}"))
                .arg(per)
                .arg(self.rate.count)
                .arg(format!("{}:{index}", uuid::Uuid::now_v7()));
        }
        pipeline.query_async(&mut connection).await
    }
}

/// A window that slides, exact to the message: 0 when counted, else the milliseconds to wait.
const COUNT: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local per = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - per)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.max(1, tonumber(first[2]) + per - now)
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], per)
return 0
";

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
            match tokio::time::timeout(COMMAND_TIMEOUT, self.count_together(&senders)).await {
                Ok(Ok(waits)) if waits.len() == senders.len() => waits
                    .into_iter()
                    .map(|wait| match u64::try_from(wait) {
                        Ok(0) | Err(_) => Ok(()),
                        Ok(wait) => Err(Duration::from_millis(wait)),
                    })
                    .collect(),
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
        self.nodes.lock().values().any(|node| node.people.contains_key(&user))
    }

    fn elsewhere(&self, here: &dyn Fn(UserId) -> bool) -> usize {
        let nodes = self.nodes.lock();
        let people: HashSet<UserId> = nodes.values().flat_map(|node| node.people.keys().copied()).collect();
        drop(nodes);
        people.into_iter().filter(|user| !here(*user)).count()
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
            people: Vec::new(),
        };
        let text = serde_json::to_string(&Envelope { node: "n".into(), said }).unwrap();
        let back: Envelope = serde_json::from_str(&text).unwrap();
        assert!(matches!(back.said, Said::Here { first: true, people } if people.is_empty()));
    }
}
