//! The password that an approved person signs in with once.

use crate::Timestamp;

const LENGTH: usize = 14;
const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8] = b"0123456789";
const SPECIAL: &[u8] = b"!@#$%^&*";
const CLASSES: [&[u8]; 4] = [UPPER, LOWER, DIGITS, SPECIAL];

/// How long it may be used: 72 hours.
const LIFETIME_SECONDS: i64 = 72 * 60 * 60;

pub fn expires_at(now: Timestamp) -> Timestamp {
    now.plus_seconds(LIFETIME_SECONDS)
}

/// 14 characters with at least one of each class: one drawn from each, the rest from all of them, then shuffled
/// (Fisher–Yates). Every draw is uniform, by rejection. `random` gives random bytes without end.
pub fn generate(mut random: impl FnMut() -> u8) -> String {
    let all = CLASSES.concat();
    let mut password: Vec<u8> = CLASSES
        .iter()
        .map(|class| class[below(class.len(), &mut random)])
        .collect();
    password.resize_with(LENGTH, || all[below(all.len(), &mut random)]);
    for last in (1..password.len()).rev() {
        password.swap(last, below(last + 1, &mut random));
    }
    password.into_iter().map(char::from).collect()
}

/// A number from 0 to `bound` − 1 (`bound` ≤ 256). A byte beyond the last whole multiple of `bound` is drawn again:
/// taking the remainder of it would favour the small numbers.
fn below(bound: usize, random: &mut impl FnMut() -> u8) -> usize {
    let limit = 256 - 256 % bound;
    loop {
        let drawn = usize::from(random());
        if drawn < limit {
            return drawn % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64: good enough to judge a distribution, and the same in every run.
    fn bytes(seed: u64) -> impl FnMut() -> u8 {
        let mut state = seed;
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 32) as u8
        }
    }

    #[test]
    fn every_password_has_fourteen_characters_and_every_class() {
        let mut random = bytes(1);
        for _ in 0..1_000 {
            let password = generate(&mut random);
            assert_eq!(password.len(), LENGTH);
            for class in CLASSES {
                assert!(password.bytes().any(|c| class.contains(&c)), "{password}");
            }
        }
    }

    /// Pearson's statistic of observed against expected counts.
    fn chi_square(observed: &[f64], expected: &[f64]) -> f64 {
        observed.iter().zip(expected).map(|(o, e)| (o - e) * (o - e) / e).sum()
    }

    /// How often each character of `class` is expected at each place, of `passwords`.
    fn share(class_size: usize) -> f64 {
        let all: usize = CLASSES.iter().map(|class| class.len()).sum();
        // One sure draw of the class and ten free ones, spread evenly over the fourteen places.
        (1.0 / class_size as f64 + 10.0 / all as f64) / LENGTH as f64
    }

    #[test]
    fn over_ten_thousand_passwords_no_character_is_favoured_at_any_place() {
        const PASSWORDS: usize = 10_000;
        let mut counts = [[0f64; 256]; LENGTH];
        let mut random = bytes(7);
        for _ in 0..PASSWORDS {
            for (place, character) in generate(&mut random).bytes().enumerate() {
                counts[place][usize::from(character)] += 1.0;
            }
        }
        let characters: Vec<(u8, f64)> = CLASSES
            .iter()
            .flat_map(|class| class.iter().map(|c| (*c, share(class.len()) * PASSWORDS as f64)))
            .collect();
        let expected: Vec<f64> = characters.iter().map(|(_, e)| *e).collect();
        for (place, counted) in counts.iter().enumerate() {
            let observed: Vec<f64> = characters.iter().map(|(c, _)| counted[usize::from(*c)]).collect();
            let statistic = chi_square(&observed, &expected);
            // 69 degrees of freedom; 0.999 quantile 111.1, with room for fourteen places looked at.
            assert!(statistic < 120.0, "place {place}: {statistic}");
        }
    }

    #[test]
    fn draws_beyond_the_last_multiple_are_rejected() {
        let mut drawn = [255, 254, 253, 3].into_iter();
        // 256 − 256 % 26 = 234: the first three are drawn again.
        assert_eq!(below(26, &mut || drawn.next().unwrap()), 3);
    }
}
