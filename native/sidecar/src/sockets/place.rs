//! Where events stand in their chats, and how far somebody was brought.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use nexus_domain::ids::ChatId;

use super::flow::MOST_UNSENT;
use super::frame::Event;

/// Where an event stands in its chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A new message, by its `seq`.
    Message(ChatId, i64),
    /// An edit or a deletion, by the chat's `lastChange` that it made.
    Change(ChatId, i64),
}

/// How far a connection was brought in a chat: what its room says up to there is a repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    pub seq: i64,
    pub change: i64,
}

impl Reached {
    pub fn includes(self, place: Place) -> bool {
        match place {
            Place::Message(_, seq) => seq <= self.seq,
            Place::Change(_, change) => change <= self.change,
        }
    }
}

impl Place {
    fn chat(self) -> ChatId {
        match self {
            Self::Message(chat, _) | Self::Change(chat, _) => chat,
        }
    }
}

/// What a connection isn't told yet.
pub struct Held {
    pub event: Arc<Event>,
    pub place: Option<Place>,
}

/// What becomes of an event that has a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Said,
    Repeats,
    /// It waits until the connection was brought that far.
    Held,
    /// More waits than one client may have unsent.
    TooMuch,
}

/// Where a connection stands in chats in which it isn't where their rooms are.
#[derive(Default)]
pub struct Standing {
    /// Of chats whose room isn't that far yet.
    reached: HashMap<ChatId, Reached>,
    /// Of chats that were learnt late, and whose history is being read.
    late: HashMap<ChatId, Late>,
}

#[derive(Default)]
struct Late {
    held: Vec<Held>,
    bytes: u64,
}

impl Standing {
    /// Everything missed was said, up to `reached`. `is_behind` says of which chats the room will repeat some of it;
    /// gives what was held back, without what was among the missed.
    pub fn open(
        &mut self,
        reached: HashMap<ChatId, Reached>,
        is_behind: &HashSet<ChatId>,
        held: Vec<Held>,
    ) -> Vec<Held> {
        let is_news = |held: &Held| {
            let reached = held.place.and_then(|place| Some((place, reached.get(&place.chat())?)));
            reached.is_none_or(|(place, reached)| !reached.includes(place))
        };
        let news = held.into_iter().filter(is_news).collect();
        self.reached
            .extend(reached.into_iter().filter(|(chat, _)| is_behind.contains(chat)));
        news
    }

    pub fn judge(&mut self, event: &Arc<Event>, place: Place) -> Fate {
        let chat = place.chat();
        if let Some(late) = self.late.get_mut(&chat) {
            late.bytes += event.data().len() as u64;
            if late.bytes > MOST_UNSENT {
                return Fate::TooMuch;
            }
            late.held.push(Held {
                event: Arc::clone(event),
                place: Some(place),
            });
            return Fate::Held;
        }
        let Some(reached) = self.reached.get(&chat) else {
            return Fate::Said;
        };
        if reached.includes(place) {
            return Fate::Repeats;
        }
        if matches!(place, Place::Message(..)) {
            // A message beyond is said after all changes before it, so the room repeats nothing any more.
            self.reached.remove(&chat);
        }
        Fate::Said
    }

    /// From here on what is said in this chat waits, until [`Standing::release`].
    pub fn hold(&mut self, chat: ChatId) {
        self.late.entry(chat).or_default();
    }

    /// The connection was brought so far; gives what was held back beyond that.
    pub fn release(&mut self, chat: ChatId, reached: Reached) -> Vec<Held> {
        let held = self.late.remove(&chat).map(|late| late.held).unwrap_or_default();
        self.reached.insert(chat, reached);
        let is_news = |held: &Held| {
            held.place
                .is_none_or(|place| self.judge(&held.event, place) == Fate::Said)
        };
        held.into_iter().filter(is_news).collect()
    }
}

#[cfg(test)]
mod tests {
    use nexus_protocol::EventName;

    use super::*;
    use nexus_domain::Timestamp;

    #[test]
    fn what_a_late_chat_says_waits_and_follows_without_repetition() {
        let chat = ChatId::generate(Timestamp::from_millis(1), [1; 10]);
        let event = Event::new(EventName::NewMessage, &());
        let mut standing = Standing::default();
        standing.hold(chat);
        for seq in 4..=6 {
            assert_eq!(standing.judge(&event, Place::Message(chat, seq)), Fate::Held);
        }
        let held = standing.release(chat, Reached { seq: 5, change: 0 });
        let places: Vec<_> = held.iter().map(|held| held.place).collect();
        assert_eq!(places, [Some(Place::Message(chat, 6))]);
        assert_eq!(standing.judge(&event, Place::Message(chat, 7)), Fate::Said);
    }

    #[test]
    fn a_room_that_is_behind_repeats_nothing_and_what_is_held_is_bounded() {
        let chat = ChatId::generate(Timestamp::from_millis(1), [1; 10]);
        let large = Event::from_json(EventName::NewMessage, "x".repeat(400_000));
        let mut standing = Standing::default();
        standing.hold(chat);
        assert!(standing.release(chat, Reached { seq: 3, change: 1 }).is_empty());
        assert_eq!(standing.judge(&large, Place::Message(chat, 3)), Fate::Repeats);
        assert_eq!(standing.judge(&large, Place::Change(chat, 1)), Fate::Repeats);
        assert_eq!(standing.judge(&large, Place::Message(chat, 4)), Fate::Said);
        standing.hold(chat);
        let fates = [5, 6, 7].map(|seq| standing.judge(&large, Place::Message(chat, seq)));
        assert_eq!(fates, [Fate::Held, Fate::Held, Fate::TooMuch]);
    }
}
