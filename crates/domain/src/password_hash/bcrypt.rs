//! bcrypt hashes and their text, `$2b$12$` and 53 characters: salt and hash in a base64 of bcrypt's own.

use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use super::HashError;
use super::eksblowfish::{self, OUTPUT_BYTES};

/// A hash that costs more than this was not made by us or by the old system, and checking it would be an
/// attack on ourselves.
const COSTS: std::ops::RangeInclusive<u32> = 4..=16;

/// What the versions differ in are faults of old programs with passwords that ours are not. `$2x$` marks hashes made with such a
/// fault; nobody should import those.
const VERSIONS: [&str; 3] = ["$2b$", "$2a$", "$2y$"];

// Some programs leave the bits set that the last character has too many; every reader passes over them.
const BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));
const SALT_CHARACTERS: usize = 22;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bcrypt {
    pub cost: u32,
    pub salt: [u8; 16],
}

pub type Output = [u8; OUTPUT_BYTES];

impl Bcrypt {
    pub fn parse(text: &str) -> Result<(Self, Output), HashError> {
        Self::read(text).ok_or(HashError::Unreadable)
    }

    fn read(text: &str) -> Option<(Self, Output)> {
        let rest = VERSIONS.iter().find_map(|version| text.strip_prefix(version))?;
        let (cost, rest) = rest.split_once('$')?;
        let is_cost = cost.len() == 2 && cost.bytes().all(|digit| digit.is_ascii_digit());
        let cost = cost.parse().ok().filter(|cost| is_cost && COSTS.contains(cost))?;
        let (salt, output) = rest.split_at_checked(SALT_CHARACTERS)?;
        let salt = BASE64.decode(salt).ok()?.try_into().ok()?;
        let output = BASE64.decode(output).ok()?.try_into().ok()?;
        Some((Self { cost, salt }, output))
    }

    /// Of a password of at most 72 bytes.
    pub fn compute(&self, password: &[u8]) -> Output {
        eksblowfish::bcrypt(self.cost, self.salt, password)
    }

    pub fn text(&self, output: &Output) -> String {
        format!(
            "$2b${:02}${}{}",
            self.cost,
            BASE64.encode(self.salt),
            BASE64.encode(output)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_text_is_that_of_the_crate() {
        let ours = Bcrypt {
            cost: 5,
            salt: *b"sixteen bytes of",
        };
        let text = ours.text(&ours.compute(b"Quiet-River-42"));
        let theirs = bcrypt::hash_with_salt(b"Quiet-River-42", 5, ours.salt).unwrap();
        assert_eq!(text, theirs.to_string());
        assert_eq!(Bcrypt::parse(&text).unwrap().0, ours);
    }

    #[test]
    fn bits_too_many_in_the_salt_are_passed_over() {
        let text = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let with_bits = text.replacen("C.E5", "C/E5", 1);
        assert_eq!(Bcrypt::parse(&with_bits), Bcrypt::parse(text));
    }

    #[test]
    fn what_is_no_hash_is_not_read() {
        for text in [
            "$2b$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
            "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
            "$2b$05$éCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2b$+5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2b$05",
        ] {
            assert_eq!(Bcrypt::parse(text), Err(HashError::Unreadable), "{text}");
        }
    }
}
