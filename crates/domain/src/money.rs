//! Money: whole numbers of a currency's smallest unit, added and multiplied with checks, never as floats.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::Invalid;
use crate::field_types::{deserialize_integer, deserialize_text};

/// An amount of minor units, 0 to [`Money::MAX`]. A sum that leaves the range is an error, not a wrap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Money(i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the amount is out of range")]
pub struct OutOfRange;

impl Money {
    pub const ZERO: Money = Money(0);
    /// Ten thousand million of a currency with two decimals: nine million invoices of it still add up in 64 bits.
    pub const MAX: i64 = 1_000_000_000_000;

    pub const fn minor_units(self) -> i64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub fn plus(self, other: Money) -> Result<Money, OutOfRange> {
        self.0
            .checked_add(other.0)
            .ok_or(OutOfRange)
            .and_then(Money::from_minor_units)
    }

    pub fn minus(self, other: Money) -> Result<Money, OutOfRange> {
        self.0
            .checked_sub(other.0)
            .ok_or(OutOfRange)
            .and_then(Money::from_minor_units)
    }

    pub fn times(self, factor: i64) -> Result<Money, OutOfRange> {
        self.0
            .checked_mul(factor)
            .ok_or(OutOfRange)
            .and_then(Money::from_minor_units)
    }

    /// `self × numerator ÷ denominator`, rounded half up.
    pub fn share(self, numerator: i64, denominator: i64) -> Result<Money, OutOfRange> {
        if denominator <= 0 || numerator < 0 {
            return Err(OutOfRange);
        }
        let doubled = i128::from(self.0) * i128::from(numerator) * 2 + i128::from(denominator);
        let rounded = doubled / (i128::from(denominator) * 2);
        i64::try_from(rounded)
            .map_err(|_| OutOfRange)
            .and_then(Money::from_minor_units)
    }

    pub fn from_minor_units(units: i64) -> Result<Money, OutOfRange> {
        if (0..=Self::MAX).contains(&units) {
            Ok(Money(units))
        } else {
            Err(OutOfRange)
        }
    }
}

impl TryFrom<i64> for Money {
    type Error = Invalid;

    fn try_from(units: i64) -> Result<Self, Invalid> {
        Money::from_minor_units(units).map_err(|OutOfRange| {
            Invalid::new(
                "OUT_OF_RANGE",
                format!("must be a whole number of minor units from 0 to {}", Self::MAX),
            )
        })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialSchema for Money {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(Self::MAX as f64))
            .description(Some("Minor units of the currency beside it"))
            .into()
    }
}

impl ToSchema for Money {}

deserialize_integer!(Money);

/// An ISO 4217 code of a currency in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency([u8; 3]);

/// ISO 4217:2015, list one, less funds, metals and test codes.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL \
HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA \
MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB \
RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU \
UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG";

impl Currency {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many decimals an amount is written with (ISO 4217's exponent).
    pub fn decimals(&self) -> u32 {
        match self.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
            | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }

    /// `1234567` of EGP as `12,345.67`.
    pub fn format(&self, amount: Money) -> String {
        let scale = 10_i64.pow(self.decimals());
        let (whole, rest) = (amount.minor_units() / scale, amount.minor_units() % scale);
        let digits = whole.to_string();
        let mut written = String::with_capacity(digits.len() + digits.len() / 3 + 4);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                written.push(',');
            }
            written.push(digit);
        }
        match self.decimals() {
            0 => written,
            decimals => format!("{written}.{rest:0width$}", width = decimals as usize),
        }
    }
}

impl FromStr for Currency {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        <[u8; 3]>::try_from(text.as_bytes())
            .ok()
            .filter(|_| CODES.split(' ').any(|code| code == text))
            .map(Currency)
            .ok_or_else(|| Invalid::new("UNKNOWN_CURRENCY", "must be an ISO 4217 code such as EGP"))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for Currency {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(3))
            .max_length(Some(3))
            .enum_values(Some(CODES.split_whitespace()))
            .into()
    }
}

impl ToSchema for Currency {}

deserialize_text!(Currency);

#[cfg(test)]
mod tests {
    use super::*;

    fn money(units: i64) -> Money {
        Money::from_minor_units(units).unwrap()
    }

    #[test]
    fn sums_and_products_that_leave_the_range_are_errors() {
        assert_eq!(money(Money::MAX).plus(money(1)), Err(OutOfRange));
        assert_eq!(money(1).minus(money(2)), Err(OutOfRange));
        assert_eq!(money(Money::MAX).times(i64::MAX), Err(OutOfRange));
        assert_eq!(money(3).times(-1), Err(OutOfRange));
        assert_eq!(money(300).plus(money(50)).unwrap().minus(money(350)), Ok(Money::ZERO));
    }

    #[test]
    fn a_share_is_rounded_half_up() {
        assert_eq!(money(100).share(1, 3), Ok(money(33)));
        assert_eq!(money(100).share(2, 3), Ok(money(67)));
        assert_eq!(money(1).share(1, 2), Ok(money(1)));
        assert_eq!(money(Money::MAX).share(31, 31), Ok(money(Money::MAX)));
        assert_eq!(money(1).share(1, 0), Err(OutOfRange));
    }

    #[test]
    fn amounts_are_written_with_the_currency_s_decimals() {
        let written = |code: &str, units| code.parse::<Currency>().unwrap().format(money(units));
        assert_eq!(written("EGP", 123_456_789), "1,234,567.89");
        assert_eq!(written("JPY", 1_000), "1,000");
        assert_eq!(written("KWD", 1_005), "1.005");
        assert_eq!(written("USD", 5), "0.05");
    }

    #[test]
    fn only_currencies_in_use_are_taken() {
        for code in ["egp", "EG", "XXX", "EURO", "", "€€€"] {
            assert!(code.parse::<Currency>().is_err(), "{code}");
        }
    }
}
