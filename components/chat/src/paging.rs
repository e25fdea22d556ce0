//! What lists of this component are asked by, besides what all lists are (`nexus_domain::page`).

use nexus_domain::Invalid;
use nexus_domain::page::Sort;
use nexus_kit::ApiError;

/// A `seq` in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqParam(pub i64);

impl TryFrom<String> for SeqParam {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        // Digits only: `+1` and ` 1` are not how a number is written here.
        let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok());
        number
            .flatten()
            // Up to here every client can hold it.
            .filter(|seq| *seq <= 9_007_199_254_740_991)
            .map(Self)
            .ok_or_else(|| Invalid::new("OUT_OF_RANGE", "must be a whole number, 0 or more"))
    }
}

/// A part of a name or a text, in `q`; nothing but white space looks for nothing.
pub fn words(given: Option<String>) -> Result<Option<String>, Invalid> {
    let Some(text) = given else { return Ok(None) };
    match text.trim() {
        "" => Ok(None),
        text if text.chars().count() > 200 => Err(Invalid::new("TOO_LONG", "must have at most 200 characters")),
        text => Ok(Some(text.to_owned())),
    }
}

/// The order asked for, and the name of the list in it, to which cursors are bound.
pub fn order(
    list: &str,
    given: Option<&str>,
    fields: &'static [&'static str],
    default: &'static str,
) -> Result<(Sort, String), ApiError> {
    let sort = Sort::parse(given, fields, default).map_err(|invalid| ApiError::field("sort", invalid))?;
    Ok((sort, format!("{list}:{}", sort.text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seq_is_digits() {
        for (text, good) in [
            ("0", true),
            ("17", true),
            ("", false),
            ("+5", false),
            ("-1", false),
            ("5.0", false),
        ] {
            assert_eq!(SeqParam::try_from(text.to_owned()).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn white_space_looks_for_nothing_and_words_are_bounded() {
        let words = |text: &str| words(Some(text.to_owned()));
        assert_eq!(words("  "), Ok(None));
        assert_eq!(words(" a b "), Ok(Some("a b".to_owned())));
        assert!(words(&"ä".repeat(200)).is_ok() && words(&"ä".repeat(201)).is_err());
    }
}
