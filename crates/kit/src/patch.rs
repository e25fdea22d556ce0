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

/// RFC 7396 §2, but that `null` stays in the result.
fn merge(into: &mut serde_json::Value, patch: serde_json::Value) {
    match (into, patch) {
        (serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
            for (name, value) in patch {
                match into.get_mut(&name) {
                    Some(there) => merge(there, value),
                    None => {
                        into.insert(name, value);
                    }
                }
            }
        }
        (into, patch) => *into = patch,
    }
}

/// The schema of an object in a PATCH body: that of `T`, of which any member may be left out.
pub struct Partial<T>(std::marker::PhantomData<T>);

impl<T: PartialSchema> PartialSchema for Partial<T> {
    fn schema() -> RefOr<Schema> {
        match T::schema() {
            RefOr::T(Schema::Object(mut object)) => {
                object.required.clear();
                RefOr::T(Schema::Object(object))
            }
            other => other,
        }
    }
}

impl<T: ToSchema> ToSchema for Partial<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Patch", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// A body as it came: JSON, not yet of any shape. For requests whose references must be judged before the
/// rest is (`/api-design.md`, "Another company's id").
#[derive(Debug, Clone)]
pub struct RawJson(pub serde_json::Value);

impl Deserr<FieldErrors> for RawJson {
    fn deserialize_from_value<V: IntoValue>(
        value: deserr::Value<V>,
        _: ValuePointerRef<'_>,
    ) -> Result<Self, FieldErrors> {
        Ok(Self(value.into()))
    }
}

impl RawJson {
    /// The body laid over what there is (RFC 7396): in each of the `nested` members, what isn't given stays. `null` stays
    /// `null`: where a member may be empty it empties it, elsewhere it is a wrong type.
    pub fn over<T: Deserr<FieldErrors>>(
        &self,
        present: &impl serde::Serialize,
        nested: &[&str],
    ) -> Result<T, crate::ApiError> {
        let present = serde_json::to_value(present).map_err(|error| crate::ApiError::internal(error.to_string()))?;
        let mut body = self.0.clone();
        for member in nested {
            if let (Some(given), Some(there)) = (body.get_mut(*member), present.get(*member))
                && given.is_object()
            {
                let mut whole = there.clone();
                merge(&mut whole, given.take());
                *given = whole;
            }
        }
        Self(body).read()
    }

    /// The id that stands in a field, if one stands there.
    pub fn id<I: std::str::FromStr>(&self, field: &str) -> Option<I> {
        self.0.get(field)?.as_str()?.parse().ok()
    }

    /// The body in its shape; every wrong field is named.
    pub fn read<T: Deserr<FieldErrors>>(self) -> Result<T, crate::ApiError> {
        deserr::deserialize::<T, _, FieldErrors>(self.0).map_err(|errors| crate::ApiError::invalid(errors.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserr, PartialEq)]
    #[deserr(error = FieldErrors, deny_unknown_fields)]
    struct Patch {
        #[deserr(default)]
        place: Change<Place>,
    }

    #[derive(Debug, Deserr, PartialEq)]
    #[deserr(error = FieldErrors, deny_unknown_fields)]
    struct Place {
        #[deserr(default)]
        line: Option<String>,
        #[deserr(default)]
        city: Option<String>,
        days: u8,
    }

    fn over(body: Value) -> Result<Option<Place>, Vec<String>> {
        let present = json!({"place": {"line": "1", "city": "Cairo", "days": 7}, "name": "kept out"});
        match RawJson(body).over::<Patch>(&present, &["place"]) {
            Ok(patch) => Ok(patch.place.0),
            Err(problem) => Err(problem.errors().iter().map(|error| error.field.clone()).collect()),
        }
    }

    #[test]
    fn what_a_nested_object_does_not_name_stays() {
        let place = |line: Option<&str>, city: Option<&str>, days| Place {
            line: line.map(str::to_owned),
            city: city.map(str::to_owned),
            days,
        };
        assert_eq!(over(json!({})), Ok(None));
        assert_eq!(over(json!({"place": {}})), Ok(Some(place(Some("1"), Some("Cairo"), 7))));
        assert_eq!(
            over(json!({"place": {"days": 8}})),
            Ok(Some(place(Some("1"), Some("Cairo"), 8)))
        );
        assert_eq!(
            over(json!({"place": {"line": null}})),
            Ok(Some(place(None, Some("Cairo"), 7)))
        );
    }

    #[test]
    fn null_and_wrong_members_are_named_where_they_stand() {
        assert_eq!(
            over(json!({"place": {"days": null}})),
            Err(vec!["place.days".to_owned()])
        );
        assert_eq!(
            over(json!({"place": {"other": null}})),
            Err(vec!["place.other".to_owned()])
        );
        assert_eq!(over(json!({"place": null})), Err(vec!["place".to_owned()]));
        assert_eq!(over(json!({"place": []})), Err(vec!["place".to_owned()]));
    }
}
