//! What one may ask of a list: how many rows, in which order, whether all are counted.

use std::str::FromStr;

use crate::Invalid;
use crate::field_types::{bounded, lines};
use crate::text::fold;

/// How many rows of a list at once: 1 to 100, and 20 when nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    pub const fn get(self) -> u32 {
        self.0
    }

    /// One more than are shown, to learn whether there are more.
    pub const fn and_one(self) -> u32 {
        self.0 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl FromStr for Limit {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse()
            .ok()
            .filter(|limit| (1..=100).contains(limit) && !text.starts_with('+'))
            .map(Self)
            .ok_or_else(|| Invalid::new("INVALID_LIMIT", "must be a whole number from 1 to 100"))
    }
}

/// `true` or `false` in a query string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flag(bool);

impl Flag {
    pub const fn is_set(self) -> bool {
        self.0
    }
}

impl FromStr for Flag {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(Invalid::new("INVALID_FLAG", "must be true or false")),
        }
    }
}

/// The order of a list: one of its fields, upwards or (`-field`) downwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    pub field: &'static str,
    pub descending: bool,
}

impl Sort {
    /// `given` as in the query; `default` (of the same form) when there is none.
    pub fn parse(given: Option<&str>, fields: &'static [&'static str], default: &'static str) -> Result<Self, Invalid> {
        let text = given.unwrap_or(default);
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        fields
            .iter()
            .find(|field| **field == name)
            .map(|field| Self { field, descending })
            .ok_or_else(|| {
                Invalid::new(
                    "UNKNOWN_SORT",
                    format!("must be one of {} (or with `-` before it)", fields.join(", ")),
                )
            })
    }

    /// As in the query; ties a cursor to the order it was made in.
    pub fn text(self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.field)
    }
}

/// What `q` looks for, as a pattern of SQL's `LIKE … ESCAPE '\'` for folded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search(String);

impl Search {
    pub fn pattern(&self) -> &str {
        &self.0
    }
}

impl FromStr for Search {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = bounded(lines(text)?, 1, 200)?;
        Ok(Self(like(&text)))
    }
}

/// A pattern of SQL's `LIKE … ESCAPE '\'` for folded text that has this text somewhere.
pub fn like(text: &str) -> String {
    let folded = fold(text);
    // Of a lone accent nothing is left; it stands in no folded text, so nothing is found.
    let text = if folded.is_empty() { text } else { folded.as_str() };
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

crate::field_types::deserialize_text!(Limit, Flag, Search);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_from_one_to_a_hundred() {
        assert_eq!("100".parse::<Limit>().map(Limit::get), Ok(100));
        for text in ["0", "101", "-1", "+5", "1.5", "", "ten"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_sort_names_a_field_of_the_list_and_a_direction() {
        const FIELDS: &[&str] = &["name", "createdAt"];
        assert_eq!(Sort::parse(Some("-name"), FIELDS, "createdAt").unwrap().text(), "-name");
        assert_eq!(
            Sort::parse(None, FIELDS, "-createdAt").unwrap(),
            Sort {
                field: "createdAt",
                descending: true
            }
        );
        assert!(Sort::parse(Some("password"), FIELDS, "name").is_err());
    }

    #[test]
    fn a_search_looks_for_the_very_text() {
        assert_eq!("50%_A".parse::<Search>().unwrap().pattern(), r"%50\%\_a%");
        assert_eq!(like(r"50%_A\"), r"%50\%\_a\\%");
        assert_eq!("  Élodie ".parse::<Search>().unwrap().pattern(), "%elodie%");
        assert_eq!(like("\u{301}"), "%\u{301}%");
    }
}
