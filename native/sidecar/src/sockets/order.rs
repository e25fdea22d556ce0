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
    /// Messages that came before the one before them.
    waiting: BTreeMap<i64, Arc<Event>>,
    /// Somebody is fetching what is missing.
    pub filling: bool,
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
            filling: false,
        }
    }

    pub fn said(&self) -> i64 {
        self.said
    }

    pub fn changed(&self) -> i64 {
        self.changed
    }

    pub fn offer(&mut self, seq: i64, event: Arc<Event>) -> Ready {
        let mut ready = Ready::default();
        if seq <= self.said {
            return ready;
        }
        if self.waiting.len() < MOST_WAITING || seq == self.said + 1 {
            self.waiting.insert(seq, event);
        }
        while let Some(event) = self.waiting.remove(&(self.said + 1)) {
            self.said += 1;
            ready.events.push((self.said, event));
        }
        ready.gap = !self.waiting.is_empty();
        ready
    }

    /// Whether this edit or deletion is news. They carry the whole message, so an older one after a newer one of
    /// another message is said as well: only the very same is not repeated.
    pub fn offer_change(&mut self, change: i64) -> bool {
        if change == self.changed + 1 {
            self.changed = change;
            return true;
        }
        change > self.changed
    }

    /// All changes up to here were said.
    pub fn changes_said(&mut self, change: i64) {
        self.changed = self.changed.max(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Arc<Event> {
        Event::new("NEW_MESSAGE", &())
    }

    fn seqs(ready: &Ready) -> Vec<i64> {
        ready.events.iter().map(|(seq, _)| *seq).collect()
    }

    #[test]
    fn messages_are_said_in_order_however_they_come() {
        let mut order = Order::starting_at(4, 0);
        let late = order.offer(6, event());
        assert!(late.gap && late.events.is_empty());
        let both = order.offer(5, event());
        assert_eq!((seqs(&both), both.gap), (vec![5, 6], false));
    }

    #[test]
    fn a_message_is_said_once() {
        let mut order = Order::starting_at(0, 0);
        assert_eq!(seqs(&order.offer(1, event())), [1]);
        assert!(order.offer(1, event()).events.is_empty());
        assert!(!order.offer(0, event()).gap);
    }

    #[test]
    fn what_waits_is_bounded_and_the_missing_one_always_gets_through() {
        let mut order = Order::starting_at(0, 0);
        for seq in 2..3_000 {
            assert!(order.offer(seq, event()).gap);
        }
        assert_eq!(order.offer(1, event()).events.len(), MOST_WAITING + 1);
    }

    #[test]
    fn a_change_is_said_once_and_a_skipped_one_is_noticed() {
        let mut order = Order::starting_at(0, 2);
        assert!(!order.offer_change(2));
        assert!(order.offer_change(3) && !order.offer_change(3));
        assert!(order.offer_change(5));
        assert_eq!(order.changed(), 3);
        order.changes_said(5);
        assert!(!order.offer_change(4));
    }
}
