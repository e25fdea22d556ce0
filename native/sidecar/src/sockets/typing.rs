//! Who is typing where. A start that isn't renewed is stopped.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use nexus_domain::ids::{ChatId, UserId};
use parking_lot::Mutex;

/// How long a start holds.
const HOLDS: Duration = Duration::from_secs(5);
/// A client may say so at every key; the others hear it so often.
const RETOLD: Duration = Duration::from_secs(1);

#[derive(Default)]
pub struct Typing(Mutex<HashMap<(ChatId, UserId), Since>>);

struct Since {
    until: Instant,
    told: Instant,
}

impl Typing {
    /// Whether the others should hear of it.
    pub fn start(&self, chat: ChatId, user: UserId, now: Instant) -> bool {
        let mut typing = self.0.lock();
        let since = typing.get(&(chat, user)).map(|since| since.told);
        let tell = since.is_none_or(|told| now.duration_since(told) >= RETOLD);
        let told = if tell { now } else { since.unwrap_or(now) };
        typing.insert(
            (chat, user),
            Since {
                until: now + HOLDS,
                told,
            },
        );
        tell
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
    pub fn expired(&self, now: Instant) -> Vec<(ChatId, UserId)> {
        let mut expired = Vec::new();
        self.0.lock().retain(|key, since| {
            let holds = since.until > now;
            if !holds {
                expired.push(*key);
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
        assert_eq!(typing.expired(at(8_000)), [(chat, user)]);
        assert!(!typing.stop(chat, user));
    }
}
