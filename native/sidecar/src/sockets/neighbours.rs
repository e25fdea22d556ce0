//! The other nodes: one seam, so that a node alone and a node among many run the same hub.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use nexus_domain::ids::{ChatId, SessionId, UserId};
use nexus_domain::settings::Rate;
use nexus_protocol::relay::RelayEvent;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::connection::ConnectionId;

/// What nodes tell each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "cast", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Cast {
    /// As a component told one of them.
    Relay {
        event: RelayEvent,
    },
    /// Somebody connected there: older connections elsewhere give way. `chats`: whom it concerns.
    Entered {
        user: UserId,
        connection: ConnectionId,
        /// The session has this one connection over all nodes. Older relays don't say it.
        #[serde(default)]
        session: Option<SessionId>,
        /// How many of theirs are there now.
        connections: usize,
        chats: Vec<ChatId>,
    },
    /// A connection of somebody's ended there; so many are left.
    Remaining {
        user: UserId,
        connections: usize,
    },
    /// Somebody's last connection there has been gone for the grace.
    Departed {
        user: UserId,
        chats: Vec<ChatId>,
        at: i64,
    },
    Typing {
        chat: ChatId,
        user: UserId,
        typing: bool,
    },
}

/// How the shared state is reached, as `HEALTH_RESPONSE` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reach {
    Connected,
    Disconnected,
    Error,
    /// One node alone needs none.
    Disabled,
}

impl Reach {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Error => "error",
            Self::Disabled => "disabled",
        }
    }
}

pub trait Neighbours: Send + Sync {
    /// Tells the others; best effort, since every room's `seq` shows what got lost.
    fn tell(&self, cast: Cast);

    fn reach(&self) -> Reach;

    /// Whether each of these people may send another message now, over all nodes; if not, how long to wait.
    fn admit(&self, senders: Vec<UserId>) -> BoxFuture<'_, Vec<Result<(), Duration>>>;

    /// Notes that somebody is connected here, or is no longer.
    fn set_here(&self, user: UserId, here: bool);

    /// Whether somebody is connected to another node that is alive.
    fn is_elsewhere(&self, user: UserId) -> bool;

    /// Somebody came into a chat or left it, and perhaps nobody told.
    fn set_member(&self, _chat: ChatId, _user: UserId, _is_member: bool) {}

    /// This node stops.
    fn leave(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }

    /// How many other nodes are alive.
    fn others(&self) -> usize {
        0
    }

    /// How much of what was to be told got lost.
    fn lost(&self) -> u64 {
        0
    }

    /// How many people are connected to other nodes only.
    fn elsewhere(&self) -> usize;
}

/// A node that is alone.
pub struct Alone;

impl Neighbours for Alone {
    fn tell(&self, _: Cast) {}

    fn reach(&self) -> Reach {
        Reach::Disabled
    }

    /// The node's own count, taken before a message is queued, is all there is.
    fn admit(&self, senders: Vec<UserId>) -> BoxFuture<'_, Vec<Result<(), Duration>>> {
        ready(vec![Ok(()); senders.len()]).boxed()
    }

    fn set_here(&self, _: UserId, _: bool) {}

    fn is_elsewhere(&self, _: UserId) -> bool {
        false
    }

    fn elsewhere(&self) -> usize {
        0
    }
}

/// How many messages each person has sent of late, on this node: a window that slides, exact to the message.
pub struct Pace {
    rate: Rate,
    sent: Mutex<HashMap<UserId, VecDeque<Instant>>>,
}

impl Pace {
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            sent: Mutex::default(),
        }
    }

    /// Counts a message, or says how long to wait.
    pub fn count(&self, user: UserId, now: Instant) -> Result<(), Duration> {
        let mut sent = self.sent.lock();
        let times = sent.entry(user).or_default();
        while times.front().is_some_and(|at| now.duration_since(*at) >= self.rate.per) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= self.rate.count as usize => Err(self.rate.per - now.duration_since(*first)),
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }

    /// Forgets those who have been quiet for a whole window.
    pub fn sweep(&self, now: Instant) {
        let per = self.rate.per;
        self.sent
            .lock()
            .retain(|_, times| times.back().is_some_and(|at| now.duration_since(*at) < per));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_domain::Timestamp;

    #[test]
    fn so_many_messages_fit_a_window_and_each_makes_room_when_it_gets_old() {
        let pace = Pace::new(Rate {
            count: 2,
            per: Duration::from_secs(10),
        });
        let user = UserId::generate(Timestamp::from_millis(1), [0; 10]);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.count(user, at(0)), Ok(()));
        assert_eq!(pace.count(user, at(4)), Ok(()));
        assert_eq!(pace.count(user, at(5)), Err(Duration::from_secs(5)));
        assert_eq!(pace.count(user, at(10)), Ok(()));
        assert_eq!(pace.count(user, at(11)), Err(Duration::from_secs(3)));
        pace.sweep(at(30));
        assert!(pace.sent.lock().is_empty());
    }
}
