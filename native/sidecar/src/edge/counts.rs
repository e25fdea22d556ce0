//! What a component counted while it answered, in the internal header `X-Nexus-Counts`.
//!
//! `db=<n>;dbms=<microseconds>;dbh=<bucket>:<n>:<microseconds>,…;hit=<n>;miss=<n>;auth=<ok|fail:<reason>>`; parts may be
//! missing, and parts that are not known are passed over, so that components and edge can be of different age. `dbh` sorts
//! the statements by `STATEMENT_BOUNDS`.

use http::HeaderMap;
use nexus_protocol::headers::COUNTS;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    pub queries: u64,
    /// All of them together.
    pub query_micros: u64,
    pub queries_by_time: Vec<Share>,
    pub cache_hits: u64,
    pub cache_misses: u64,
    pub sign_in: Option<SignIn>,
}

/// Statements of one bucket of the histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub queries: u64,
    pub micros: u64,
}

impl Share {
    /// One from `bucket:queries:micros`. The bucket follows from the other two.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(':').skip(1).map(str::parse);
        let queries = numbers.next()?.ok().filter(|queries| *queries > 0)?;
        let micros = numbers.next()?.ok()?;
        Some(Self { queries, micros })
    }
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
                "dbh" => counts.queries_by_time = value.split(',').filter_map(Share::parse).collect(),
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
        let text = "db=3;dbms=1500;dbh=0:2:180,3:1:1320,5:x,7:0:0;hit=1;miss=0;auth=fail:INVALID_CREDENTIALS;later=1";
        headers.insert(COUNTS, HeaderValue::from_static(text));
        let counts = Counts::take(&mut headers).expect("it is there");
        assert!(headers.is_empty());
        assert_eq!(
            counts,
            Counts {
                queries: 3,
                query_micros: 1500,
                queries_by_time: vec![
                    Share {
                        queries: 2,
                        micros: 180
                    },
                    Share {
                        queries: 1,
                        micros: 1320
                    }
                ],
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
