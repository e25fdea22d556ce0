//! The people who are connected to this node, and those who have just left it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_domain::ids::{ChatId, UserId};

use super::connection::Connection;

/// Offline is said once the last connection has been gone for so long.
pub const GRACE: Duration = Duration::from_secs(3);

#[derive(Default)]
pub struct Person {
    /// The oldest first.
    pub connections: Vec<Arc<Connection>>,
    pub chats: HashSet<ChatId>,
}

/// Whoever does nothing costs nothing here: nobody walks through all of them by the clock.
#[derive(Default)]
pub struct People {
    all: HashMap<UserId, Person>,
    /// Those of them whose last connection went, and when.
    leaving: HashMap<UserId, Instant>,
    /// Who came or was forgotten since [`People::take_changed`].
    changed: HashSet<UserId>,
}

impl People {
    /// The person, who is about to have a connection, and whether they were not here before.
    pub fn enter(&mut self, user: UserId) -> (&mut Person, bool) {
        self.leaving.remove(&user);
        let came = !self.all.contains_key(&user);
        if came {
            self.changed.insert(user);
        }
        (self.all.entry(user).or_default(), came)
    }

    pub fn get(&self, user: UserId) -> Option<&Person> {
        self.all.get(&user)
    }

    pub fn get_mut(&mut self, user: UserId) -> Option<&mut Person> {
        self.all.get_mut(&user)
    }

    /// The last connection went.
    pub fn leave(&mut self, user: UserId, now: Instant) {
        self.leaving.insert(user, now);
    }

    /// Whose last connection has been gone for the grace.
    pub fn departed(&self, now: Instant) -> Vec<UserId> {
        let departed = |gone: &Instant| now.duration_since(*gone) >= GRACE;
        let gone = self.leaving.iter().filter(|(_, gone)| departed(gone));
        gone.map(|(user, _)| *user).collect()
    }

    /// Forgets a person, unless they came back meanwhile.
    pub fn forget(&mut self, user: UserId) -> bool {
        let gone = self.leaving.remove(&user).is_some();
        if gone {
            self.all.remove(&user);
            self.changed.insert(user);
        }
        gone
    }

    /// How many have a connection.
    pub fn connected(&self) -> usize {
        self.all.len() - self.leaving.len()
    }

    pub fn known(&self) -> Vec<UserId> {
        self.all.keys().copied().collect()
    }

    pub fn take_changed(&mut self) -> HashSet<UserId> {
        std::mem::take(&mut self.changed)
    }

    /// For whoever could make nothing of [`People::take_changed`].
    pub fn put_back_changed(&mut self, users: impl IntoIterator<Item = UserId>) {
        self.changed.extend(users);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_domain::Timestamp;

    #[test]
    fn who_leaves_is_known_for_the_grace_and_who_comes_back_within_it_never_left() {
        let user = UserId::generate(Timestamp::from_millis(1), [1; 10]);
        let mut people = People::default();
        let start = Instant::now();
        assert!(people.enter(user).1);
        assert_eq!(people.take_changed(), HashSet::from([user]));
        people.leave(user, start);
        assert_eq!(people.connected(), 0);
        assert!(!people.enter(user).1);
        assert!(people.departed(start + GRACE).is_empty() && !people.forget(user));
        people.leave(user, start);
        assert!(people.departed(start + GRACE - Duration::from_millis(1)).is_empty());
        assert_eq!(people.departed(start + GRACE), [user]);
        assert!(people.forget(user) && people.get(user).is_none());
        assert_eq!(people.take_changed(), HashSet::from([user]));
    }
}
