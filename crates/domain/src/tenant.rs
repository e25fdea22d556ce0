//! Tenants: who lives there and pays, with or without an account of their own.

use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::field_types::{deserialize_text, identifier, name, text_type};
use crate::ids::{CompanyId, TenantId, UserId};
use crate::{Invalid, Timestamp};

text_type! {
    FullName: 1..=200, name;
    /// The number on an identity card or passport.
    NationalId: 4..=50, identifier, |text| {
        let plain = text.chars().all(|c| c.is_alphanumeric() || " -/.".contains(c));
        if plain { Ok(()) } else { Err(Invalid::new("INVALID_NATIONAL_ID", "must be letters, digits, spaces, - / and . only")) }
    };
}

/// A number in E.164 form, `^\+[1-9]\d{6,14}$`. Nothing is trimmed: a number with blanks around it is another text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Phone(String);

impl std::str::FromStr for Phone {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        let good =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("INVALID_PHONE", "must be a number such as +201001234567"))
        }
    }
}

impl std::fmt::Display for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialSchema for Phone {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^\+[1-9]\d{6,14}$"))
            .into()
    }
}

impl ToSchema for Phone {}

deserialize_text!(Phone);

/// What somebody who need not know the number sees of it: its last four characters at most, and never
/// more than half.
pub fn masked(national_id: &str) -> String {
    let length = national_id.chars().count();
    let shown = 4.min(length / 2);
    let hidden = length - shown;
    national_id
        .chars()
        .enumerate()
        .map(|(place, c)| if place < hidden { '*' } else { c })
        .collect()
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    pub id: TenantId,
    pub company_id: CompanyId,
    /// The account of this person, if they have one.
    pub user_id: Option<UserId>,
    pub full_name: String,
    pub email: String,
    pub phone: Option<String>,
    /// Masked but for ADMIN and above.
    pub national_id: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

impl Tenant {
    #[must_use]
    pub fn with_national_id_masked(mut self) -> Self {
        self.national_id = self.national_id.as_deref().map(masked);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_in_e_164_form() {
        for good in ["+201001234567", "+1234567", "+123456789012345"] {
            assert!(good.parse::<Phone>().is_ok(), "{good}");
        }
        for bad in [
            "01001234567",
            "+0123456789",
            "+123456",
            "+1234567890123456",
            "+12 345 678",
            " +201001234567",
            "+201001234567\n",
            "+٢٠١٠٠١٢٣٤٥٦٧",
        ] {
            assert!(bad.parse::<Phone>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_masked_number_shows_its_end_only() {
        assert_eq!(masked("29801011234567"), "**********4567");
        assert_eq!(masked("AB12"), "**12");
        assert!(
            "**********4567".parse::<NationalId>().is_err(),
            "the mask can't be stored back"
        );
    }
}
