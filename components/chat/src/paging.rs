//! How lists of this component go on: an opaque cursor, and how many at once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nexus_domain::Invalid;
use nexus_kit::{Code, Problem};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many items a page has: 1 to 100, 20 when nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    pub const fn get(self) -> u32 {
        self.0
    }

    /// One more than asked for tells whether there is a next page.
    pub const fn and_one(self) -> u32 {
        self.0 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<String> for Limit {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        whole(&text)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..=100).contains(number))
            .map(Self)
            .ok_or_else(|| Invalid::new("OUT_OF_RANGE", "must be a whole number from 1 to 100"))
    }
}

/// A `seq` in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqParam(pub i64);

impl TryFrom<String> for SeqParam {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        whole(&text)
            .map(Self)
            .ok_or_else(|| Invalid::new("OUT_OF_RANGE", "must be a whole number, 0 or more"))
    }
}

/// Digits only: `+1` and ` 1` are not how a number is written here.
fn whole(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

pub fn encode_cursor(position: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(position).unwrap_or_default())
}

pub fn decode_cursor<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .map(Some)
        .ok_or_else(|| {
            Problem::new(
                Code::BadCursor,
                "This cursor is not one of ours. Start from the first page.",
            )
        })
}

/// Cuts the one item too many off and says where the list goes on.
pub fn next_cursor<T, P: Serialize>(items: &mut Vec<T>, limit: Limit, position: impl Fn(&T) -> P) -> Option<String> {
    let asked = limit.get() as usize;
    if items.len() <= asked {
        return None;
    }
    items.truncate(asked);
    items.last().map(|last| encode_cursor(&position(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_plain_numbers_in_range() {
        for (text, good) in [
            ("1", true),
            ("100", true),
            ("0", false),
            ("101", false),
            ("+5", false),
            ("5.0", false),
            ("", false),
        ] {
            assert_eq!(Limit::try_from(text.to_owned()).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_cursor_reads_back_and_a_strange_one_is_refused() {
        let cursor = encode_cursor(&("a", 1));
        assert_eq!(
            decode_cursor::<(String, i64)>(Some(&cursor)).unwrap(),
            Some(("a".into(), 1))
        );
        for strange in ["", "%%", "bm9wZQ"] {
            assert_eq!(
                decode_cursor::<(String, i64)>(Some(strange)).unwrap_err().code(),
                Code::BadCursor
            );
        }
    }
}
