//! Companies: whose compounds they are, and how they settle what a lease leaves open.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::date::Zone;
use crate::email;
use crate::field_types::{bounded, deserialize_integer, deserialize_text, identifier, name, text_type};
use crate::ids::{AttachmentId, CompanyId};
use crate::money::{Currency, Money, OutOfRange};
use crate::status::wire_enum;
use crate::{Invalid, Timestamp};

text_type! {
    CompanyName: 1..=200, name;
    /// What a company is called in addresses: lower-case letters, digits and single hyphens between them.
    Slug: 2..=63, identifier, |text| {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if plain && !text.starts_with('-') && !text.ends_with('-') && !text.contains("--") {
            Ok(())
        } else {
            Err(Invalid::new("INVALID_SLUG", "must be lower-case letters and digits, with single hyphens between them"))
        }
    };
}

/// A domain whose addresses may register, lower-case, as it was typed; compared in its ASCII form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct EmailDomain(String);

impl std::str::FromStr for EmailDomain {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let domain = bounded(identifier(text)?, 1, 253)?.to_lowercase();
        match email::ascii_domain(&domain) {
            Some(_) => Ok(Self(domain)),
            None => Err(Invalid::new("INVALID_DOMAIN", "must be a domain such as example.edu")),
        }
    }
}

impl EmailDomain {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

wire_enum!(
    LateFeeType {
        None => "NONE",
        Fixed => "FIXED",
        Percent => "PERCENT",
    }
);

/// So many days, as settings count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i32, minimum = 0, maximum = 365)]
pub struct Days(i32);

impl Days {
    pub const fn new(days: i32) -> Self {
        Self(days)
    }

    pub const fn count(self) -> i32 {
        self.0
    }
}

impl TryFrom<i64> for Days {
    type Error = Invalid;

    fn try_from(days: i64) -> Result<Self, Invalid> {
        i32::try_from(days)
            .ok()
            .filter(|days| (0..=365).contains(days))
            .map(Self)
            .ok_or_else(|| Invalid::new("OUT_OF_RANGE", "must be a whole number of days from 0 to 365"))
    }
}

deserialize_text!(EmailDomain, LateFeeType);
deserialize_integer!(Days);

/// What is added, once, to an invoice that stays unpaid after its due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, deserr::Deserr)]
#[serde(rename_all = "camelCase")]
#[deserr(deny_unknown_fields, rename_all = camelCase, where_predicate = __Deserr_E: deserr::MergeWithError<Invalid>, validate = LateFee::checked -> Invalid)]
pub struct LateFee {
    #[deserr(rename = "type")]
    pub r#type: LateFeeType,
    /// Minor units for `FIXED`, whole percent of the balance for `PERCENT`.
    #[serde(default)]
    #[deserr(default)]
    #[schema(required = false, minimum = 0)]
    pub value: i64,
    /// Days after the due date on which nothing is added yet.
    #[serde(default = "no_days")]
    #[deserr(default = no_days())]
    #[schema(required = false)]
    pub grace_days: Days,
}

fn no_days() -> Days {
    Days(0)
}

impl LateFee {
    pub const NONE: LateFee = LateFee {
        r#type: LateFeeType::None,
        value: 0,
        grace_days: Days(0),
    };

    fn checked(self, _: deserr::ValuePointerRef<'_>) -> Result<Self, Invalid> {
        self.check()
    }

    /// PERCENT is 1 to 100, FIXED an amount, NONE nothing.
    pub fn check(self) -> Result<Self, Invalid> {
        let (least, most) = match self.r#type {
            LateFeeType::None => (0, 0),
            LateFeeType::Fixed => (1, Money::MAX),
            LateFeeType::Percent => (1, 100),
        };
        if (least..=most).contains(&self.value) {
            Ok(self)
        } else {
            Err(Invalid::new(
                "OUT_OF_RANGE",
                format!("has a `value` that is not from {least} to {most}"),
            ))
        }
    }

    /// What a balance that is late costs.
    pub fn on(self, balance: Money) -> Result<Money, OutOfRange> {
        match self.r#type {
            LateFeeType::None => Ok(Money::ZERO),
            LateFeeType::Fixed => Money::from_minor_units(self.value),
            LateFeeType::Percent => balance.share(self.value, 100),
        }
    }
}

/// What a new occupancy pays as security where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, deserr::Deserr)]
#[serde(rename_all = "camelCase", default)]
#[deserr(deny_unknown_fields, rename_all = camelCase, where_predicate = __Deserr_E: deserr::MergeWithError<Invalid>)]
#[derive(Default)]
pub struct DepositTerms {
    /// Monthly rents, 0 to 12.
    #[deserr(default)]
    #[schema(required = false, value_type = i32, minimum = 0, maximum = 12)]
    pub months: DepositMonths,
}

/// 0 to 12 monthly rents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DepositMonths(i64);

impl DepositMonths {
    pub fn of(self, rent: Money) -> Result<Money, OutOfRange> {
        rent.times(self.0)
    }
}

impl TryFrom<i64> for DepositMonths {
    type Error = Invalid;

    fn try_from(months: i64) -> Result<Self, Invalid> {
        if (0..=12).contains(&months) {
            Ok(Self(months))
        } else {
            Err(Invalid::new(
                "OUT_OF_RANGE",
                "must be a whole number of months from 0 to 12",
            ))
        }
    }
}

deserialize_integer!(DepositMonths);

/// When rent invoices are made, due and reminded of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, deserr::Deserr)]
#[serde(rename_all = "camelCase", default)]
#[deserr(deny_unknown_fields, rename_all = camelCase, where_predicate = __Deserr_E: deserr::MergeWithError<Invalid>)]
pub struct Billing {
    /// From the invoice's date to its due date.
    #[deserr(default = Billing::default().due_days)]
    #[schema(required = false)]
    pub due_days: Days,
    /// How many days before the due date the tenant is reminded; 0: not at all.
    #[deserr(default = Billing::default().reminder_days)]
    #[schema(required = false)]
    pub reminder_days: Days,
    /// Whether the month's rent invoices are made by themselves.
    #[deserr(default = true)]
    #[schema(required = false)]
    pub automatic: bool,
}

impl Default for Billing {
    fn default() -> Self {
        Self {
            due_days: Days(7),
            reminder_days: Days(3),
            automatic: true,
        }
    }
}

text_type! {
    /// `#1a7f5a`
    Colour: 7..=7, identifier, |text| {
        let hex = text.strip_prefix('#').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        if hex { Ok(()) } else { Err(Invalid::new("INVALID_COLOUR", "must be a colour such as #1a7f5a")) }
    };
    LogoUrl: 8..=500, identifier, |text| {
        let web = (text.starts_with("https://") || text.starts_with("http://"))
            && !text.chars().any(|c| c.is_whitespace() || c == '"' || c == '<' || c == '>');
        if web { Ok(()) } else { Err(Invalid::new("INVALID_URL", "must be a web address such as https://example.org/logo.png")) }
    };
    /// A line under the company's name on documents: address, tax number.
    LetterheadLine: 1..=200, name;
}

/// How a company shows itself on mails and documents.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema, deserr::Deserr)]
#[serde(rename_all = "camelCase")]
#[deserr(deny_unknown_fields, rename_all = camelCase, where_predicate = __Deserr_E: deserr::MergeWithError<Invalid>)]
pub struct Branding {
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<LogoUrl>,
    /// Heads invoices and receipts: an image one has uploaded (`POST /attachments`), PNG or JPEG of at most 1 MiB.
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<AttachmentId>,
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_color: Option<Colour>,
    #[deserr(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub letterhead: Option<Vec<LetterheadLine>>,
}

/// A company as the contract shows it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Company {
    pub id: CompanyId,
    pub name: String,
    pub slug: String,
    pub currency: Currency,
    pub timezone: Zone,
    pub is_active: bool,
    pub allowed_email_domains: Vec<String>,
    pub late_fee: LateFee,
    pub deposit: DepositTerms,
    pub billing: Billing,
    #[schema(value_type = Branding)]
    pub branding: serde_json::Value,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_plain() {
        for good in ["acme", "a1", "green-hills-2"] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "a", "Acme", "-acme", "acme-", "a--b", "a b", "é-a"] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn domains_are_lower_case_and_real() {
        assert_eq!(
            "Uni.Example.EDU".parse::<EmailDomain>().unwrap().as_str(),
            "uni.example.edu"
        );
        for bad in ["", "example", "a@b.co", "-a.co", "a b.co"] {
            assert!(bad.parse::<EmailDomain>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_late_fee_is_fixed_or_a_share_of_the_balance() {
        let balance = Money::from_minor_units(12_345).unwrap();
        let fee = |r#type, value| LateFee {
            r#type,
            value,
            grace_days: Days(0),
        };
        assert_eq!(fee(LateFeeType::Fixed, 500).on(balance).unwrap().minor_units(), 500);
        assert_eq!(fee(LateFeeType::Percent, 10).on(balance).unwrap().minor_units(), 1_235);
        assert!(LateFee::NONE.on(balance).unwrap().is_zero());
        assert!(fee(LateFeeType::Percent, 101).check().is_err());
        assert!(fee(LateFeeType::None, 1).check().is_err());
    }
}
