//! Who is typing where. A start that isn't renewed is stopped.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use nexus_domain::ids::{ChatId, UserId};
use parking_lot::Mutex;

/// How long a start holds.
const HOLDS: Duration = Duration::from_secs(5);
/// A client may say so at every key; the others hear it so often.
const RETOLD: Duration = Duration::from_secs(1);
/// By then the node where somebody types has said that they stopped, if it lives.
const HOLDS_ELSEWHERE: Duration = Duration::from_secs(8);

#[derive(Default)]
pub struct Typing(Mutex<HashMap<(ChatId, UserId), Since>>);

struct Since {
    until: Instant,
    told: Instant,
    whose: Whose,
}

/// Whose word it is that somebody types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The person is connected here.
    Ours,
    /// Another node said so; should it die, nobody else says that they stopped.
    Another,
}

/// A start that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    pub chat: ChatId,
    pub user: UserId,
    pub whose: Whose,
}

impl Typing {
    /// Whether the others should hear of it.
    pub fn start(&self, chat: ChatId, user: UserId, now: Instant) -> bool {
        let mut typing = self.0.lock();
        let since = typing
            .get(&(chat, user))
            .filter(|since| since.whose == Whose::Ours)
            .map(|since| since.told);
        let tell = since.is_none_or(|told| now.duration_since(told) >= RETOLD);
        let told = if tell { now } else { since.unwrap_or(now) };
        let since = Since {
            until: now + HOLDS,
            told,
            whose: Whose::Ours,
        };
        typing.insert((chat, user), since);
        tell
    }

    /// Another node says that somebody types, or no longer.
    pub fn hear(&self, chat: ChatId, user: UserId, is_typing: bool, now: Instant) {
        let mut typing = self.0.lock();
        if is_typing {
            let since = Since {
                until: now + HOLDS_ELSEWHERE,
                told: now,
                whose: Whose::Another,
            };
            typing.insert((chat, user), since);
        } else {
            typing.remove(&(chat, user));
        }
    }

    /// Whether the person was typing.
    pub fn stop(&self, chat: ChatId, user: UserId) -> bool {
        self.0.lock().remove(&(chat, user)).is_some()
    }

    /// Everything of a person that left.
    pub fn stop_all(&self, user: UserId) -> Vec<ChatId> {
        let mut stopped = Vec::new();
        self.0.lock().retain(|(chat, other), _| {
            if *other == user {
                stopped.push(*chat);
            }
            *other != user
        });
        stopped
    }

    /// What ran out.
    pub fn expired(&self, now: Instant) -> Vec<Stopped> {
        let mut expired = Vec::new();
        self.0.lock().retain(|(chat, user), since| {
            let holds = since.until > now;
            if !holds {
                expired.push(Stopped {
                    chat: *chat,
                    user: *user,
                    whose: since.whose,
                });
            }
            holds
        });
        expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_domain::Timestamp;

    #[test]
    fn a_start_holds_five_seconds_and_a_renewal_prolongs_it() {
        let typing = Typing::default();
        let (chat, user) = (
            ChatId::generate(Timestamp::from_millis(1), [1; 10]),
            UserId::generate(Timestamp::from_millis(1), [1; 10]),
        );
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        assert!(typing.start(chat, user, at(0)));
        assert!(!typing.start(chat, user, at(500)));
        assert!(typing.start(chat, user, at(3_000)));
        assert!(typing.expired(at(7_999)).is_empty());
        let whose = Whose::Ours;
        assert_eq!(typing.expired(at(8_000)), [Stopped { chat, user, whose }]);
        assert!(!typing.stop(chat, user));
    }

    #[test]
    fn what_another_node_said_runs_out_when_that_node_says_no_more() {
        let typing = Typing::default();
        let (chat, user) = (
            ChatId::generate(Timestamp::from_millis(1), [1; 10]),
            UserId::generate(Timestamp::from_millis(1), [1; 10]),
        );
        let start = Instant::now();
        typing.hear(chat, user, true, start);
        assert!(typing.expired(start + HOLDS).is_empty());
        let whose = Whose::Another;
        assert_eq!(typing.expired(start + HOLDS_ELSEWHERE), [Stopped { chat, user, whose }]);
        typing.hear(chat, user, true, start);
        typing.hear(chat, user, false, start);
        assert!(typing.expired(start + HOLDS_ELSEWHERE).is_empty());
    }
}
