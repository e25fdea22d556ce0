//! E-mail addresses as people type them, and the one form in which two of them are compared.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::Invalid;

/// A deliverable-looking address, kept as written with surrounding space removed.
///
/// Compared case-insensitively as a whole: the local part may be case-sensitive by RFC 5321 §2.4,
/// but no provider our users have treats it so, and two accounts that differ in case are a trap.
#[derive(Debug, Clone)]
pub struct EmailAddress {
    written: String,
    key: String,
}

impl PartialSchema for EmailAddress {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
            .into()
    }
}

impl ToSchema for EmailAddress {}

impl EmailAddress {
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The form that is unique in the database.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn domain(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for EmailAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let written = text.trim();
        let refused = |why: &str| Err(Invalid::new("INVALID_EMAIL", why));
        if written.len() > 254 {
            return refused("must be at most 254 bytes");
        }
        let Some((local, domain)) = written.rsplit_once('@') else {
            return refused("must be an e-mail address such as name@example.org");
        };
        if local.is_empty() || local.len() > 64 || !local.split('.').all(is_atom) {
            return refused("has a part before the @ that is not valid");
        }
        if !domain.contains('.') || !domain.split('.').all(is_label) {
            return refused("has a domain that is not valid");
        }
        Ok(Self {
            written: written.to_owned(),
            key: written.to_lowercase(),
        })
    }
}

/// RFC 5321 `atext`, and letters beyond ASCII (RFC 6531). Quoted local parts are refused: nobody has
/// one, and they carry spaces and at-signs into headers and logs.
fn is_atom(part: &str) -> bool {
    !part.is_empty()
        && part
            .chars()
            .all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}

impl TryFrom<String> for EmailAddress {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EmailAddress {}

impl Serialize for EmailAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_taken() {
        for text in [
            "a@b.co",
            "first.last+tag@uni.example.edu",
            "o'neil@example.org",
            "münchen@bücher.example",
        ] {
            assert!(text.parse::<EmailAddress>().is_ok(), "{text}");
        }
    }

    #[test]
    fn broken_addresses_are_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for text in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a b@c.de",
            "a@b..co",
            ".a@b.co",
            "a@-b.co",
            "a\r\nBcc: x@y.z",
            &long,
        ] {
            assert!(text.parse::<EmailAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn case_makes_no_difference_and_what_was_written_is_kept() {
        let written: EmailAddress = " Ana@Example.ORG ".parse().unwrap();
        assert_eq!(written, "ana@example.org".parse().unwrap());
        assert_eq!(written.as_str(), "Ana@Example.ORG");
        assert_eq!(written.domain(), "example.org");
    }
}
