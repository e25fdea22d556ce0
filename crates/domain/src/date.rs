//! Days and months as people agree on them, and the zone that says which day it is.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::field_types::deserialize_text;
use crate::{Invalid, Timestamp};

/// A day, written `2026-01-31`. From 1900 to 2199: what lies outside is a slip of the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(civil::Date);

impl Date {
    /// The first of January; of a year out of the range, the range's own.
    pub fn first_of_year(year: i16) -> Self {
        Self(civil::Date::new(year, 1, 1).unwrap_or(EARLIEST).clamp(EARLIEST, LATEST))
    }

    pub fn month(self) -> Month {
        Month {
            year: self.0.year(),
            month: self.0.month(),
        }
    }

    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The day so many days later (earlier when negative), held at the ends of the range.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        let moved = self.0.saturating_add(i64::from(days).days());
        Self(moved.clamp(EARLIEST, LATEST))
    }

    /// How many days `later` is after this one.
    pub fn days_until(self, later: Date) -> i64 {
        self.0.until(later.0).map_or(0, |span| i64::from(span.get_days()))
    }
}

const EARLIEST: civil::Date = civil::Date::constant(1900, 1, 1);
const LATEST: civil::Date = civil::Date::constant(2199, 12, 31);

impl FromStr for Date {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refused = || Invalid::new("INVALID_DATE", "must be a day such as 2026-01-31");
        let [year, month, day] = digits::<3>(text).ok_or_else(refused)?;
        let date = i8::try_from(month)
            .ok()
            .zip(i8::try_from(day).ok())
            .and_then(|(month, day)| civil::Date::new(year, month, day).ok())
            .ok_or_else(refused)?;
        if (EARLIEST..=LATEST).contains(&date) {
            Ok(Self(date))
        } else {
            Err(Invalid::new(
                "OUT_OF_RANGE",
                "must be a day from 1900-01-01 to 2199-12-31",
            ))
        }
    }
}

/// `YYYY-MM-DD` or `YYYY-MM`: exactly so many digits, nothing else around them.
fn digits<const N: usize>(text: &str) -> Option<[i16; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split('-');
    for (place, number) in numbers.iter_mut().enumerate() {
        let part = parts.next()?;
        let width = if place == 0 { 4 } else { 2 };
        if part.len() != width || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for Date {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
            .pattern(Some("^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"))
            .into()
    }
}

impl ToSchema for Date {}

/// A calendar month, written `2026-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    fn first_civil(self) -> civil::Date {
        civil::Date::new(self.year, self.month, 1).unwrap_or(EARLIEST)
    }

    pub fn first_day(self) -> Date {
        Date(self.first_civil())
    }

    pub fn last_day(self) -> Date {
        Date(self.first_civil().last_of_month())
    }

    pub fn days(self) -> i64 {
        i64::from(self.first_civil().days_in_month())
    }

    /// The month so many months later (earlier when negative).
    #[must_use]
    pub fn plus(self, months: i32) -> Self {
        let moved = self
            .first_civil()
            .saturating_add(i64::from(months).months())
            .clamp(EARLIEST, LATEST);
        Self {
            year: moved.year(),
            month: moved.month(),
        }
    }

    /// The month of the year, from 0 for January: the place in a season.
    pub fn season(self) -> usize {
        usize::try_from(self.month - 1).unwrap_or(0)
    }
}

impl FromStr for Month {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refused = || Invalid::new("INVALID_MONTH", "must be a month such as 2026-01");
        let [year, month] = digits::<2>(text).ok_or_else(refused)?;
        let month = i8::try_from(month).map_err(|_| refused())?;
        if !(1..=12).contains(&month) {
            return Err(refused());
        }
        if (1900..=2199).contains(&year) {
            Ok(Self { year, month })
        } else {
            Err(Invalid::new("OUT_OF_RANGE", "must be a month from 1900-01 to 2199-12"))
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for Month {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$"))
            .into()
    }
}

impl ToSchema for Month {}

/// An IANA time zone by its name, `Africa/Cairo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(String);

impl Zone {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which day it is there at this instant.
    pub fn date_at(&self, at: Timestamp) -> Date {
        let zone = TimeZone::get(&self.0).unwrap_or(TimeZone::UTC);
        let instant = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        Date(instant.to_zoned(zone).date().clamp(EARLIEST, LATEST))
    }

    /// The day somebody means: a day as it is, an instant (RFC 3339) as the day it is here.
    pub fn date_of(&self, text: &str) -> Result<Date, Invalid> {
        if text.len() <= 10 {
            return text.parse();
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| {
            Invalid::new(
                "INVALID_DATE",
                "must be a day such as 2026-01-31, or a time such as 2026-01-31T09:00:00Z",
            )
        })?;
        Ok(self.date_at(Timestamp::from_millis(instant.as_millisecond())))
    }
}

impl FromStr for Zone {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refused = || Invalid::new("UNKNOWN_TIME_ZONE", "must be an IANA time zone such as Africa/Cairo");
        let zone = TimeZone::get(text).map_err(|_| refused())?;
        zone.iana_name().map(|name| Self(name.to_owned())).ok_or_else(refused)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl PartialSchema for Zone {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            // No enumeration: generators make one name of `GMT-0` and `GMT+0`, and the set grows with the time zone data.
            .description(Some("The name of an IANA time zone; an unknown one is refused"))
            .examples(["Africa/Cairo"])
            .pattern(Some("^[A-Za-z][A-Za-z0-9_+/-]*$"))
            .into()
    }
}

impl ToSchema for Zone {}

deserialize_text!(Date, Month, Zone);

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_read_in_one_form_only() {
        assert_eq!(date("2024-02-29").to_string(), "2024-02-29");
        for text in [
            "2023-02-29",
            "2026-1-31",
            "2026-01-31T00:00:00Z",
            "20260131",
            "1899-12-31",
            "2026-13-01",
            "",
            "٢٠٢٦-٠١-٣١",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_that_is_out_of_range_is_told_the_range() {
        for text in ["9999-12-31", "1899-12-31", "2200-01-01"] {
            let refused = text.parse::<Date>().unwrap_err();
            assert_eq!(refused.code, "OUT_OF_RANGE");
            assert_eq!(refused.message, "must be a day from 1900-01-01 to 2199-12-31");
        }
        let refused = "9999-12".parse::<Month>().unwrap_err();
        assert_eq!(refused.message, "must be a month from 1900-01 to 2199-12");
        assert_eq!("2026-02-30".parse::<Date>().unwrap_err().code, "INVALID_DATE");
        assert_eq!("9999-13".parse::<Month>().unwrap_err().code, "INVALID_MONTH");
    }

    #[test]
    fn months_end_where_the_calendar_says() {
        let last = |month: &str| month.parse::<Month>().unwrap().last_day().to_string();
        assert_eq!(last("2024-02"), "2024-02-29");
        assert_eq!(last("2100-02"), "2100-02-28");
        assert_eq!(last("2026-12"), "2026-12-31");
        assert_eq!("2026-01".parse::<Month>().unwrap().plus(-1).to_string(), "2025-12");
        assert_eq!("2026-12".parse::<Month>().unwrap().plus(2).to_string(), "2027-02");
    }

    #[test]
    fn half_past_eleven_at_night_in_cairo_is_still_that_day_there() {
        let cairo: Zone = "Africa/Cairo".parse().unwrap();
        let utc: Zone = "UTC".parse().unwrap();
        // 2026-01-31 23:30 in Cairo (UTC+2)
        let at = "2026-01-31T21:30:00Z";
        assert_eq!(cairo.date_of(at).unwrap(), date("2026-01-31"));
        // 2026-02-01 00:30 in Cairo
        assert_eq!(cairo.date_of("2026-01-31T22:30:00.000Z").unwrap(), date("2026-02-01"));
        assert_eq!(utc.date_of("2026-01-31T22:30:00.000Z").unwrap(), date("2026-01-31"));
        assert_eq!(cairo.date_of("2026-01-31").unwrap(), date("2026-01-31"));
    }

    #[test]
    fn days_are_counted_over_month_ends_and_leap_days() {
        assert_eq!(date("2024-02-28").days_until(date("2024-03-01")), 2);
        assert_eq!(date("2024-12-31").plus_days(1), date("2025-01-01"));
        assert_eq!(date("2025-03-30").days_until(date("2026-03-30")), 365);
    }

    #[test]
    fn a_zone_keeps_its_proper_name() {
        assert_eq!("africa/cairo".parse::<Zone>().unwrap().as_str(), "Africa/Cairo");
        assert!("Mars/Olympus".parse::<Zone>().is_err());
        assert!("".parse::<Zone>().is_err());
    }
}
