//! The clock and the randomness that the domain is handed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nexus_domain::Timestamp;

pub fn now() -> Timestamp {
    Timestamp::from_millis(i64::try_from(since_1970().as_millis()).unwrap_or(i64::MAX))
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
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
///
/// The first 12 random bits are the fraction of the millisecond (RFC 9562, 6.2, method 3), so that what one request
/// makes after another also sorts after it: a case lists its documents in the order they came.
pub fn new_id<I>(generate: fn(Timestamp, [u8; 10]) -> I) -> I {
    let since = since_1970();
    let fraction = u64::from(since.subsec_nanos() % 1_000_000) * 4096 / 1_000_000;
    let mut bits = random::<10>();
    // The upper four bits of the first byte give way to the version.
    [.., bits[0], bits[1]] = fraction.to_be_bytes();
    let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    generate(Timestamp::from_millis(millis), bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_one_after_another_sort_so() {
        // Further apart than the fraction's step of a quarter of a microsecond, and most within one millisecond.
        let ids: Vec<_> = (0..2_000)
            .map(|_| {
                let before = since_1970();
                while since_1970() - before < Duration::from_nanos(500) {}
                new_id(nexus_domain::ids::uuid_v7)
            })
            .collect();
        assert!(ids.is_sorted());
    }
}
