//! What a component counted while it answered, in the internal header `X-Nexus-Counts`.
//!
//! `db=<n>;dbms=<microseconds>;hit=<n>;miss=<n>;auth=<ok|fail:<reason>>`; parts may be missing, and
//! parts that are not known are passed over, so that components and edge can be of different age.

use http::{HeaderMap, HeaderName};

pub const COUNTS: HeaderName = HeaderName::from_static("x-nexus-counts");

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    pub queries: u64,
    /// All of them together.
    pub query_micros: u64,
    pub cache_hits: u64,
    pub cache_misses: u64,
    pub sign_in: Option<SignIn>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    Succeeded,
    Failed { reason: String },
}

impl Counts {
    /// Takes the header out of an answer.
    pub fn take(headers: &mut HeaderMap) -> Option<Self> {
        let value = headers.remove(COUNTS)?;
        Some(Self::parse(value.to_str().ok()?))
    }

    fn parse(text: &str) -> Self {
        let mut counts = Self::default();
        for (name, value) in text.split(';').filter_map(|part| part.trim().split_once('=')) {
            let number = || value.parse().unwrap_or_default();
            match name {
                "db" => counts.queries = number(),
                "dbms" => counts.query_micros = number(),
                "hit" => counts.cache_hits = number(),
                "miss" => counts.cache_misses = number(),
                "auth" => counts.sign_in = SignIn::parse(value),
                _ => {}
            }
        }
        counts
    }
}

impl SignIn {
    fn parse(text: &str) -> Option<Self> {
        if text == "ok" {
            return Some(Self::Succeeded);
        }
        let reason = text.strip_prefix("fail:")?;
        // It becomes a label: short and plain, or it is "other".
        let plain =
            !reason.is_empty() && reason.len() <= 40 && reason.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        Some(Self::Failed {
            reason: if plain {
                reason.to_ascii_lowercase()
            } else {
                "other".to_owned()
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_header_is_read_and_taken_away() {
        let mut headers = HeaderMap::new();
        let text = "db=3;dbms=1500;hit=1;miss=0;auth=fail:INVALID_CREDENTIALS;later=1";
        headers.insert(COUNTS, HeaderValue::from_static(text));
        let counts = Counts::take(&mut headers).expect("it is there");
        assert!(headers.is_empty());
        assert_eq!(
            counts,
            Counts {
                queries: 3,
                query_micros: 1500,
                cache_hits: 1,
                cache_misses: 0,
                sign_in: Some(SignIn::Failed {
                    reason: "invalid_credentials".to_owned()
                }),
            }
        );
    }

    #[test]
    fn nonsense_counts_as_nothing() {
        assert_eq!(Counts::parse("db=x;;=;auth=maybe"), Counts::default());
    }
}
