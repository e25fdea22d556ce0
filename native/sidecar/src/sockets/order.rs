//! In which order a room says things: messages by `seq`, without gaps and without repetition, from whichever
//! side they come.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::frame::Event;

/// More than this waits for no gap: the room takes the rest from the store.
const MOST_WAITING: usize = 1_000;

/// How far a room is.
#[derive(Debug)]
pub struct Order {
    /// The `seq` of the last message that was said.
    said: i64,
    /// The chat's `lastChange` of the last edit or deletion that was said.
    changed: i64,
    /// Messages that came before the one before them, or before a change that was made before them.
    waiting: BTreeMap<i64, Waiting>,
    /// How far the store is known to be: `seq` and `lastChange`.
    due: (i64, i64),
    /// Somebody is fetching what is missing.
    pub filling: bool,
}

#[derive(Debug)]
struct Waiting {
    changes_before: i64,
    event: Arc<Event>,
}

/// What a newly arrived message leads to.
#[derive(Debug, Default)]
pub struct Ready {
    /// To be said now, in this order.
    pub events: Vec<(i64, Arc<Event>)>,
    /// Something before what waits is missing.
    pub gap: bool,
}

impl Order {
    pub fn starting_at(said: i64, changed: i64) -> Self {
        Self {
            said,
            changed,
            waiting: BTreeMap::new(),
            due: (said, changed),
            filling: false,
        }
    }

    pub fn said(&self) -> i64 {
        self.said
    }

    pub fn changed(&self) -> i64 {
        self.changed
    }

    /// The store is so far.
    pub fn expect(&mut self, seq: i64, change: i64) {
        self.due = (self.due.0.max(seq), self.due.1.max(change));
    }

    /// Whether anything is missing of what is known to be there.
    pub fn is_behind(&self) -> bool {
        !self.waiting.is_empty() || self.said < self.due.0 || self.changed < self.due.1
    }

    /// What was expected can't be found: nobody waits for it any longer.
    pub fn give_up(&mut self) {
        self.due = (self.said, self.changed);
    }

    /// A message, with the chat's `lastChange` when it was stored.
    pub fn offer(&mut self, seq: i64, changes_before: i64, event: Arc<Event>) -> Ready {
        if seq <= self.said {
            return Ready::default();
        }
        self.expect(seq, changes_before);
        if self.waiting.len() < MOST_WAITING || seq == self.said + 1 {
            let waiting = Waiting { changes_before, event };
            self.waiting.insert(seq, waiting);
        }
        self.ready()
    }

    /// What can be said now: the next messages, as far as the changes before them were said.
    pub fn ready(&mut self) -> Ready {
        let mut ready = Ready::default();
        while let Some(first) = self.waiting.first_entry()
            && *first.key() == self.said + 1
            && first.get().changes_before <= self.changed
        {
            self.said += 1;
            ready.events.push((self.said, first.remove().event));
        }
        ready.gap = self.is_behind();
        ready
    }

    /// Whether this edit or deletion of the message `seq` is to be said now: it is the next one, and its message was
    /// said. If not, it is said already, or will be when the room catches up.
    pub fn offer_change(&mut self, change: i64, seq: i64) -> bool {
        self.expect(seq, change);
        let is_next = change == self.changed + 1 && seq <= self.said;
        if is_next {
            self.changed = change;
        }
        is_next
    }

    /// All changes up to here were said.
    pub fn changes_said(&mut self, change: i64) {
        self.changed = self.changed.max(change);
    }
}

#[cfg(test)]
mod tests {
    use nexus_protocol::EventName;

    use super::*;

    fn event() -> Arc<Event> {
        Event::new(EventName::NewMessage, &())
    }

    fn seqs(ready: &Ready) -> Vec<i64> {
        ready.events.iter().map(|(seq, _)| *seq).collect()
    }

    #[test]
    fn messages_are_said_in_order_however_they_come() {
        let mut order = Order::starting_at(4, 0);
        let late = order.offer(6, 0, event());
        assert!(late.gap && late.events.is_empty());
        let both = order.offer(5, 0, event());
        assert_eq!((seqs(&both), both.gap), (vec![5, 6], false));
    }

    #[test]
    fn a_message_is_said_once() {
        let mut order = Order::starting_at(0, 0);
        assert_eq!(seqs(&order.offer(1, 0, event())), [1]);
        assert!(order.offer(1, 0, event()).events.is_empty());
        assert!(!order.offer(0, 0, event()).gap);
    }

    #[test]
    fn what_waits_is_bounded_and_the_missing_one_always_gets_through() {
        let mut order = Order::starting_at(0, 0);
        for seq in 2..3_000 {
            assert!(order.offer(seq, 0, event()).gap);
        }
        assert_eq!(order.offer(1, 0, event()).events.len(), MOST_WAITING + 1);
    }

    #[test]
    fn a_message_waits_for_the_changes_before_it_and_a_change_for_its_message() {
        let mut order = Order::starting_at(3, 1);
        // Stored after the second change, which nobody has told yet.
        let waits = order.offer(4, 2, event());
        assert!(waits.gap && waits.events.is_empty());
        assert!(order.offer_change(2, 1));
        assert_eq!(seqs(&order.ready()), [4]);
        assert!(!order.offer_change(3, 5), "of a message that was not said yet");
        assert!(order.is_behind());
        assert_eq!(seqs(&order.offer(5, 2, event())), [5]);
        assert!(order.offer_change(3, 5));
        assert!(!order.is_behind());
    }

    #[test]
    fn a_change_is_said_once_and_a_skipped_one_is_noticed() {
        let mut order = Order::starting_at(9, 2);
        assert!(!order.offer_change(2, 1));
        assert!(order.offer_change(3, 1) && !order.offer_change(3, 1));
        assert!(!order.offer_change(5, 1) && order.is_behind());
        order.changes_said(5);
        assert!(!order.offer_change(4, 1) && !order.is_behind());
    }

    #[test]
    fn a_room_knows_when_it_is_behind_the_store_until_it_gives_up() {
        let mut order = Order::starting_at(2, 1);
        assert!(!order.is_behind());
        order.expect(3, 1);
        assert!(order.is_behind());
        order.offer(3, 1, event());
        assert!(!order.is_behind());
        order.expect(9, 9);
        order.give_up();
        assert!(!order.is_behind());
    }
}
