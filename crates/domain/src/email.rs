//! E-mail addresses as people type them, the one form in which two of them are compared, and the one in which they are
//! sent to.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use serde::{Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::Invalid;
use crate::text::{fold, is_invisible};

/// A deliverable-looking address, kept as written with surrounding space removed.
///
/// Compared case-insensitively as a whole: the local part may be case-sensitive by RFC 5321 §2.4,
/// but no provider our users have treats it so, and two accounts that differ in case are a trap.
#[derive(Debug, Clone)]
pub struct EmailAddress {
    written: String,
    key: String,
    earlier_key: String,
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

    /// The form that is unique in the database: the local part in NFC and lower case, the domain in ASCII (UTS #46).
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The key that releases before UTS #46 gave this address. An account still has it when another one had the present
    /// key first: looked up before [`Self::key`], it lets both be reached by their address exactly as it was written.
    pub fn earlier_key(&self) -> &str {
        &self.earlier_key
    }

    /// In ASCII.
    pub fn domain(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// For the provider: the local part as written, the domain in ASCII, since not every provider takes another.
    pub fn for_sending(&self) -> String {
        let local = self.written.rsplit_once('@').map_or("", |(local, _)| local);
        let local: String = local.nfc().collect();
        format!("{local}@{}", self.domain())
    }

    /// The form in which addresses are searched and sorted. A domain beyond ASCII is found by either of its forms.
    pub fn folded(&self) -> String {
        let (local, domain) = self.key.rsplit_once('@').unwrap_or(("", ""));
        if !domain.contains("xn--") {
            return fold(&self.key);
        }
        let (shown, _) = Uts46::new().to_unicode(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
        fold(&format!("{local}@{shown} {}", self.key))
    }
}

/// The key of an address that is stored somewhere; of what is no address by today's rules, the text in lower case.
pub fn key_of(text: &str) -> String {
    text.parse::<EmailAddress>()
        .map_or_else(|_| text.to_lowercase(), |address| address.key)
}

/// [`EmailAddress::folded`] of an address that is stored somewhere.
pub fn folded(text: &str) -> String {
    text.parse::<EmailAddress>()
        .map_or_else(|_| fold(text), |address| address.folded())
}

/// [`EmailAddress::for_sending`] of an address that is stored somewhere.
pub fn for_sending(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    text.parse::<EmailAddress>()
        .map_or(Cow::Borrowed(text), |address| Cow::Owned(address.for_sending()))
}

/// A domain of at least two labels in its ASCII form (UTS #46), if it is one.
pub fn ascii_domain(text: &str) -> Option<String> {
    let ascii = Uts46::new()
        .to_ascii(
            text.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .ok()?;
    ascii.contains('.').then(|| ascii.into_owned())
}

impl FromStr for EmailAddress {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        // What is pasted along with an address and can't be seen is no part of it; joiners may be part of a word.
        let is_part = |c: &char| !is_invisible(*c) || matches!(c, '\u{200c}' | '\u{200d}');
        let written: String = text.trim().chars().filter(is_part).collect();
        let written = written.trim();
        let refused = |why: &str| Err(Invalid::new("INVALID_EMAIL", why));
        if written.len() > 254 {
            return refused("must be at most 254 bytes");
        }
        let Some((local, domain)) = written.rsplit_once('@') else {
            return refused("must be an e-mail address such as name@example.org");
        };
        let local: String = local.nfc().collect();
        if local.is_empty() || local.len() > 64 || !local.split('.').all(is_atom) {
            return refused("has a part before the @ that is not valid");
        }
        let Some(domain) = ascii_domain(domain) else {
            return refused("has a domain that is not valid");
        };
        Ok(Self {
            key: format!("{}@{domain}", lower(&local)),
            earlier_key: written.to_lowercase(),
            written: written.to_owned(),
        })
    }
}

/// Letter by letter, so that a sigma is the same one wherever it stands.
fn lower(local: &str) -> String {
    let lower = local.chars().flat_map(char::to_lowercase);
    lower.map(|c| if c == 'ς' { 'σ' } else { c }).nfc().collect()
}

/// RFC 5321 `atext`, and letters beyond ASCII with their marks (RFC 6531). Quoted local parts are refused: nobody has
/// one, and they carry spaces and at-signs into headers and logs.
fn is_atom(part: &str) -> bool {
    let mut before = None;
    !part.is_empty()
        && part.chars().all(|c| {
            let follows_a_letter =
                before.is_some_and(|before: char| before.is_alphanumeric() || is_combining_mark(before));
            before = Some(c);
            let joins = is_combining_mark(c) || matches!(c, '\u{200c}' | '\u{200d}');
            (c.is_alphanumeric() && !is_invisible(c))
                || "!#$%&'*+-/=?^_`{|}~".contains(c)
                || (joins && follows_a_letter)
        })
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
            "संपर्क@डाटामेल.भारत",
            "อีเมล@ตัวอย่าง.ไทย",
            "用户@例え。jp",
            "jose\u{301}@example.org",
            "بريد@مثال.إختبار",
            "θσερ@εχαμπλε.ψομ",
            "x@faß.de",
            "x@xn--bcher-kva.example",
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
            "\u{301}a@example.org",
            "a@\u{301}b.example",
            "a@xn--a.example",
            "a@exa_mple.org",
            "a@b.co.",
            "a b@c.de\u{200b}",
            "\u{200b}@example.org",
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

    #[test]
    fn every_form_of_an_address_is_one_and_has_an_ascii_domain() {
        let forms = [
            "José@Bücher.example",
            "jose\u{301}@bu\u{308}cher.example",
            "JOSÉ@xn--bcher-kva.EXAMPLE",
            "josé@ｂücher.example",
            "jo\u{200b}sé@bücher.example\u{200e}",
        ]
        .map(|text| text.parse::<EmailAddress>().unwrap());
        for form in &forms {
            assert_eq!(form.key(), "josé@xn--bcher-kva.example", "{form}");
            assert_eq!(form.domain(), "xn--bcher-kva.example");
            assert_eq!(form.folded(), "jose@bucher.example jose@xn--bcher-kva.example");
        }
        assert_eq!(forms[0].as_str(), "José@Bücher.example");
        assert_eq!(forms[0].for_sending(), "José@xn--bcher-kva.example");
        assert_eq!(for_sending("x@bücher.example"), "x@xn--bcher-kva.example");
        assert_eq!(for_sending("not an address ü"), "not an address ü");
        assert_eq!(key_of("X@Bücher.example"), "x@xn--bcher-kva.example");
        let sigmas = ["ΝΊΚΟΣ@example.org", "νίκος@example.org"].map(key_of);
        assert_eq!(sigmas[0], sigmas[1]);
    }
}
