//! Who is connected, and in which rooms.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use nexus_domain::chat_feed::ChatHead;
use nexus_domain::ids::{ChatId, SessionId, UserId};
use parking_lot::Mutex;

use super::connection::{Connection, ConnectionId, Identity};
use super::order::Order;
use super::people::People;
use super::room::{Room, Told};

#[derive(Default)]
struct State {
    connections: HashMap<ConnectionId, Arc<Connection>>,
    people: People,
    rooms: HashMap<ChatId, Arc<Mutex<Room>>>,
}

/// All of this node's connections. Its lock is held for look-ups and changes, never while something is sent.
#[derive(Default)]
pub struct Rooms(Mutex<State>);

/// What a new connection leads to.
pub struct Entered {
    /// Older ones of the same person, over the limit.
    pub superseded: Vec<Arc<Connection>>,
    /// The person was not here before.
    pub came_online: bool,
    /// Their other connections know of other chats: one of the lists is of before a change.
    pub is_unsure: bool,
}

/// What came of people joining.
#[derive(Default)]
pub struct Joined {
    pub late: Vec<UserId>,
    /// Nobody of ours was in it before.
    pub is_new_room: bool,
}

/// Connections that hadn't heard that their person is in a chat.
#[derive(Default)]
pub struct Latecomers {
    /// They are in the room from now on, and hold back what it says until they were brought there.
    pub missing: Vec<Arc<Connection>>,
    /// They were in the room, and only weren't told of the chat itself.
    pub untold: Vec<Arc<Connection>>,
    /// Nobody of ours was in it before.
    pub is_new_room: bool,
}

impl Rooms {
    /// A connection that isn't let in yet.
    pub fn add(&self, connection: Arc<Connection>) {
        self.0.lock().connections.insert(connection.id, connection);
    }

    /// Lets a connection in: from now on it hears its rooms. `None` when it has gone meanwhile.
    pub fn enter(
        &self,
        connection: &Arc<Connection>,
        identity: Identity,
        chats: &[ChatHead],
        limit: usize,
    ) -> Option<Entered> {
        let mut state = self.0.lock();
        if !state.connections.contains_key(&connection.id) || connection.is_closed() {
            return None;
        }
        connection.set_identity(identity);
        connection.start_catching_up();
        let (person, came_online) = state.people.enter(identity.user);
        let listed: HashSet<ChatId> = chats.iter().map(|head| head.chat_id).collect();
        let is_unsure = !person.connections.is_empty() && person.chats != listed;
        // A session (a device) has one connection: the newer one replaces the older.
        let (mut superseded, mut kept): (Vec<_>, Vec<_>) = std::mem::take(&mut person.connections)
            .into_iter()
            .partition(|other| other.is_of(identity.session));
        kept.push(Arc::clone(connection));
        let over = kept.len().saturating_sub(limit);
        superseded.extend(kept.drain(..over));
        person.connections = kept;
        person.chats.extend(listed);
        let joined = person.chats.clone();
        for head in chats {
            state.room(head).lock().enter(identity.user, connection, Told::AtFirst);
        }
        for old in &superseded {
            state.connections.remove(&old.id);
            state.leave_rooms(old, &joined);
        }
        Some(Entered {
            superseded,
            came_online,
            is_unsure,
        })
    }

    /// A connection is gone; `false` when it was before.
    pub fn remove(&self, connection: &Arc<Connection>) -> bool {
        let mut state = self.0.lock();
        if state.connections.remove(&connection.id).is_none() {
            return false;
        }
        let Some(identity) = connection.identity() else {
            return true;
        };
        let Some(person) = state.people.get_mut(identity.user) else {
            return true;
        };
        person.connections.retain(|other| other.id != connection.id);
        let is_last = person.connections.is_empty();
        let chats = person.chats.clone();
        if is_last {
            state.people.leave(identity.user, Instant::now());
        }
        state.leave_rooms(connection, &chats);
        true
    }

    /// These people are in this chat since it was where `head` says. A room that is there already has said other things
    /// meanwhile, or not said some of before: gives those who must be brought to where it is.
    pub fn join(&self, head: ChatHead, users: &[UserId]) -> Joined {
        let mut state = self.0.lock();
        let mut joined = Joined::default();
        for user in users {
            let Some(person) = state.people.get_mut(*user) else {
                continue;
            };
            person.chats.insert(head.chat_id);
            let connections = person.connections.clone();
            if connections.is_empty() {
                continue;
            }
            joined.is_new_room |= !state.rooms.contains_key(&head.chat_id);
            let room = state.room(&head);
            let mut room = room.lock();
            let missing = connections.iter().filter(|to| room.told(to.id).is_none());
            let missing: Vec<_> = missing.cloned().collect();
            let is_there = (room.order.said(), room.order.changed()) == (head.last_seq, head.last_change);
            if !missing.is_empty() && !is_there {
                joined.late.push(*user);
                continue;
            }
            for connection in missing {
                room.enter(*user, &connection, Told::NotYet);
            }
        }
        joined
    }

    /// As [`Rooms::join`], for somebody who may have been in the chat for a while and wasn't told.
    pub fn join_late(&self, head: ChatHead, user: UserId) -> Latecomers {
        let mut state = self.0.lock();
        let mut late = Latecomers::default();
        let Some(person) = state.people.get_mut(user) else {
            return late;
        };
        person.chats.insert(head.chat_id);
        let connections = person.connections.clone();
        if connections.is_empty() {
            return late;
        }
        late.is_new_room = !state.rooms.contains_key(&head.chat_id);
        let room = state.room(&head);
        let mut room = room.lock();
        for connection in connections {
            match room.told(connection.id) {
                None => {
                    connection.hold(head.chat_id);
                    room.enter(user, &connection, Told::ByEvent);
                    late.missing.push(connection);
                }
                Some(Told::NotYet) => {
                    room.set_told(connection.id);
                    late.untold.push(connection);
                }
                Some(Told::AtFirst | Told::ByEvent) => {}
            }
        }
        late
    }

    /// Whether a connection of this person hasn't heard that they are in this chat.
    pub fn lacks(&self, user: UserId, chat: ChatId) -> bool {
        let state = self.0.lock();
        let Some(person) = state.people.get(user) else {
            return false;
        };
        let room = state.rooms.get(&chat).map(|room| room.lock());
        let told = |connection: &Arc<Connection>| room.as_ref().and_then(|room| room.told(connection.id));
        let lacks = |connection| matches!(told(connection), None | Some(Told::NotYet));
        !person.chats.contains(&chat) || person.connections.iter().any(lacks)
    }

    /// This person is in the chat no longer.
    pub fn leave(&self, chat: ChatId, user: UserId) {
        let mut state = self.0.lock();
        let Some(person) = state.people.get_mut(user) else {
            return;
        };
        if !person.chats.remove(&chat) {
            return;
        }
        let gone = person.connections.clone();
        for connection in gone {
            state.leave_rooms(&connection, &HashSet::from([chat]));
        }
    }

    pub fn room(&self, chat: ChatId) -> Option<Arc<Mutex<Room>>> {
        self.0.lock().rooms.get(&chat).cloned()
    }

    pub fn is_in(&self, user: UserId, chat: ChatId) -> bool {
        let state = self.0.lock();
        state
            .people
            .get(user)
            .is_some_and(|person| person.chats.contains(&chat))
    }

    pub fn chats_of(&self, user: UserId) -> HashSet<ChatId> {
        let state = self.0.lock();
        state
            .people
            .get(user)
            .map(|person| person.chats.clone())
            .unwrap_or_default()
    }

    pub fn is_here(&self, user: UserId) -> bool {
        self.0.lock().people.get(user).is_some()
    }

    pub fn connections_of(&self, user: UserId) -> Vec<Arc<Connection>> {
        let state = self.0.lock();
        state
            .people
            .get(user)
            .map(|person| person.connections.clone())
            .unwrap_or_default()
    }

    pub fn of_sessions(&self, sessions: &[SessionId]) -> Vec<Arc<Connection>> {
        let sessions: HashSet<_> = sessions.iter().copied().collect();
        self.all_where(|connection| {
            connection
                .identity()
                .is_some_and(|identity| sessions.contains(&identity.session))
        })
    }

    pub fn find(&self, connection: ConnectionId) -> Option<Arc<Connection>> {
        self.0.lock().connections.get(&connection).cloned()
    }

    pub fn all_where(&self, wanted: impl Fn(&Connection) -> bool) -> Vec<Arc<Connection>> {
        let state = self.0.lock();
        state
            .connections
            .values()
            .filter(|connection| wanted(connection))
            .cloned()
            .collect()
    }

    /// Those who share a chat with this person, each connection once, without the person's own.
    pub fn around(&self, user: UserId) -> Vec<Arc<Connection>> {
        let rooms: Vec<_> = {
            let state = self.0.lock();
            let Some(person) = state.people.get(user) else {
                return Vec::new();
            };
            person
                .chats
                .iter()
                .filter_map(|chat| state.rooms.get(chat).cloned())
                .collect()
        };
        let mut seen = HashSet::new();
        let mut around = Vec::new();
        for room in rooms {
            for (other, connection) in room.lock().connections() {
                if other != user && seen.insert(connection.id) {
                    around.push(Arc::clone(connection));
                }
            }
        }
        around
    }

    /// Those who share one of these chats, for somebody who isn't connected here.
    pub fn in_chats(&self, chats: &[ChatId], except: UserId) -> Vec<Arc<Connection>> {
        let mut seen = HashSet::new();
        let mut around = Vec::new();
        for room in chats.iter().filter_map(|chat| self.room(*chat)) {
            for (other, connection) in room.lock().connections() {
                if other != except && seen.insert(connection.id) {
                    around.push(Arc::clone(connection));
                }
            }
        }
        around
    }

    /// People whose last connection has been gone for the grace, with the chats they are in. They stay known until
    /// [`Rooms::forget`], so that whoever is around them can be told.
    pub fn departed(&self, now: Instant) -> Vec<UserId> {
        self.0.lock().people.departed(now)
    }

    /// Forgets a person, unless they came back meanwhile.
    pub fn forget(&self, user: UserId) -> bool {
        self.0.lock().people.forget(user)
    }

    pub fn counts(&self) -> Counts {
        let state = self.0.lock();
        Counts {
            connections: state.connections.len(),
            people: state.people.connected(),
            rooms: state.rooms.len(),
        }
    }

    pub fn people(&self) -> Vec<UserId> {
        self.0.lock().people.known()
    }

    /// Who came or was forgotten since this was asked last, and whether they are here now.
    pub fn take_changed(&self) -> Vec<(UserId, bool)> {
        let mut state = self.0.lock();
        let changed = state.people.take_changed();
        let is_here = |user: UserId| (user, state.people.get(user).is_some());
        changed.into_iter().map(is_here).collect()
    }

    /// What was taken couldn't be told.
    pub fn put_back_changed(&self, users: impl IntoIterator<Item = UserId>) {
        self.0.lock().people.put_back_changed(users);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub connections: usize,
    pub people: usize,
    pub rooms: usize,
}

impl State {
    /// The room; an empty one begins where the store is.
    fn room(&mut self, head: &ChatHead) -> Arc<Mutex<Room>> {
        let room = self.rooms.entry(head.chat_id).or_insert_with(|| {
            let order = Order::starting_at(head.last_seq, head.last_change);
            Arc::new(Mutex::new(Room::starting_at(order)))
        });
        Arc::clone(room)
    }

    fn leave_rooms(&mut self, connection: &Arc<Connection>, chats: &HashSet<ChatId>) {
        for chat in chats {
            let Some(room) = self.rooms.get(chat) else { continue };
            let is_empty = room.lock().leave(connection.id);
            if is_empty {
                self.rooms.remove(chat);
            }
        }
    }
}
