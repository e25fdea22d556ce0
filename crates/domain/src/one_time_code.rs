//! Six-digit codes that prove an e-mail address.

use std::str::FromStr;

use crate::Invalid;
use crate::field_types::deserialize_text;
use crate::text::typed_code;

deserialize_text!(OneTimeCode);

pub const LIFETIME_SECONDS: i64 = 10 * 60;
pub const TRIES: i64 = 5;

/// Six decimal digits, leading zeros included.
#[derive(Clone, PartialEq, Eq)]
pub struct OneTimeCode(String);

impl OneTimeCode {
    /// Every code equally likely: numbers from the incomplete last million of 2³² are drawn again.
    pub fn generate(mut random: impl FnMut() -> u32) -> Self {
        const CODES: u32 = 1_000_000;
        const FAIR: u32 = u32::MAX - u32::MAX % CODES;
        loop {
            let number = random();
            if number < FAIR {
                return Self(format!("{:06}", number % CODES));
            }
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OneTimeCode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let code = typed_code(text);
        if code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(code))
        } else {
            Err(Invalid::new("INVALID_CODE", "must be six digits"))
        }
    }
}

/// It never shows itself in logs.
impl std::fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneTimeCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_six_digits_and_unfair_numbers_are_drawn_again() {
        let mut numbers = [u32::MAX, 4_294_000_000, 7].into_iter();
        let code = OneTimeCode::generate(|| numbers.next().unwrap());
        assert_eq!(code.as_str(), "000007");
    }

    #[test]
    fn only_six_digits_are_a_code() {
        for text in [
            " 012345 ",
            "012 345",
            "012\u{a0}345",
            "012-345",
            "٠١٢٣٤٥",
            "۰۱۲ ۳۴۵",
            "०१२३४५",
            "０１２３４５",
            "\u{200f}٠١٢٣٤٥\u{200e}",
        ] {
            assert_eq!(text.parse::<OneTimeCode>().unwrap().as_str(), "012345", "{text}");
        }
        for text in ["12345", "1234567", "12a456", "½23456", "", "-"] {
            assert!(text.parse::<OneTimeCode>().is_err(), "{text}");
        }
    }
}
