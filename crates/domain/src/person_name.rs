//! What people call themselves, and the language they are written to in.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::Invalid;
use crate::field_types::deserialize_text;
use crate::text::{clean_name, leaves_the_line};

deserialize_text!(PersonName, Locale);

/// 1 to 100 characters after cleaning (`text::clean_name`), no control characters.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 100)]
pub struct PersonName(String);

impl PersonName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = clean_name(text);
        if name.chars().any(leaves_the_line) {
            return Err(Invalid::new("INVALID_NAME", "must not have control characters"));
        }
        match name.chars().count() {
            0 => Err(Invalid::new("TOO_SHORT", "must not be empty")),
            1..=100 => Ok(Self(name)),
            _ => Err(Invalid::new("TOO_LONG", "must have at most 100 characters")),
        }
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for PersonName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A language that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
pub enum Locale {
    #[schema(rename = "en")]
    English,
    #[schema(rename = "ar")]
    Arabic,
    #[schema(rename = "fr")]
    French,
}

impl Locale {
    pub const fn as_str(self) -> &'static str {
        match self {
            Locale::English => "en",
            Locale::Arabic => "ar",
            Locale::French => "fr",
        }
    }
}

impl FromStr for Locale {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "en" => Ok(Locale::English),
            "ar" => Ok(Locale::Arabic),
            "fr" => Ok(Locale::French),
            _ => Err(Invalid::new("UNKNOWN_LOCALE", "must be one of en ar fr")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        let name = |text: &str| text.parse::<PersonName>();
        assert_eq!(name("  Ana Kos ").unwrap().as_str(), "Ana Kos");
        assert!(name(" ").is_err() && name("a\nb").is_err() && name(&"é".repeat(101)).is_err());
        assert!(name(&"é".repeat(100)).is_ok());
        assert_eq!(
            name("Ana\u{200b} Ko\u{30c}s\u{202e}").unwrap().as_str(),
            "Ana Ko\u{30c}s".replace("Ko\u{30c}s", "Kǒs")
        );
        assert!(name("\u{3164}").is_err() && name("a\u{2028}b").is_err());
    }
}
