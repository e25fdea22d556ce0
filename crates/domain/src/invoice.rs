//! Invoices and the payments on them.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use crate::date::Date;
use crate::field_types::{deserialize_integer, deserialize_text, identifier, name, text_type};
use crate::ids::{CompanyId, InvoiceId, OccupancyId, PaymentId, TenantId, UserId};
use crate::money::{Currency, Money, OutOfRange};
use crate::status::wire_enum;
use crate::{Invalid, Timestamp};

wire_enum!(
    InvoiceStatus {
        Draft => "DRAFT",
        Issued => "ISSUED",
        PartiallyPaid => "PARTIALLY_PAID",
        Paid => "PAID",
        Overdue => "OVERDUE",
        Void => "VOID",
    }
);

wire_enum!(
    PaymentMethod {
        Cash => "CASH",
        Card => "CARD",
        BankTransfer => "BANK_TRANSFER",
        Cheque => "CHEQUE",
        Other => "OTHER",
    }
);

wire_enum!(
    /// Why an invoice was made.
    InvoiceKind {
        Manual => "MANUAL",
        Rent => "RENT",
        LateFee => "LATE_FEE",
    }
);

deserialize_text!(InvoiceStatus, PaymentMethod, InvoiceKind);

impl InvoiceStatus {
    /// The status of an issued invoice: paid in full, late, partly paid, or simply issued.
    pub fn of_issued(total: Money, paid: Money, due: Date, today: Date) -> Self {
        if paid >= total {
            Self::Paid
        } else if due < today {
            Self::Overdue
        } else if paid.is_zero() {
            Self::Issued
        } else {
            Self::PartiallyPaid
        }
    }
}

text_type! {
    LineDescription: 1..=500, name;
    /// A cheque's number, a transfer's id.
    Reference: 1..=200, identifier;
}

/// How many of a thing, 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = i32, minimum = 1, maximum = 10000)]
pub struct Quantity(i64);

impl TryFrom<i64> for Quantity {
    type Error = Invalid;

    fn try_from(number: i64) -> Result<Self, Invalid> {
        if (1..=10_000).contains(&number) {
            Ok(Self(number))
        } else {
            Err(Invalid::new("OUT_OF_RANGE", "must be a whole number from 1 to 10000"))
        }
    }
}

deserialize_integer!(Quantity);

/// A line as it is given.
#[derive(Debug, Clone, ToSchema, deserr::Deserr)]
#[deserr(deny_unknown_fields, rename_all = camelCase, where_predicate = __Deserr_E: deserr::MergeWithError<Invalid>)]
#[schema(rename_all = "camelCase")]
pub struct NewLine {
    pub description: LineDescription,
    #[deserr(default = Quantity(1))]
    #[schema(required = false)]
    pub quantity: Quantity,
    pub unit_amount: Money,
    /// May be left out; if it stands there it must be `quantity × unitAmount`.
    #[deserr(default)]
    #[schema(nullable = false)]
    pub amount: Option<Money>,
}

/// A line as it was invoiced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    pub description: String,
    pub quantity: i64,
    pub unit_amount: i64,
    pub amount: i64,
}

impl Line {
    /// One thing for one amount.
    pub fn single(description: String, amount: Money) -> Self {
        Self {
            description,
            quantity: 1,
            unit_amount: amount.minor_units(),
            amount: amount.minor_units(),
        }
    }
}

/// The lines of an invoice, at most 100, and what they come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    pub lines: Vec<Line>,
    pub total: Money,
}

impl Lines {
    pub fn from_given(given: &[NewLine]) -> Result<Self, (String, Invalid)> {
        if given.is_empty() || given.len() > 100 {
            return Err(("lines".into(), Invalid::new("WRONG_LENGTH", "must have 1 to 100 lines")));
        }
        let too_much = |field: String| {
            move |OutOfRange| {
                (
                    field,
                    Invalid::new("OUT_OF_RANGE", format!("comes to more than {}", Money::MAX)),
                )
            }
        };
        let mut total = Money::ZERO;
        let mut lines = Vec::with_capacity(given.len());
        for (place, line) in given.iter().enumerate() {
            let field = format!("lines[{place}].amount");
            let amount = line
                .unit_amount
                .times(line.quantity.0)
                .map_err(too_much(field.clone()))?;
            if line.amount.is_some_and(|stated| stated != amount) {
                return Err((field, Invalid::new("WRONG_AMOUNT", "must be quantity × unitAmount")));
            }
            total = total.plus(amount).map_err(too_much("lines".into()))?;
            lines.push(Line {
                description: line.description.as_str().to_owned(),
                quantity: line.quantity.0,
                unit_amount: line.unit_amount.minor_units(),
                amount: amount.minor_units(),
            });
        }
        Ok(Self { lines, total })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invoice {
    pub id: InvoiceId,
    pub company_id: CompanyId,
    pub occupancy_id: OccupancyId,
    pub tenant_id: TenantId,
    /// Given when the invoice is issued, without gaps in a company's year; drafts have none.
    pub invoice_number: Option<String>,
    pub kind: InvoiceKind,
    pub invoice_date: Date,
    pub due_date: Date,
    pub period_start: Option<Date>,
    pub period_end: Option<Date>,
    pub lines: Vec<Line>,
    pub currency: Currency,
    pub total_amount: Money,
    pub paid_amount: Money,
    pub balance: Money,
    pub status: InvoiceStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// The number of the `sequence`-th invoice of a year.
pub fn invoice_number(year: i16, sequence: i64) -> String {
    format!("{year:04}-{sequence:06}")
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    pub id: PaymentId,
    pub company_id: CompanyId,
    pub invoice_id: InvoiceId,
    pub tenant_id: TenantId,
    pub amount: Money,
    pub currency: Currency,
    pub payment_date: Date,
    pub payment_method: PaymentMethod,
    pub reference: Option<String>,
    pub recorded_by: Option<UserId>,
    /// When the payment was taken back, if it was.
    pub reversed_at: Option<Timestamp>,
    pub reversal_reason: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// Why the ledger refuses something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    #[error("there is nothing with this id")]
    NotFound,
    #[error("an invoice that is {0} can't be changed so")]
    InvalidTransition(InvoiceStatus),
    #[error("more than is owed")]
    Overpayment,
    #[error("payments stand on this invoice")]
    HasPayments,
    /// The fee's number.
    #[error("payments stand on the invoice's late fee, {0}")]
    FeeHasPayments(String),
    #[error("the payment was reversed before")]
    AlreadyReversed,
    #[error("the amount is out of range")]
    OutOfRange,
}

impl From<OutOfRange> for LedgerError {
    fn from(OutOfRange: OutOfRange) -> Self {
        Self::OutOfRange
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(units: i64) -> Money {
        Money::from_minor_units(units).unwrap()
    }

    fn line(quantity: i64, unit: i64, amount: Option<i64>) -> NewLine {
        NewLine {
            description: "Rent".parse().unwrap(),
            quantity: Quantity(quantity),
            unit_amount: money(unit),
            amount: amount.map(money),
        }
    }

    #[test]
    fn lines_add_up_and_a_wrong_amount_is_named() {
        let lines = Lines::from_given(&[line(2, 150, Some(300)), line(1, 5, None)]).unwrap();
        assert_eq!(lines.total, money(305));
        let (field, invalid) = Lines::from_given(&[line(1, 1, None), line(2, 150, Some(301))]).unwrap_err();
        assert_eq!((field.as_str(), invalid.code), ("lines[1].amount", "WRONG_AMOUNT"));
        assert!(Lines::from_given(&[]).is_err());
        assert!(Lines::from_given(&[line(10_000, Money::MAX, None)]).is_err());
    }

    #[test]
    fn the_status_of_an_issued_invoice_follows_from_what_is_paid_and_the_day() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        let on = |paid, today: &str| InvoiceStatus::of_issued(money(100), money(paid), date("2026-01-10"), date(today));
        assert_eq!(on(0, "2026-01-10"), InvoiceStatus::Issued);
        assert_eq!(on(1, "2026-01-10"), InvoiceStatus::PartiallyPaid);
        assert_eq!(on(99, "2026-01-11"), InvoiceStatus::Overdue);
        assert_eq!(on(100, "2026-01-11"), InvoiceStatus::Paid);
    }
}
