//! Secrets, and which of them are too weak to keep one.

use std::fmt;

use thiserror::Error;

/// A secret from the settings. It never shows itself in logs or error texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// HMAC-SHA-256 keys shorter than its output weaken it (RFC 7518 §3.2).
    pub const MINIMUM_BYTES: usize = 32;

    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Why this secret would keep nobody out, if so.
    pub fn weakness(&self) -> Option<SecretWeakness> {
        let lower = self.0.to_ascii_lowercase();
        if PLACEHOLDERS.iter().any(|placeholder| lower.contains(placeholder)) {
            return Some(SecretWeakness::Placeholder);
        }
        if self.0.len() < Self::MINIMUM_BYTES {
            return Some(SecretWeakness::Short(self.0.len()));
        }
        let mut bytes = self.0.as_bytes().to_vec();
        bytes.sort_unstable();
        bytes.dedup();
        (bytes.len() < FEWEST_DISTINCT_BYTES).then_some(SecretWeakness::Repetitive)
    }
}

/// 32 random hexadecimal digits have fewer than six different ones less than once in 10⁷ times.
const FEWEST_DISTINCT_BYTES: usize = 6;

/// Parts of the values that examples and templates carry; nobody's random secret contains them.
const PLACEHOLDERS: [&str; 7] = [
    "change-me",
    "changeme",
    "change_me",
    "replace-with",
    "your-",
    "-char-secret",
    "example-secret",
];

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretWeakness {
    #[error("is {0} bytes long, must be at least {min}", min = Secret::MINIMUM_BYTES)]
    Short(usize),
    #[error("is the value of an example; make one of your own with `openssl rand -base64 48`")]
    Placeholder,
    #[error("repeats the same few characters; make one with `openssl rand -base64 48`")]
    Repetitive,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_secret_is_strong() {
        assert_eq!(Secret::new("qL2m9Zt1vXc8Rb4nWs7Ty0Uk3Jh6Gf5D").weakness(), None);
    }

    #[test]
    fn short_repetitive_and_example_secrets_are_weak() {
        assert_eq!(Secret::new("short").weakness(), Some(SecretWeakness::Short(5)));
        assert_eq!(
            Secret::new("ab".repeat(20)).weakness(),
            Some(SecretWeakness::Repetitive)
        );
        assert_eq!(
            Secret::new("change-me-to-32-random-bytes-or-more").weakness(),
            Some(SecretWeakness::Placeholder)
        );
        assert_eq!(
            Secret::new("<64-char-secret>").weakness(),
            Some(SecretWeakness::Placeholder)
        );
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert!(!format!("{:?}", Secret::new("topsecret")).contains("topsecret"));
    }
}
