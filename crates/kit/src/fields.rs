//! Bodies into types, with every wrong field named at once and nothing coerced.

use std::fmt;
use std::ops::ControlFlow;

use deserr::{DeserializeError, ErrorKind, IntoValue, MergeWithError, ValueKind, ValuePointerRef};
use nexus_domain::Invalid;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::FieldError;

/// All that is wrong with a body. The error type of every request type:
/// `#[derive(Deserr)] #[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]`;
/// a field that may be absent also needs `#[deserr(default)]`, an `Option` too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(pub Vec<FieldError>);

impl FieldErrors {
    fn and(
        existing: Option<Self>,
        location: ValuePointerRef<'_>,
        extra: Option<&str>,
        invalid: Invalid,
    ) -> ControlFlow<Self, Self> {
        let mut all = existing.unwrap_or_default();
        let mut field = path(location);
        if let Some(extra) = extra {
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(extra);
        }
        all.0.push(FieldError::new(field, invalid));
        ControlFlow::Continue(all)
    }
}

fn path(location: ValuePointerRef<'_>) -> String {
    match location {
        ValuePointerRef::Origin => String::new(),
        ValuePointerRef::Key { key, prev } => match path(*prev) {
            before if before.is_empty() => key.to_owned(),
            before => format!("{before}.{key}"),
        },
        ValuePointerRef::Index { index, prev } => format!("{}[{index}]", path(*prev)),
    }
}

fn kind_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "true or false",
        ValueKind::Integer | ValueKind::NegativeInteger => "a whole number",
        ValueKind::Float => "a number",
        ValueKind::String => "a string",
        ValueKind::Sequence => "a list",
        ValueKind::Map => "an object",
    }
}

impl DeserializeError for FieldErrors {
    fn error<V: IntoValue>(
        existing: Option<Self>,
        error: ErrorKind<'_, V>,
        location: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let (extra, invalid) = match error {
            ErrorKind::IncorrectValueKind { accepted, .. } => {
                // Where any number is taken, whole ones need no mention.
                let any_number = accepted.contains(&ValueKind::Float);
                let is_whole = |kind: &ValueKind| matches!(kind, ValueKind::Integer | ValueKind::NegativeInteger);
                let kinds = accepted.iter().filter(|kind| !(any_number && is_whole(kind)));
                let mut names: Vec<_> = kinds.map(|kind| kind_name(*kind)).collect();
                names.dedup();
                (
                    None,
                    Invalid::new("WRONG_TYPE", format!("must be {}", names.join(" or "))),
                )
            }
            ErrorKind::MissingField { field } => (Some(field), Invalid::new("REQUIRED", "is required")),
            ErrorKind::UnknownKey { key, .. } => (
                Some(key),
                Invalid::new("UNKNOWN_PROPERTY", "is not a property of this request"),
            ),
            ErrorKind::UnknownValue { accepted, .. } => (
                None,
                Invalid::new("UNKNOWN_VALUE", format!("must be one of {}", accepted.join(" "))),
            ),
            ErrorKind::BadSequenceLen { expected, .. } => (
                None,
                Invalid::new("WRONG_LENGTH", format!("must have {expected} items")),
            ),
            ErrorKind::Unexpected { msg } => (None, Invalid::new("INVALID", msg)),
        };
        Self::and(existing, location, extra, invalid)
    }
}

impl MergeWithError<FieldErrors> for FieldErrors {
    fn merge(existing: Option<Self>, mut other: Self, _: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        let mut all = existing.unwrap_or_default();
        all.0.append(&mut other.0);
        ControlFlow::Continue(all)
    }
}

/// A domain type said no: `#[deserr(try_from(String) = EmailAddress::try_from -> Invalid)]`.
impl MergeWithError<Invalid> for FieldErrors {
    fn merge(existing: Option<Self>, invalid: Invalid, location: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        Self::and(existing, location, None, invalid)
    }
}

/// JSON in which a key may stand only once: of two, programs differ in which one they take.
pub struct StrictJson(pub Value);

/// The message by which a doubled key is known again among serde_json's errors.
pub const DUPLICATE_KEY: &str = "duplicate key ";

impl<'de> Deserialize<'de> for StrictJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(StrictJson)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// A whole number may be written with a point (JSON Schema 2020-12, §6.1.1): `34.0` is 34.
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        const EXACT: f64 = 9_007_199_254_740_991.0;
        if value.fract() == 0.0 && value.abs() <= EXACT {
            return Ok((value as i64).into());
        }
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(StrictJson(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format!("{DUPLICATE_KEY}{key}")));
            }
            let StrictJson(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deserr::Deserr;
    use nexus_domain::EmailAddress;

    #[derive(Debug, Deserr)]
    #[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
    #[allow(dead_code)]
    struct Body {
        #[deserr(try_from(String) = EmailAddress::try_from -> Invalid)]
        email: EmailAddress,
        full_name: String,
        #[deserr(default)]
        nick: Option<String>,
        #[deserr(default)]
        items: Option<Vec<Item>>,
    }

    #[derive(Debug, Deserr)]
    #[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
    #[allow(dead_code)]
    struct Item {
        size: u32,
    }

    fn errors(json: &str) -> Vec<(String, String)> {
        let StrictJson(value) = serde_json::from_str(json).unwrap();
        let refused: Result<Body, FieldErrors> = deserr::deserialize(value);
        refused.unwrap_err().0.into_iter().map(|e| (e.field, e.code)).collect()
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut found = errors(r#"{"email": "nobody", "surprise": 1, "items": [{"size": "2"}, {"size": 1}]}"#);
        found.sort();
        let expected = [
            ("email", "INVALID_EMAIL"),
            ("fullName", "REQUIRED"),
            ("items[0].size", "WRONG_TYPE"),
            ("surprise", "UNKNOWN_PROPERTY"),
        ];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn a_wrong_type_is_told_in_one_clear_sentence() {
        #[derive(Debug, Deserr)]
        #[deserr(error = FieldErrors)]
        #[allow(dead_code)]
        struct Sizes {
            area: f64,
            floor: i32,
            rooms: u32,
        }
        let StrictJson(value) = serde_json::from_str(r#"{"area": "x", "floor": 1.5, "rooms": "2"}"#).unwrap();
        let refused: Result<Sizes, FieldErrors> = deserr::deserialize(value);
        let mut messages: Vec<_> = refused.unwrap_err().0.into_iter().map(|e| e.message).collect();
        messages.sort();
        assert_eq!(
            messages,
            ["must be a number", "must be a whole number", "must be a whole number"]
        );
    }

    #[test]
    fn an_optional_field_may_be_absent() {
        let StrictJson(value) = serde_json::from_str(r#"{"email": "a@b.co", "fullName": "A"}"#).unwrap();
        let body: Body = deserr::deserialize::<_, _, FieldErrors>(value).unwrap();
        assert!(body.nick.is_none() && body.items.is_none());
    }

    #[test]
    fn a_doubled_key_is_refused_at_any_depth() {
        let refused = serde_json::from_str::<StrictJson>(r#"{"a": {"b": 1, "b": 2}}"#)
            .map(|_| ())
            .unwrap_err();
        assert!(refused.to_string().starts_with("duplicate key b"));
    }
}
