//! How many events of each kind one connection may send. Messages have a limit of their own, per person (`MESSAGE_RATE`).

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The length of a window.
const WINDOW: Duration = Duration::from_secs(10);

/// A connection that sends this many times the limit within a window is closed.
const FLOOD_FACTOR: u32 = 10;

/// Events that share a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// `TYPING_START` and `TYPING_STOP` together.
    Typing,
    Read,
    HealthCheck,
    Reauth,
    Unknown,
}

impl EventKind {
    /// Returns the kind of an event; `None` for `NEW_MESSAGE`.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "NEW_MESSAGE" => return None,
            "TYPING_START" | "TYPING_STOP" => Self::Typing,
            "MESSAGE_READ" => Self::Read,
            "HEALTH_CHECK" => Self::HealthCheck,
            "REAUTH" | "AUTH" => Self::Reauth,
            _ => Self::Unknown,
        })
    }

    /// The number of events within a window.
    const fn limit(self) -> u32 {
        match self {
            Self::Typing => 100,
            Self::Read => 500,
            Self::HealthCheck => 300,
            Self::Reauth => 10,
            Self::Unknown => 50,
        }
    }
}

/// What happens to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    /// It is refused; the client may go on after this time.
    TooMany(Duration),
    /// The client goes on although it was told: the connection is closed.
    Flood,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    began: Option<Instant>,
    count: u32,
}

/// The windows of one connection.
#[derive(Default)]
pub struct EventLimits(Mutex<[Window; 5]>);

impl EventLimits {
    pub fn count(&self, kind: EventKind, now: Instant) -> Verdict {
        let mut windows = self.0.lock();
        let window = &mut windows[kind as usize];
        let began = *window.began.get_or_insert(now);
        let elapsed = now.saturating_duration_since(began);
        if elapsed >= WINDOW {
            *window = Window {
                began: Some(now),
                count: 0,
            };
        }
        window.count = window.count.saturating_add(1);
        match window.count {
            count if count <= kind.limit() => Verdict::Accepted,
            count if count <= kind.limit() * FLOOD_FACTOR => Verdict::TooMany(WINDOW.saturating_sub(elapsed)),
            _ => Verdict::Flood,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_and_stop_of_typing_share_a_limit_and_a_flood_ends() {
        let (limits, now) = (EventLimits::default(), Instant::now());
        let kinds = ["TYPING_START", "TYPING_STOP"].map(|name| EventKind::of(name).unwrap());
        let verdicts: Vec<_> = (0..1_001).map(|n| limits.count(kinds[n % 2], now)).collect();
        assert_eq!(verdicts[99], Verdict::Accepted);
        assert_eq!(verdicts[100], Verdict::TooMany(WINDOW));
        assert_eq!(verdicts[1_000], Verdict::Flood);
        assert_eq!(limits.count(EventKind::Read, now), Verdict::Accepted);
        assert_eq!(limits.count(EventKind::Typing, now + WINDOW), Verdict::Accepted);
    }
}
