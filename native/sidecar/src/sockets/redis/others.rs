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
    /// Who is connected to this node.
    here: HashSet<UserId>,
    /// To how many other nodes somebody is connected.
    elsewhere: HashMap<UserId, usize>,
    /// How many are both here and elsewhere.
    both: usize,
}

struct Node {
    heard: Instant,
    /// The number of what was heard last; the node counts what it says.
    number: u64,
    people: HashMap<UserId, Person>,
    /// The beginning of a list whose end hasn't come yet.
    arriving: Vec<Person>,
}

impl Node {
    fn new(heard: Instant) -> Self {
        Self {
            heard,
            number: 0,
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

    /// Something came from this node; `false` when it came before: a node that doesn't know whether it was heard says
    /// it again.
    pub fn heard(&mut self, node: &str, number: u64, now: Instant) -> bool {
        let node = self.nodes.entry(node.to_owned()).or_insert_with(|| Node::new(now));
        node.heard = now;
        let is_news = number == 0 || number > node.number;
        node.number = node.number.max(number);
        is_news
    }

    pub fn set_here(&mut self, user: UserId, here: bool) {
        let changed = if here {
            self.here.insert(user)
        } else {
            self.here.remove(&user)
        };
        if changed && self.has(user) {
            self.both = if here { self.both + 1 } else { self.both - 1 };
        }
    }

    pub fn here(&self) -> Vec<UserId> {
        self.here.iter().copied().collect()
    }

    /// Somebody is on one node more.
    fn came(&mut self, user: UserId) {
        let nodes = self.elsewhere.entry(user).or_default();
        *nodes += 1;
        if *nodes == 1 && self.here.contains(&user) {
            self.both += 1;
        }
    }

    /// Somebody is on one node less.
    fn went(&mut self, user: UserId) {
        let Some(nodes) = self.elsewhere.get_mut(&user) else {
            return;
        };
        *nodes -= 1;
        if *nodes == 0 {
            self.elsewhere.remove(&user);
            if self.here.contains(&user) {
                self.both -= 1;
            }
        }
    }

    pub fn entered(&mut self, node: &str, person: Person) {
        let Some(node) = self.nodes.get_mut(node) else { return };
        let user = person.user;
        if node.people.insert(user, person).is_none() {
            self.came(user);
        }
    }

    /// One of a person's connections went. Without any the person is still there, for the grace.
    pub fn remaining(&mut self, node: &str, user: UserId, connections: usize) {
        if let Some(person) = self.nodes.get_mut(node).and_then(|node| node.people.get_mut(&user)) {
            person.connections = connections;
        }
    }

    pub fn departed(&mut self, node: &str, user: UserId) {
        let node = self.nodes.get_mut(node);
        if node.is_some_and(|node| node.people.remove(&user).is_some()) {
            self.went(user);
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
        let came: Vec<Person> = node
            .people
            .values()
            .filter(|person| !before.contains_key(&person.user))
            .cloned()
            .collect();
        let gone: Vec<Person> = before
            .into_values()
            .filter(|person| !node.people.contains_key(&person.user))
            .collect();
        came.iter().for_each(|person| self.came(person.user));
        gone.iter().for_each(|person| self.went(person.user));
        Some(Difference { came, gone })
    }

    /// A node has gone; gives those who were there.
    pub fn remove(&mut self, node: &str) -> Vec<Person> {
        let node = self.nodes.remove(node);
        let gone: Vec<Person> = node.into_iter().flat_map(|node| node.people.into_values()).collect();
        gone.iter().for_each(|person| self.went(person.user));
        gone
    }

    /// Takes out the nodes whose lease has run out; gives those who were there.
    pub fn remove_dead(&mut self, now: Instant) -> Vec<Person> {
        let Some(hearing) = self.hearing else { return Vec::new() };
        let mut gone: Vec<Person> = Vec::new();
        self.nodes.retain(|_, node| {
            let lives = now.saturating_duration_since(node.heard.max(hearing)) < LEASE;
            if !lives {
                gone.extend(node.people.drain().map(|(_, person)| person));
            }
            lives
        });
        gone.iter().for_each(|person| self.went(person.user));
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
        self.elsewhere.contains_key(&user)
    }

    /// How many are connected to other nodes only.
    pub fn only_elsewhere(&self) -> usize {
        self.elsewhere.len() - self.both
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
        others.heard("a", 1, Instant::now());
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
        others.heard("a", 1, start);
        others.entered("a", person(1));
        assert!(others.remove_dead(at(60)).is_empty(), "we were deaf");
        others.began_to_hear(at(60));
        assert!(others.remove_dead(at(69)).is_empty(), "it had no time to be heard yet");
        assert_eq!(others.remove_dead(at(70)).len(), 1);
        assert_eq!(others.nodes(), 0);
    }

    #[test]
    fn what_is_said_again_is_heard_once() {
        let mut others = Others::default();
        let heard = [1, 2, 2, 1, 3].map(|number| others.heard("a", number, Instant::now()));
        assert_eq!(heard, [true, true, false, false, true]);
        assert!(others.heard("b", 1, Instant::now()));
        assert!(others.heard("old", 0, Instant::now()) && others.heard("old", 0, Instant::now()));
    }

    #[test]
    fn whoever_is_in_several_places_counts_once() {
        let mut others = Others::default();
        let (one, two) = (person(1), person(2));
        for node in ["a", "b"] {
            others.heard(node, 1, Instant::now());
            others.entered(node, one.clone());
            others.entered(node, one.clone());
        }
        others.entered("a", two.clone());
        assert_eq!(others.only_elsewhere(), 2);
        others.set_here(one.user, true);
        others.set_here(one.user, true);
        assert_eq!(others.only_elsewhere(), 1);
        others.departed("a", one.user);
        assert!(others.has(one.user));
        others.set_here(one.user, false);
        assert_eq!(others.only_elsewhere(), 2);
        others.remove("b");
        others.list("a", true, true, Vec::new());
        assert_eq!((others.only_elsewhere(), others.has(two.user)), (0, false));
    }
}
