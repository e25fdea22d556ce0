//! One chat with people of ours in it.

use std::sync::Arc;

use nexus_domain::ids::{ChatId, UserId};

use super::connection::{Connection, ConnectionId};
use super::frame::Event;
use super::order::{Order, Ready};
use super::place::Place;

/// How a connection came to know of the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// `CONNECTED` named it.
    AtFirst,
    /// Not at all so far: `CHAT_CREATED` should be on its way.
    NotYet,
    ByEvent,
}

struct Present {
    user: UserId,
    connection: Arc<Connection>,
    told: Told,
}

pub struct Room {
    pub order: Order,
    people: Vec<Present>,
}

impl Room {
    pub fn starting_at(order: Order) -> Self {
        let people = Vec::new();
        Self { order, people }
    }

    pub fn enter(&mut self, user: UserId, connection: &Arc<Connection>, told: Told) {
        let connection = Arc::clone(connection);
        self.people.push(Present { user, connection, told });
    }

    /// Whether nobody is left.
    pub fn leave(&mut self, connection: ConnectionId) -> bool {
        self.people.retain(|present| present.connection.id != connection);
        self.people.is_empty()
    }

    /// What a connection was told; `None` when it isn't in the room.
    pub fn told(&self, connection: ConnectionId) -> Option<Told> {
        let mut people = self.people.iter();
        let found = people.find(|present| present.connection.id == connection);
        found.map(|present| present.told)
    }

    /// A connection is about to be told `CHAT_CREATED`; `false` when it was before, or isn't in the room.
    pub fn set_told(&mut self, connection: ConnectionId) -> bool {
        let mut people = self.people.iter_mut();
        let found = people.find(|present| present.connection.id == connection);
        found.is_some_and(|present| std::mem::replace(&mut present.told, Told::ByEvent) != Told::ByEvent)
    }

    pub fn connections(&self) -> impl Iterator<Item = (UserId, &Arc<Connection>)> {
        self.people.iter().map(|present| (present.user, &present.connection))
    }

    /// To everybody, or to everybody but one.
    pub fn say(&self, event: &Arc<Event>, except: Option<UserId>) {
        for (user, connection) in self.connections() {
            if Some(user) != except {
                connection.deliver(event, None);
            }
        }
    }

    /// An edit or a deletion.
    pub fn say_change(&self, chat: ChatId, change: i64, event: &Arc<Event>) {
        for (_, connection) in self.connections() {
            connection.deliver(event, Some(Place::Change(chat, change)));
        }
    }

    /// New messages, in order.
    pub fn say_messages(&self, chat: ChatId, ready: &Ready) {
        for (seq, event) in &ready.events {
            for (_, connection) in self.connections() {
                connection.deliver(event, Some(Place::Message(chat, *seq)));
            }
        }
    }
}
