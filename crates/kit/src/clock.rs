//! The clock and the randomness that the domain is handed.

use std::time::{SystemTime, UNIX_EPOCH};

use nexus_domain::Timestamp;

pub fn now() -> Timestamp {
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    Timestamp::from_millis(millis)
}

/// `N` bytes from the system's generator.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // WASI's and Linux's generators don't fail once running; going on without randomness would be worse than a trap.
    #[allow(clippy::expect_used)]
    getrandom::fill(&mut bytes).expect("the system has a random generator");
    bytes
}

/// `UserId::generate` and its siblings with the present time: `kit::clock::new_id(UserId::generate)`.
pub fn new_id<I>(generate: fn(Timestamp, [u8; 10]) -> I) -> I {
    generate(now(), random())
}
