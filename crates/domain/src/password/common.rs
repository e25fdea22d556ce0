//! The passwords that everybody tries first, as a filter.
//!
//! `common.filter` holds the entries that matter here of the well-known list of the million most used
//! passwords, in a binary fuse filter with 16-bit fingerprints: no listed password is missed, and another
//! one is taken for listed once in 65,536 times per look (at most two looks a password, so 0.003 %).
//! It is written by `cargo run --release -p nexus-domain --example common_passwords`, which says what goes in.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};
use xorf::{BinaryFuse16Ref, Filter, FilterRef};

/// The filter reads its bytes as 16- and 32-bit numbers.
#[repr(C, align(8))]
struct Aligned<Bytes: ?Sized>(Bytes);

/// The file begins with the filter's seed and dimensions.
const DESCRIPTOR: usize = 20;

static BYTES: &Aligned<[u8]> = &Aligned(*include_bytes!("common.filter"));

/// Whether it is listed, as it is or without the symbols at its end, in any case: whoever adds `!` to a
/// listed password, because a rule asks for a symbol, has changed nothing for those who guess.
pub fn is_common(password: &str) -> bool {
    static FILTER: OnceLock<BinaryFuse16Ref<'static>> = OnceLock::new();
    let filter = FILTER.get_or_init(|| {
        let (descriptor, fingerprints) = BYTES.0.split_at(DESCRIPTOR);
        BinaryFuse16Ref::from_dma(descriptor, fingerprints)
    });
    let folded = password.to_lowercase();
    let stem = stem(&folded);
    filter.contains(&key(&folded)) || (stem.len() >= SHORTEST_STEM && filter.contains(&key(stem)))
}

/// Shorter stems would refuse too much that is merely short before its symbols.
pub const SHORTEST_STEM: usize = 5;

fn stem(folded: &str) -> &str {
    folded.trim_end_matches(|c: char| !c.is_alphanumeric())
}

fn key(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    u64::from_be_bytes([
        digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7],
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_within_its_200_kb() {
        assert!(BYTES.0.len() <= 200_000, "{}", BYTES.0.len());
    }

    #[test]
    fn listed_passwords_are_found_in_any_case() {
        for listed in ["123456", "password", "PASSWORD", "qwerty123", "Sunshine1", "dragon"] {
            assert!(is_common(listed), "{listed}");
        }
    }

    #[test]
    fn others_are_taken_for_listed_less_than_once_in_ten_thousand_times() {
        let wrong = (0..100_000).filter(|n| is_common(&format!("zq{n}-Wolke:{n}#"))).count();
        assert!(wrong <= 10, "{wrong}");
    }
}
