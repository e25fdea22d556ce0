//! What is heard from the other nodes, and what follows from it here.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nexus_domain::ids::{ChatId, UserId};
use nexus_protocol::relay::RelayEvent;

use super::others::{Difference, Person};
use super::{Envelope, OverRedis, Said};
use crate::sockets::connection::{Connection, ConnectionId};
use crate::sockets::events::typing;
use crate::sockets::frame::{Event, Farewell, now};
use crate::sockets::hub::Core;
use crate::sockets::neighbours::{Cast, Neighbours};
use crate::sockets::presence;

/// Closes a person's connections of a session that connected elsewhere since.
fn replace_session(core: &Arc<Core>, user: UserId, is_replaced: impl Fn(&Connection) -> bool) {
    for connection in core.rooms.connections_of(user) {
        if is_replaced(&connection) {
            core.dismiss(&connection, Farewell::Duplicate);
        }
    }
}

/// The clocks of nodes are closer to each other than this.
const CLOCKS: Duration = Duration::from_secs(5);

impl OverRedis {
    pub(super) fn hear(&self, core: &Arc<Core>, envelope: Envelope) {
        let Envelope { node, number, said } = envelope;
        if node == self.node {
            return hear_ourselves(core, said);
        }
        if !self.others.lock().heard(&node, number, Instant::now()) {
            return;
        }
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
                session,
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
                if let Some(session) = session {
                    replace_session(core, user, |ours| ours.is_of(session) && came_before(ours, connection));
                }
                self.give_way(core, user, |ours| came_before(ours, connection));
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
            let event = presence::offline(person.user, now());
            tell_around(core, &event, &person.chats, person.user);
        }
    }

    pub(super) fn sweep(&self, core: &Core) {
        let gone = self.others.lock().remove_dead(Instant::now());
        self.say_gone(core, gone);
        if self.is_incomplete.load(Ordering::Relaxed) {
            self.say_who_is_here(core);
        }
    }
}

/// Whether a connection of ours is older than one that entered elsewhere. What is heard of that may have waited for
/// Redis for long, so it goes by when they were opened. Where clocks can't tell, everybody hears everything in the same
/// order: ours is the older one when it was heard before.
fn came_before(ours: &Connection, theirs: ConnectionId) -> bool {
    let (our_time, their_time) = (opened(ours.id), opened(theirs));
    if our_time.abs_diff(their_time) > CLOCKS {
        our_time < their_time
    } else {
        ours.was_announced()
    }
}

/// Since 1970: ids of connections are made of the time.
fn opened(connection: ConnectionId) -> Duration {
    connection.get_timestamp().map_or(Duration::ZERO, |at| {
        let (seconds, nanos) = at.to_unix();
        Duration::new(seconds, nanos)
    })
}

fn tell_around(core: &Core, event: &Arc<Event>, chats: &[ChatId], user: UserId) {
    let around = core.rooms.in_chats(chats, user);
    for connection in &around {
        connection.deliver(event, None);
    }
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

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;
    use uuid::{NoContext, Timestamp, Uuid};

    use super::*;
    use crate::sockets::connection::Wire;
    use crate::sockets::flow::Flow;
    use crate::sockets::meters::Meters;

    #[tokio::test]
    async fn late_word_of_an_older_connection_elsewhere_ends_no_newer_one() {
        let (queue, _sent) = mpsc::unbounded_channel();
        let ours = Connection::new(
            Wire::Plain(queue),
            Arc::new(Flow::default()),
            Meters::new().unwrap().deliveries,
        );
        let now = opened(ours.id).as_secs();
        let theirs = |seconds| Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0));
        ours.set_announced();
        assert!(!came_before(&ours, theirs(now - 60)));
        assert!(came_before(&ours, theirs(now + 60)));
        // Too close for clocks.
        assert!(came_before(&ours, theirs(now - 1)));
    }
}
