//! How the domain's types are read from what somebody gave: a request body names every wrong field at
//! once, so each type says itself what is wrong with a value (`deserr`), whatever the body's error type is.

/// Reads a type through its `FromStr`, from a JSON string only.
macro_rules! deserialize_text {
    ($($name:ty),+ $(,)?) => {$(
        impl<E> deserr::Deserr<E> for $name
        where
            E: deserr::DeserializeError + deserr::MergeWithError<$crate::Invalid>,
        {
            fn deserialize_from_value<V: deserr::IntoValue>(
                value: deserr::Value<V>,
                location: deserr::ValuePointerRef<'_>,
            ) -> Result<Self, E> {
                let text = <String as deserr::Deserr<E>>::deserialize_from_value(value, location)?;
                text.parse()
                    .map_err(|invalid| deserr::take_cf_content(<E as deserr::MergeWithError<$crate::Invalid>>::merge(None, invalid, location)))
            }
        }
    )+};
}
pub(crate) use deserialize_text;

/// Reads a type through its `TryFrom<i64>`, from a JSON whole number only.
macro_rules! deserialize_integer {
    ($($name:ty),+ $(,)?) => {$(
        impl<E> deserr::Deserr<E> for $name
        where
            E: deserr::DeserializeError + deserr::MergeWithError<$crate::Invalid>,
        {
            fn deserialize_from_value<V: deserr::IntoValue>(
                value: deserr::Value<V>,
                location: deserr::ValuePointerRef<'_>,
            ) -> Result<Self, E> {
                let number = <i64 as deserr::Deserr<E>>::deserialize_from_value(value, location)?;
                <$name>::try_from(number)
                    .map_err(|invalid| deserr::take_cf_content(<E as deserr::MergeWithError<$crate::Invalid>>::merge(None, invalid, location)))
            }
        }
    )+};
}
pub(crate) use deserialize_integer;

/// A text of so many characters, cleaned by `name` (one line), `identifier` (one line) or `lines`.
macro_rules! text_type {
    ($($(#[$doc:meta])* $name:ident: $least:literal..=$most:literal, $clean:path $(, $rule:expr)?;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Invalid;

            fn from_str(text: &str) -> Result<Self, $crate::Invalid> {
                let text = $crate::field_types::bounded($clean(text)?, $least, $most)?;
                $({
                    let rule: fn(&str) -> Result<(), $crate::Invalid> = $rule;
                    rule(&text)?;
                })?
                Ok(Self(text))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .min_length(Some($least))
                    .max_length(Some($most))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        $crate::field_types::deserialize_text!($name);
    )+};
}
pub(crate) use text_type;

use crate::{Invalid, text};

/// What people and things are called, on one line.
pub(crate) fn name(given: &str) -> Result<String, Invalid> {
    one_line(text::clean_name(given))
}

/// What tells things apart, on one line: two that look alike are the same.
pub(crate) fn identifier(given: &str) -> Result<String, Invalid> {
    one_line(text::clean_identifier(given))
}

/// Text of several lines: trimmed, and what would turn its direction taken out.
pub(crate) fn lines(given: &str) -> Result<String, Invalid> {
    let text = text::without_overrides(given.trim());
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t')
    {
        return Err(Invalid::new("INVALID_CHARACTER", "must not contain control characters"));
    }
    Ok(if text::has_visible(&text) {
        text.into_owned()
    } else {
        String::new()
    })
}

pub(crate) fn one_line(text: String) -> Result<String, Invalid> {
    if text.chars().any(text::leaves_the_line) {
        return Err(Invalid::new(
            "INVALID_CHARACTER",
            "must stand on one line, without control characters",
        ));
    }
    Ok(text)
}

/// Counts the characters.
pub(crate) fn bounded(text: String, least: usize, most: usize) -> Result<String, Invalid> {
    let length = text.chars().count();
    if length < least {
        let message = if least == 1 {
            "must not be empty".to_owned()
        } else {
            format!("must have at least {least} characters")
        };
        return Err(Invalid::new("TOO_SHORT", message));
    }
    if length > most {
        return Err(Invalid::new("TOO_LONG", format!("must have at most {most} characters")));
    }
    Ok(text)
}

deserialize_text!(
    crate::ids::UserId,
    crate::ids::CompanyId,
    crate::ids::AttachmentId,
    crate::ids::ChatId,
    crate::ids::CompoundId,
    crate::ids::ApartmentId,
    crate::ids::TenantId,
    crate::ids::OccupancyId,
    crate::ids::InvoiceId,
    crate::EmailAddress,
    crate::Role,
    crate::chat::ChatType,
    crate::document::DocumentType,
    crate::mail::MailStatus,
    crate::status::UserStatus,
    crate::status::VerificationStatus,
);
