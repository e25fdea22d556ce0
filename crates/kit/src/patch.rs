//! Fields of a PATCH body. A field that isn't there changes nothing; `null` clears what may be empty, and
//! is a wrong type elsewhere.

use std::borrow::Cow;

use deserr::{Deserr, IntoValue, ValuePointerRef};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::FieldErrors;

/// A field that may be left out but not be `null`. Declare it with `#[deserr(default)] #[schema(required = false)]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T>(pub Option<T>);

impl<T> Default for Change<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Change<T> {
    /// The new value, or the one there was.
    pub fn or(self, before: T) -> T {
        self.0.unwrap_or(before)
    }
}

impl<T: Deserr<FieldErrors>> Deserr<FieldErrors> for Change<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, FieldErrors> {
        T::deserialize_from_value(value, location).map(|given| Self(Some(given)))
    }
}

impl<T: PartialSchema> PartialSchema for Change<T> {
    fn schema() -> RefOr<Schema> {
        T::schema()
    }
}

impl<T: ToSchema> ToSchema for Change<T> {
    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// A field that may be left out, and be `null` to clear it.
/// Declare it with `#[deserr(default)] #[schema(value_type = Option<T>, required = false)]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearable<T>(pub Option<Option<T>>);

impl<T> Default for Clearable<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Clearable<T> {
    /// The new value or nothing, or what there was.
    pub fn or(self, before: Option<T>) -> Option<T> {
        self.0.unwrap_or(before)
    }
}

impl<T: Deserr<FieldErrors>> Deserr<FieldErrors> for Clearable<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, FieldErrors> {
        match value {
            deserr::Value::Null => Ok(Self(Some(None))),
            value => T::deserialize_from_value(value, location).map(|given| Self(Some(Some(given)))),
        }
    }
}

/// A body as it came: JSON, not yet of any shape. For requests whose references must be judged before the
/// rest is (`/api-design.md`, "Another company's id").
#[derive(Debug, Clone)]
pub struct Loose(pub serde_json::Value);

impl Deserr<FieldErrors> for Loose {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        _: ValuePointerRef<'_>,
    ) -> Result<Self, FieldErrors> {
        Ok(Self(value.into()))
    }
}

impl Loose {
    /// The id that stands in a field, if one stands there.
    pub fn id<I: std::str::FromStr>(&self, field: &str) -> Option<I> {
        self.0.get(field)?.as_str()?.parse().ok()
    }

    /// The body in its shape; every wrong field is named.
    pub fn read<T: Deserr<FieldErrors>>(self) -> Result<T, crate::Problem> {
        deserr::deserialize::<T, _, FieldErrors>(self.0).map_err(|errors| crate::Problem::invalid(errors.0))
    }
}
