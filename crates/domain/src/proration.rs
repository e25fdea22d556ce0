//! What a part of a month costs.
//!
//! The rule: each day of a month costs the month's rent divided by the days of *that* month; the days
//! from the first to the last, both counted, are paid; the sum is rounded once, half up, to a whole
//! minor unit. So a full month costs the rent exactly, whether it has 28 days or 31.

use crate::date::{Date, Month};
use crate::money::{Money, OutOfRange};

/// The part of a month that an occupancy takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub first: Date,
    pub last: Date,
    pub days: i64,
    pub of: i64,
}

/// The days of `month` from `start` to `end` (open: to the month's end), if there are any.
pub fn part_of(month: Month, start: Date, end: Option<Date>) -> Option<Part> {
    let first = start.max(month.first_day());
    let last = end.map_or(month.last_day(), |end| end.min(month.last_day()));
    (first <= last).then(|| Part {
        first,
        last,
        days: first.days_until(last) + 1,
        of: month.days(),
    })
}

impl Part {
    pub fn rent(self, monthly: Money) -> Result<Money, OutOfRange> {
        monthly.share(self.days, self.of)
    }

    pub fn is_whole(self) -> bool {
        self.days == self.of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rent(month: &str, start: &str, end: Option<&str>) -> Option<i64> {
        let part = part_of(
            month.parse().unwrap(),
            start.parse().unwrap(),
            end.map(|end| end.parse().unwrap()),
        )?;
        Some(
            part.rent(Money::from_minor_units(310_000).unwrap())
                .unwrap()
                .minor_units(),
        )
    }

    #[test]
    fn a_whole_month_costs_the_rent_however_long_it_is() {
        for month in ["2026-01", "2026-02", "2024-02", "2026-04"] {
            assert_eq!(rent(month, "2020-01-01", None), Some(310_000), "{month}");
        }
    }

    #[test]
    fn a_part_costs_its_days() {
        assert_eq!(rent("2026-01", "2026-01-31", None), Some(10_000));
        assert_eq!(rent("2026-01", "2025-12-15", Some("2026-01-15")), Some(150_000));
        assert_eq!(
            rent("2026-02", "2026-02-10", Some("2026-02-10")),
            Some(11_071),
            "310000/28, rounded"
        );
        assert_eq!(rent("2024-02", "2024-02-29", None), Some(10_690), "310000/29, rounded");
    }

    #[test]
    fn a_month_outside_the_occupancy_costs_nothing() {
        assert_eq!(rent("2026-03", "2026-01-01", Some("2026-02-28")), None);
        assert_eq!(rent("2025-12", "2026-01-01", None), None);
    }

    #[test]
    fn the_parts_before_and_after_a_change_of_tenant_add_up() {
        let (before, after) = (
            rent("2026-01", "2025-01-01", Some("2026-01-12")),
            rent("2026-01", "2026-01-13", None),
        );
        assert_eq!(before.unwrap() + after.unwrap(), 310_000);
    }
}
