//! What is known of the other nodes: who is connected to each, and when it was heard last.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use nexus_domain::ids::{ChatId, UserId};
use serde::{Deserialize, Serialize};

use crate::sockets::connection::ConnectionId;
use crate::sockets::presence::LEASE;

/// Somebody who is connected to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub user: UserId,
    pub chats: Vec<ChatId>,
    pub connections: usize,
    /// The newest of the connections; their ids grow with time.
    pub newest: ConnectionId,
}

#[derive(Default)]
pub struct Others {
    nodes: HashMap<String, Node>,
    /// Since when messages come in; while none can, silence says nothing about a node.
    hearing: Option<Instant>,
}

struct Node {
    heard: Instant,
    people: HashMap<UserId, Person>,
    /// The beginning of a list whose end hasn't come yet.
    arriving: Vec<Person>,
}

impl Node {
    fn new(heard: Instant) -> Self {
        Self {
            heard,
            people: HashMap::new(),
            arriving: Vec::new(),
        }
    }
}

/// How a node's list differs from what was known.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub came: Vec<Person>,
    pub gone: Vec<Person>,
}

impl Others {
    pub fn began_to_hear(&mut self, now: Instant) {
        self.hearing = Some(now);
    }

    pub fn went_deaf(&mut self) {
        self.hearing = None;
    }

    /// Something came from this node.
    pub fn heard(&mut self, node: &str, now: Instant) {
        match self.nodes.get_mut(node) {
            Some(known) => known.heard = now,
            None => {
                self.nodes.insert(node.to_owned(), Node::new(now));
            }
        }
    }

    pub fn entered(&mut self, node: &str, person: Person) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.people.insert(person.user, person);
        }
    }

    /// One of a person's connections went. Without any the person is still there, for the grace.
    pub fn remaining(&mut self, node: &str, user: UserId, connections: usize) {
        if let Some(person) = self.nodes.get_mut(node).and_then(|node| node.people.get_mut(&user)) {
            person.connections = connections;
        }
    }

    pub fn departed(&mut self, node: &str, user: UserId) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.people.remove(&user);
        }
    }

    /// People came into a chat.
    pub fn joined(&mut self, chat: ChatId, users: &[UserId]) {
        for node in self.nodes.values_mut() {
            for user in users {
                if let Some(person) = node.people.get_mut(user)
                    && !person.chats.contains(&chat)
                {
                    person.chats.push(chat);
                }
            }
        }
    }

    pub fn left(&mut self, chat: ChatId, user: UserId) {
        for node in self.nodes.values_mut() {
            if let Some(person) = node.people.get_mut(&user) {
                person.chats.retain(|known| *known != chat);
            }
        }
    }

    /// A part of a node's whole list; with the last it replaces what was known.
    pub fn list(&mut self, node: &str, first: bool, last: bool, part: Vec<Person>) -> Option<Difference> {
        let node = self.nodes.get_mut(node)?;
        if first {
            node.arriving.clear();
        }
        node.arriving.extend(part);
        if !last {
            return None;
        }
        let people: HashMap<UserId, Person> = std::mem::take(&mut node.arriving)
            .into_iter()
            .map(|person| (person.user, person))
            .collect();
        let before = std::mem::replace(&mut node.people, people);
        let came = node
            .people
            .values()
            .filter(|person| !before.contains_key(&person.user))
            .cloned()
            .collect();
        let gone = before
            .into_values()
            .filter(|person| !node.people.contains_key(&person.user))
            .collect();
        Some(Difference { came, gone })
    }

    /// A node has gone; gives those who were there.
    pub fn remove(&mut self, node: &str) -> Vec<Person> {
        self.nodes
            .remove(node)
            .map(|node| node.people.into_values().collect())
            .unwrap_or_default()
    }

    /// Takes out the nodes whose lease has run out; gives those who were there.
    pub fn remove_dead(&mut self, now: Instant) -> Vec<Person> {
        let Some(hearing) = self.hearing else { return Vec::new() };
        let mut gone = Vec::new();
        self.nodes.retain(|_, node| {
            let lives = now.saturating_duration_since(node.heard.max(hearing)) < LEASE;
            if !lives {
                gone.extend(node.people.drain().map(|(_, person)| person));
            }
            lives
        });
        gone
    }

    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// How many connections somebody has on other nodes.
    pub fn connections_of(&self, user: UserId) -> usize {
        self.nodes
            .values()
            .filter_map(|node| node.people.get(&user))
            .map(|person| person.connections)
            .sum()
    }

    pub fn has(&self, user: UserId) -> bool {
        self.nodes.values().any(|node| node.people.contains_key(&user))
    }

    pub fn everybody(&self) -> HashSet<UserId> {
        self.nodes
            .values()
            .flat_map(|node| node.people.keys().copied())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_domain::Timestamp;
    use std::time::Duration;

    fn person(number: u8) -> Person {
        Person {
            user: UserId::generate(Timestamp::from_millis(1), [number; 10]),
            chats: Vec::new(),
            connections: 1,
            newest: ConnectionId::now_v7(),
        }
    }

    #[test]
    fn a_list_counts_when_its_end_has_come() {
        let mut others = Others::default();
        let (one, two, three) = (person(1), person(2), person(3));
        others.heard("a", Instant::now());
        others.entered("a", one.clone());
        assert_eq!(others.list("a", true, false, vec![two.clone()]), None);
        assert!(others.has(one.user) && !others.has(two.user));
        let difference = others.list("a", false, true, vec![three.clone()]).unwrap();
        assert_eq!(difference.gone, [one]);
        assert_eq!(difference.came.len(), 2);
        assert!(others.has(two.user) && others.has(three.user));
    }

    #[test]
    fn a_node_is_dead_when_others_could_be_heard_and_it_was_not() {
        let mut others = Others::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        others.heard("a", start);
        others.entered("a", person(1));
        assert!(others.remove_dead(at(60)).is_empty(), "we were deaf");
        others.began_to_hear(at(60));
        assert!(others.remove_dead(at(69)).is_empty(), "it had no time to be heard yet");
        assert_eq!(others.remove_dead(at(70)).len(), 1);
        assert_eq!(others.nodes(), 0);
    }
}
