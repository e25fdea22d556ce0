//! The request limit: so many requests per client address and window.
//!
//! Counted here, exactly and in memory, because every request passes here; the components spend
//! nothing on it. A window begins with an address's first request.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nexus_domain::settings::{Networks, SettingError, Settings, THROTTLE_ALLOW, THROTTLE_LIMIT, THROTTLE_TTL};
use nexus_protocol::edge::subscriber;

pub struct Throttle {
    limit: u32,
    window: Duration,
    exempt: Networks,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

/// Threads that count different addresses rarely meet.
const SHARDS: usize = 32;
/// A shard is not swept below this size.
const SMALLEST_SWEEP: usize = 1_024;

#[derive(Default)]
struct Shard {
    windows: HashMap<IpAddr, Window>,
    sweep_at: usize,
}

struct Window {
    began: Instant,
    used: u32,
}

/// What an address has left, for the `RateLimit-*` headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub limit: u32,
    pub remaining: u32,
    /// Whole seconds until the window ends, rounded up.
    pub reset: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Unlimited,
    Within(Quota),
    Exceeded(Quota),
}

impl Throttle {
    pub fn read(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self::new(
            settings.get(&THROTTLE_LIMIT)?,
            settings.get(&THROTTLE_TTL)?,
            settings.get(&THROTTLE_ALLOW)?,
        ))
    }

    fn new(limit: u32, window: Duration, exempt: Networks) -> Self {
        Self {
            limit,
            window,
            exempt,
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    pub fn count(&self, address: IpAddr, now: Instant) -> Verdict {
        if self.limit == 0 || self.exempt.contains(address) {
            return Verdict::Unlimited;
        }
        let key = subscriber(address);
        let index = usize::try_from(self.hasher.hash_one(key)).unwrap_or_default() % SHARDS;
        // A counter is never left half-written, so a poisoned lock is still good.
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        shard.sweep(now, self.window);
        let window = shard.windows.entry(key).or_insert(Window { began: now, used: 0 });
        if now.duration_since(window.began) >= self.window {
            *window = Window { began: now, used: 0 };
        }
        let left = self.window.saturating_sub(now.duration_since(window.began));
        let exceeded = window.used >= self.limit;
        if !exceeded {
            window.used += 1;
        }
        let quota = Quota {
            limit: self.limit,
            remaining: self.limit - window.used,
            reset: left.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX),
        };
        if exceeded {
            Verdict::Exceeded(quota)
        } else {
            Verdict::Within(quota)
        }
    }
}

impl Shard {
    /// Forgets addresses whose window is over, each time the shard has doubled since the last sweep:
    /// the cost per request stays constant and the memory follows the addresses of one window.
    fn sweep(&mut self, now: Instant, window: Duration) {
        if self.windows.len() < self.sweep_at.max(SMALLEST_SWEEP) {
            return;
        }
        self.windows
            .retain(|_, counted| now.duration_since(counted.began) < window);
        self.sweep_at = self.windows.len() * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(limit: u32, exempt: &str) -> Throttle {
        let exempt = THROTTLE_ALLOW.parse(exempt).expect("networks");
        Throttle::new(limit, Duration::from_secs(60), exempt)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_limit_holds_until_the_window_ends() {
        let throttle = throttle(2, "");
        let start = Instant::now();
        let quota = |remaining, reset| Quota {
            limit: 2,
            remaining,
            reset,
        };
        assert_eq!(throttle.count(ip("1.1.1.1"), start), Verdict::Within(quota(1, 60)));
        let later = start + Duration::from_millis(30_500);
        assert_eq!(throttle.count(ip("1.1.1.1"), later), Verdict::Within(quota(0, 30)));
        assert_eq!(throttle.count(ip("1.1.1.1"), later), Verdict::Exceeded(quota(0, 30)));
        assert_eq!(throttle.count(ip("1.1.1.2"), later), Verdict::Within(quota(1, 60)));
        let over = start + Duration::from_secs(60);
        assert_eq!(throttle.count(ip("1.1.1.1"), over), Verdict::Within(quota(1, 60)));
    }

    #[test]
    fn a_limit_of_nothing_and_listed_addresses_are_unlimited() {
        let now = Instant::now();
        assert_eq!(throttle(0, "").count(ip("1.1.1.1"), now), Verdict::Unlimited);
        assert_eq!(throttle(1, "1.1.1.0/24").count(ip("1.1.1.1"), now), Verdict::Unlimited);
    }

    #[test]
    fn a_whole_ipv6_subnet_counts_as_one() {
        let throttle = throttle(1, "");
        let now = Instant::now();
        assert!(matches!(throttle.count(ip("2001:db8::1"), now), Verdict::Within(_)));
        assert!(matches!(throttle.count(ip("2001:db8::2"), now), Verdict::Exceeded(_)));
        assert!(matches!(throttle.count(ip("2001:db8:0:1::1"), now), Verdict::Within(_)));
    }

    #[test]
    fn of_many_at_once_exactly_the_limit_pass() {
        let throttle = throttle(100, "");
        let now = Instant::now();
        let passed: usize = std::thread::scope(|scope| {
            let counters: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        (0..50)
                            .filter(|_| matches!(throttle.count(ip("1.1.1.1"), now), Verdict::Within(_)))
                            .count()
                    })
                })
                .collect();
            counters
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .sum()
        });
        assert_eq!(passed, 100);
    }

    #[test]
    fn windows_that_are_over_are_forgotten() {
        let throttle = throttle(1, "");
        let start = Instant::now();
        for n in 0..200_000u32 {
            throttle.count(IpAddr::V4(n.into()), start);
        }
        let later = start + Duration::from_secs(61);
        for n in 0..200_000u32 {
            throttle.count(IpAddr::V4((n + 1_000_000).into()), later);
        }
        let kept: usize = throttle
            .shards
            .iter()
            .map(|shard| shard.lock().expect("not poisoned").windows.len())
            .sum();
        assert!(kept <= 200_000 + SHARDS, "{kept}");
    }
}
