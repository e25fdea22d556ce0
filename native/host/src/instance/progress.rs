//! How long an instance has computed without a break.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Measures how long an instance has computed without a break.
///
/// Only the time within polls ("turns") counts. An instance that waits for the sender or the reader of a body does not
/// compute.
pub struct Progress {
    born: Instant,
    /// Start of the current turn, or the last host call within it. Microseconds since `born`.
    since: AtomicU64,
    /// Microseconds computed in the turns before this one, as long as the clock interrupted each of them.
    before: AtomicU64,
    /// The clock interrupted the current turn.
    interrupted: AtomicBool,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            born: Instant::now(),
            since: AtomicU64::new(0),
            before: AtomicU64::new(0),
            interrupted: AtomicBool::new(false),
        }
    }
}

impl Progress {
    /// Restarts the measurement: the guest called the host.
    pub fn touch(&self) {
        self.before.store(0, Ordering::Relaxed);
        self.since.store(self.now(), Ordering::Relaxed);
    }

    pub fn begin_turn(&self) {
        self.interrupted.store(false, Ordering::Relaxed);
        self.since.store(self.now(), Ordering::Relaxed);
    }

    /// Ends the turn. Returns whether the guest waits for something; otherwise the clock interrupted it.
    pub fn end_turn(&self) -> bool {
        let waits = !self.interrupted.load(Ordering::Relaxed);
        let before = if waits { 0 } else { self.micros() };
        self.before.store(before, Ordering::Relaxed);
        waits
    }

    /// Records that the clock interrupted the guest.
    pub fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }

    /// The time computed without a break. Valid within a turn only.
    pub fn computing_for(&self) -> Duration {
        Duration::from_micros(self.micros())
    }

    fn micros(&self) -> u64 {
        let turn = self.now().saturating_sub(self.since.load(Ordering::Relaxed));
        self.before.load(Ordering::Relaxed).saturating_add(turn)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn waiting_between_turns_does_not_count() {
        let progress = Progress::default();
        progress.begin_turn();
        assert!(progress.end_turn());
        sleep(SHORT);
        progress.begin_turn();
        assert!(progress.computing_for() < SHORT);
    }

    #[test]
    fn interrupted_turns_add_up() {
        let progress = Progress::default();
        for _ in 0..2 {
            progress.begin_turn();
            sleep(SHORT);
            progress.interrupt();
            assert!(!progress.end_turn());
        }
        progress.begin_turn();
        assert!(progress.computing_for() >= 2 * SHORT);
        progress.touch();
        assert!(progress.computing_for() < SHORT);
    }
}
