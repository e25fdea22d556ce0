//! When which connection is to be looked at again. Looking at all of them every second is what idle ones would cost most.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use parking_lot::Mutex;

use super::connection::ConnectionId;

/// A connection may stand here more than once: looking at it too early does no harm.
#[derive(Default)]
pub struct Deadlines(Mutex<BinaryHeap<Reverse<(Instant, ConnectionId)>>>);

impl Deadlines {
    pub fn look_at(&self, connection: ConnectionId, at: Instant) {
        self.0.lock().push(Reverse((at, connection)));
    }

    /// Those whose time has come.
    pub fn due(&self, now: Instant) -> Vec<ConnectionId> {
        let mut due = Vec::new();
        let mut waiting = self.0.lock();
        while let Some(Reverse((at, connection))) = waiting.peek()
            && *at <= now
        {
            due.push(*connection);
            waiting.pop();
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_comes_at_its_time_and_once() {
        let deadlines = Deadlines::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let [early, late] = [ConnectionId::now_v7(), ConnectionId::now_v7()];
        deadlines.look_at(late, at(2));
        deadlines.look_at(early, at(1));
        assert!(deadlines.due(at(0)).is_empty());
        assert_eq!(deadlines.due(at(1)), [early]);
        assert_eq!(deadlines.due(at(9)), [late]);
        assert!(deadlines.due(at(9)).is_empty());
    }
}
