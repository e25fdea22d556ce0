//! Compounds and the apartments in them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::field_types::{deserialize_integer, deserialize_text, identifier, name, text_type};
use crate::ids::{ApartmentId, CompanyId, CompoundId};
use crate::money::Money;
use crate::status::wire_enum;
use crate::{Invalid, Timestamp};

text_type! {
    CompoundName: 1..=200, name;
    /// One part of a postal address.
    AddressPart: 1..=200, name;
    /// What is written on the door; unique in its compound.
    ApartmentNumber: 1..=50, identifier;
}

/// A postal address; which parts there are differs from country to country.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema, deserr::Deserr)]
#[serde(rename_all = "camelCase")]
#[deserr(deny_unknown_fields, rename_all = camelCase, where_predicate = __Deserr_E: deserr::MergeWithError<Invalid>)]
pub struct Address {
    #[deserr(default)]
    pub line1: Option<AddressPart>,
    #[deserr(default)]
    pub line2: Option<AddressPart>,
    #[deserr(default)]
    pub city: Option<AddressPart>,
    #[deserr(default)]
    pub region: Option<AddressPart>,
    #[deserr(default)]
    pub postal_code: Option<AddressPart>,
    #[deserr(default)]
    pub country: Option<AddressPart>,
}

/// An address as it was stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StoredAddress {
    pub line1: Option<String>,
    pub line2: Option<String>,
    pub city: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compound {
    pub id: CompoundId,
    pub company_id: CompanyId,
    pub name: String,
    pub address: StoredAddress,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

wire_enum!(
    /// VACANT and OCCUPIED follow from the occupancies; the others are set by staff.
    ApartmentStatus {
        Vacant => "VACANT",
        Occupied => "OCCUPIED",
        Maintenance => "MAINTENANCE",
        Inactive => "INACTIVE",
    }
);

macro_rules! counted {
    ($($(#[$doc:meta])* $name:ident: $least:literal..=$most:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(i32);

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::Integer)
                    .minimum(Some($least))
                    .maximum(Some($most))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl $name {
            pub const fn get(self) -> i32 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = Invalid;

            fn try_from(number: i64) -> Result<Self, Invalid> {
                i32::try_from(number)
                    .ok()
                    .filter(|number| ($least..=$most).contains(number))
                    .map(Self)
                    .ok_or_else(|| Invalid::new("OUT_OF_RANGE", concat!("must be a whole number from ", $least, " to ", $most)))
            }
        }

        deserialize_integer!($name);
    )+};
}

counted! {
    /// Below 0 are basements.
    Floor: -20..=300;
    Bedrooms: 0..=100;
}

/// Square metres, with decimals.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = f64, minimum = 0, maximum = 100000)]
pub struct Area(f64);

impl Area {
    pub const fn square_metres(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Area {
    type Error = Invalid;

    fn try_from(area: f64) -> Result<Self, Invalid> {
        if (0.0..=100_000.0).contains(&area) {
            Ok(Self(area))
        } else {
            Err(Invalid::new("OUT_OF_RANGE", "must be a number from 0 to 100000"))
        }
    }
}

impl<E> deserr::Deserr<E> for Area
where
    E: deserr::DeserializeError + deserr::MergeWithError<Invalid>,
{
    fn deserialize_from_value<V: deserr::IntoValue>(
        value: deserr::Value<V>,
        location: deserr::ValuePointerRef<'_>,
    ) -> Result<Self, E> {
        let number = <f64 as deserr::Deserr<E>>::deserialize_from_value(value, location)?;
        Area::try_from(number).map_err(|invalid| {
            deserr::take_cf_content(<E as deserr::MergeWithError<Invalid>>::merge(None, invalid, location))
        })
    }
}

deserialize_text!(ApartmentStatus);

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Apartment {
    pub id: ApartmentId,
    pub company_id: CompanyId,
    pub compound_id: CompoundId,
    pub apartment_number: String,
    pub floor: Option<i32>,
    pub bedrooms: Option<i32>,
    pub area_sqm: Option<f64>,
    pub monthly_rent: Money,
    pub status: ApartmentStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// Why an apartment can't be made or changed so; `S` is what the store itself has to say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApartmentError<S: std::error::Error> {
    #[error("another apartment of the compound has this number")]
    NumberTaken,
    #[error("whether an apartment is vacant or occupied follows from its occupancies")]
    StatusFollows,
    #[error("the apartment is let")]
    Let,
    #[error(transparent)]
    Store(S),
}
