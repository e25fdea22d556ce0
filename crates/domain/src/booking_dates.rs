//! Which days and months can be booked. A slip of the keyboard (2062 for 2026, 0206 for 2026) would number invoices and
//! fill reports for good: the books can't be unwritten.

use crate::Invalid;
use crate::date::{Date, Month};

/// Before this nothing is billed or paid: books of that time are not kept here.
const FIRST_YEAR: i16 = 2000;

/// How far ahead an invoice may be dated, in days.
const AHEAD: i32 = 366;

fn first_day() -> Date {
    Date::first_of_year(FIRST_YEAR)
}

fn between(date: Date, last: Date, what: &str) -> Result<Date, Invalid> {
    let first = first_day();
    if (first..=last).contains(&date) {
        Ok(date)
    } else {
        Err(Invalid::new(
            "OUT_OF_RANGE",
            format!("must be a day from {first} to {last}, {what}"),
        ))
    }
}

/// Money is booked when it has come: at most today.
pub fn check_payment_date(date: Date, today: Date) -> Result<Date, Invalid> {
    between(date, today, "today")
}

/// A draft may be dated ahead, by a year at most.
pub fn check_invoice_date(date: Date, today: Date) -> Result<Date, Invalid> {
    between(date, today.plus_days(AHEAD), "a year from today")
}

/// Rent is billed for this month, those before it, and the next one.
pub fn check_billed_month(month: Month, today: Date) -> Result<Month, Invalid> {
    let (first, last) = (first_day().month(), today.month().plus(1));
    if (first..=last).contains(&month) {
        Ok(month)
    } else {
        Err(Invalid::new(
            "OUT_OF_RANGE",
            format!("must be a month from {first} to {last}, the next one"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn payments_are_of_today_or_before() {
        let today = date("2026-12-31");
        for taken in ["2026-12-31", "2026-01-01", "2000-01-01"] {
            assert!(check_payment_date(date(taken), today).is_ok(), "{taken}");
        }
        for refused in ["2027-01-01", "2030-01-01", "1999-12-31", "1900-01-01"] {
            let invalid = check_payment_date(date(refused), today).unwrap_err();
            assert_eq!(
                invalid.message, "must be a day from 2000-01-01 to 2026-12-31, today",
                "{refused}"
            );
        }
    }

    #[test]
    fn invoices_are_dated_a_year_ahead_at_most() {
        let today = date("2026-12-01");
        assert!(check_invoice_date(date("2027-12-01"), today).is_ok());
        for refused in ["2027-12-03", "2072-01-01", "1999-12-31"] {
            assert!(check_invoice_date(date(refused), today).is_err(), "{refused}");
        }
    }

    #[test]
    fn rent_is_billed_up_to_the_next_month() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        let today = date("2026-12-31");
        for taken in ["2027-01", "2026-12", "2000-01"] {
            assert!(check_billed_month(month(taken), today).is_ok(), "{taken}");
        }
        for refused in ["2027-02", "2072-01", "1999-12"] {
            let invalid = check_billed_month(month(refused), today).unwrap_err();
            assert_eq!(
                invalid.message, "must be a month from 2000-01 to 2027-01, the next one",
                "{refused}"
            );
        }
    }
}
