//! Who is connected, and in which rooms.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use nexus_domain::ids::{ChatId, SessionId, UserId};
use nexus_domain::relay_calls::ChatHead;
use parking_lot::Mutex;

use super::connection::{Connection, ConnectionId, Identity};
use super::frame::Event;
use super::order::{Order, Ready};
use super::people::People;
use super::place::Place;

/// A chat with people of ours in it.
pub struct Room {
    pub order: Order,
    people: Vec<(UserId, Arc<Connection>)>,
}

impl Room {
    /// To everybody, or to everybody but one.
    pub fn say(&self, event: &Arc<Event>, except: Option<UserId>) -> usize {
        let mut told = 0;
        for (user, connection) in &self.people {
            if Some(*user) != except {
                connection.deliver(event, None);
                told += 1;
            }
        }
        told
    }

    /// An edit or a deletion.
    pub fn say_change(&self, chat: ChatId, change: i64, event: &Arc<Event>) -> usize {
        for (_, connection) in &self.people {
            connection.deliver(event, Some(Place::Change(chat, change)));
        }
        self.people.len()
    }

    /// New messages, in order.
    pub fn say_messages(&self, chat: ChatId, ready: &Ready) -> usize {
        for (seq, event) in &ready.events {
            for (_, connection) in &self.people {
                connection.deliver(event, Some(Place::Message(chat, *seq)));
            }
        }
        self.people.len() * ready.events.len()
    }
}

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
        person.connections.push(Arc::clone(connection));
        person.chats.extend(chats.iter().map(|head| head.chat_id));
        let over = person.connections.len().saturating_sub(limit);
        let superseded: Vec<_> = person.connections.drain(..over).collect();
        let joined = person.chats.clone();
        for head in chats {
            state
                .room(head)
                .lock()
                .people
                .push((identity.user, Arc::clone(connection)));
        }
        // Chats joined since the list was read are known from the person's other connections.
        for chat in joined
            .iter()
            .filter(|chat| chats.iter().all(|head| head.chat_id != **chat))
        {
            if let Some(room) = state.rooms.get(chat) {
                room.lock().people.push((identity.user, Arc::clone(connection)));
            }
        }
        for old in &superseded {
            state.connections.remove(&old.id);
            state.leave_rooms(old, &joined);
        }
        Some(Entered {
            superseded,
            came_online,
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

    /// These people are in this chat from now on.
    pub fn join(&self, head: ChatHead, users: &[UserId]) {
        let mut state = self.0.lock();
        for user in users {
            let Some(person) = state.people.get_mut(*user) else {
                continue;
            };
            if !person.chats.insert(head.chat_id) {
                continue;
            }
            let connections = person.connections.clone();
            if connections.is_empty() {
                continue;
            }
            let room = state.room(&head);
            let mut room = room.lock();
            room.people
                .extend(connections.into_iter().map(|connection| (*user, connection)));
        }
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

    /// The chats a person is in, made to be these. Gives those that are new.
    pub fn set_chats(&self, user: UserId, heads: &[ChatHead]) {
        let before = self.chats_of(user);
        let after: HashSet<ChatId> = heads.iter().map(|head| head.chat_id).collect();
        for chat in before.difference(&after) {
            self.leave(*chat, user);
        }
        for head in heads.iter().filter(|head| !before.contains(&head.chat_id)) {
            self.join(*head, &[user]);
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
            for (other, connection) in &room.lock().people {
                if *other != user && seen.insert(connection.id) {
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
            for (other, connection) in &room.lock().people {
                if *other != except && seen.insert(connection.id) {
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
            Arc::new(Mutex::new(Room {
                order,
                people: Vec::new(),
            }))
        });
        Arc::clone(room)
    }

    fn leave_rooms(&mut self, connection: &Arc<Connection>, chats: &HashSet<ChatId>) {
        for chat in chats {
            let Some(room) = self.rooms.get(chat) else { continue };
            let is_empty = {
                let mut room = room.lock();
                room.people.retain(|(_, other)| other.id != connection.id);
                room.people.is_empty()
            };
            if is_empty {
                self.rooms.remove(chat);
            }
        }
    }
}
