//! Lists: `{items, nextCursor, total?}`, page by page.
//!
//! A cursor is the sort key of the last row shown and its id (keyset pagination): rows that come or go meanwhile
//! neither repeat nor hide others. It is opaque to clients and bound to the list and its order; what a client makes
//! up itself can at most start the list elsewhere, since every list is held to its reader's scope by SQL.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nexus_domain::page::Limit;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{ApiError, Code};

/// A page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Give it as `cursor` to get the next page; `null` on the last one.
    pub next_cursor: Option<String>,
    /// How many there are in all; only with `withTotal=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// From rows that were asked for with `limit.and_one()`. `list` names the list and its order; `key` gives the
    /// sort key and id of a row.
    pub fn of(mut rows: Vec<T>, limit: Limit, total: Option<i64>, list: &str, key: impl Fn(&T) -> Vec<Value>) -> Self {
        let shown = limit.get() as usize;
        let more = rows.len() > shown;
        rows.truncate(shown);
        let next_cursor = rows.last().filter(|_| more).map(|last| encode(list, key(last)));
        Self {
            items: rows,
            next_cursor,
            total,
        }
    }

    /// The page with every item as its view.
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(view).collect(),
            next_cursor: self.next_cursor,
            total: self.total,
        }
    }
}

pub fn encode(list: &str, key: Vec<Value>) -> String {
    let mut whole = vec![Value::from(list)];
    whole.extend(key);
    URL_SAFE_NO_PAD.encode(Value::from(whole).to_string())
}

/// A cursor of `list` with a key of `N` parts, as the last page gave it.
pub fn decode<const N: usize>(list: &str, cursor: &str) -> Result<[Value; N], ApiError> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Vec<Value>>(&bytes).ok())
        .filter(|parts| parts.first().and_then(Value::as_str) == Some(list))
        .and_then(|parts| <[Value; N]>::try_from(parts.into_iter().skip(1).collect::<Vec<_>>()).ok())
        .ok_or_else(bad_cursor)
}

/// The key of a list sorted by something that is read from text, and by id.
pub fn decode_text_and_id<I: std::str::FromStr>(list: &str, cursor: &str) -> Result<(String, I), ApiError> {
    let [key, id] = decode::<2>(list, cursor)?;
    match (key, id.as_str().and_then(|id| id.parse().ok())) {
        (Value::String(key), Some(id)) => Ok((key, id)),
        _ => Err(bad_cursor()),
    }
}

/// The key of a list sorted by a whole number (times are milliseconds here), and by id.
pub fn decode_number_and_id<I: std::str::FromStr>(list: &str, cursor: &str) -> Result<(i64, I), ApiError> {
    let [key, id] = decode::<2>(list, cursor)?;
    match (key.as_i64(), id.as_str().and_then(|id| id.parse().ok())) {
        (Some(key), Some(id)) => Ok((key, id)),
        _ => Err(bad_cursor()),
    }
}

pub fn bad_cursor() -> ApiError {
    ApiError::new(
        Code::BadCursor,
        "This cursor is not one of this list in this order. Start without one.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_domain::ids::UserId;

    fn page(rows: Vec<i64>, limit: &str) -> Page<i64> {
        Page::of(rows, limit.parse().unwrap(), None, "numbers:n", |n| {
            vec![Value::from(*n), Value::from("x")]
        })
    }

    #[test]
    fn a_page_has_a_cursor_only_when_there_is_more() {
        assert_eq!(page(vec![1, 2], "2").next_cursor, None);
        let first = page(vec![1, 2, 3], "2");
        assert_eq!(first.items, [1, 2]);
        let [n, x] = decode::<2>("numbers:n", &first.next_cursor.unwrap()).unwrap();
        assert_eq!((n, x), (Value::from(2), Value::from("x")));
    }

    #[test]
    fn a_cursor_of_another_list_or_none_at_all_is_bad() {
        let cursor = encode("users:name", vec![Value::from("a"), Value::from("b")]);
        for (list, cursor) in [
            ("users:-name", cursor.as_str()),
            ("users:name", "garbage"),
            ("users:name", ""),
            ("users:name", "W10"),
        ] {
            assert_eq!(
                decode::<2>(list, cursor).unwrap_err().code(),
                Code::BadCursor,
                "{cursor}"
            );
        }
        assert!(
            decode_text_and_id::<UserId>("users:name", &cursor).is_err(),
            "`b` is no id"
        );
        assert!(decode::<1>("users:name", &cursor).is_err());
    }
}
