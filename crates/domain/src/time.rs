//! Instants as the contract writes them: RFC 3339, UTC, milliseconds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use crate::Invalid;

/// Milliseconds since 1970-01-01T00:00:00Z. Stored as an integer, written as `2026-01-31T09:00:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds, rounded down: the unit of JWT claims and signatures.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_millis(seconds.saturating_mul(1_000))
    }

    /// For `Retry-After`: whole seconds until `later`, rounded up, and at least one.
    pub fn seconds_until(self, later: Self) -> u64 {
        let millis = later.0.saturating_sub(self.0);
        u64::try_from(millis).unwrap_or(0).div_ceil(1_000).max(1)
    }
}

/// `2026-01-31T09:00:00.000Z`
const WIDTH: usize = 24;
/// Of the years that RFC 3339 can write, 0000 to 9999, in milliseconds.
const WRITABLE: std::ops::Range<i64> = -62_167_219_200_000..253_402_300_800_000;

impl Timestamp {
    /// As it is written, if it can be. By hand: a page of a list has forty of them, and jiff's printer, which can do any
    /// zone and precision, does more than is needed for one form.
    fn written(self) -> Option<[u8; WIDTH]> {
        if !WRITABLE.contains(&self.0) {
            return None;
        }
        let (day, millis) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil(day);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (at, width, number) in [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, millis / 3_600_000),
            (14, 2, millis / 60_000 % 60),
            (17, 2, millis / 1_000 % 60),
            (20, 3, millis % 1_000),
        ] {
            let mut rest = number;
            for place in (at..at + width).rev() {
                text[place] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
                rest /= 10;
            }
        }
        Some(text)
    }
}

/// Year, month and day of the day so many days after 1970-01-01 (Howard Hinnant, *chrono-Compatible Low-Level Date
/// Algorithms*, `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.written() {
            Some(text) => f.write_str(std::str::from_utf8(&text).unwrap_or_default()),
            // Nothing stored gets here.
            None => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.written() {
            Some(text) => serializer.serialize_str(std::str::from_utf8(&text).unwrap_or_default()),
            None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(instant.as_millisecond()))
    }
}

impl FromStr for Timestamp {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        text.parse::<jiff::Timestamp>()
            .map(|instant| Self(instant.as_millisecond()))
            .map_err(|_| Invalid::new("INVALID_TIME", "must be a time like 2026-01-31T09:00:00.000Z"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_three_decimals_and_z() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            Timestamp::from_millis(1_769_850_000_007).to_string(),
            "2026-01-31T09:00:00.007Z"
        );
    }

    #[test]
    fn what_is_written_is_what_jiff_writes_on_every_day_of_the_years_that_can_be_written() {
        for day in (WRITABLE.start / 86_400_000)..(WRITABLE.end / 86_400_000) {
            let millis = day * 86_400_000 + (day * 7_919_993).rem_euclid(86_400_000);
            let by_jiff = jiff::Timestamp::from_millisecond(millis).map(|instant| format!("{instant:.3}"));
            // jiff ends a day before the year does.
            if let Ok(by_jiff) = by_jiff {
                assert_eq!(Timestamp::from_millis(millis).to_string(), by_jiff);
            }
        }
    }

    #[test]
    fn a_written_time_reads_back() {
        let at = Timestamp::from_millis(1_709_210_096_123);
        let json = serde_json::to_string(&at).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), at);
        assert_eq!(at.to_string().parse(), Ok(at));
        for no_time in ["", "2026-01-31", "2026-01-31T09:00:00", "soon", "1709210096123"] {
            assert!(no_time.parse::<Timestamp>().is_err(), "{no_time}");
        }
    }
}
