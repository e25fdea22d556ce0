//! What the domain's errors mean over HTTP.

use axum::response::{IntoResponse, Response};
use nexus_domain::Invalid;
use nexus_domain::invoice::LedgerError;
use nexus_domain::occupancy::OccupancyError;
use nexus_domain::place::ApartmentError;
use nexus_kit::{Code, Problem};
use nexus_store::property::references::Reference;
use nexus_store::{
    StoreError,
    property::{invoices, occupancies},
};

/// A problem, made from whatever went wrong in here.
pub struct Fault(Problem);

/// What a handler answers.
pub type Outcome = Result<Response, Fault>;

impl Fault {
    /// Says what refers to the thing that can't be removed.
    pub fn kept_by(self, found: &[Reference]) -> Self {
        if found.is_empty() {
            return self;
        }
        let listed: Vec<_> = found
            .iter()
            .map(|reference| format!("{} {}", reference.count, reference.resource))
            .collect();
        let detail = format!("This is referred to by {}.", listed.join(", "));
        Self(
            self.0
                .with_detail(detail)
                .with_member("references", serde_json::json!(found)),
        )
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self(match &error {
            // A trigger that keeps the books as they are: what is in them can't be removed.
            StoreError::Refused { code } if code == "LEDGER_APPEND_ONLY" => {
                Problem::new(Code::Conflict, "This stands in the books and stays there.")
            }
            StoreError::Refused { code } if code == "CURRENCY_FIXED" => Problem::new(
                Code::Conflict,
                "A company has one currency, and amounts are written down in this one already.",
            ),
            error if error.is_not_unique("companies.slug") => {
                Problem::new(Code::Conflict, "Another company has this slug.")
            }
            _ => error.into(),
        })
    }
}

impl From<ApartmentError<StoreError>> for Fault {
    fn from(error: ApartmentError<StoreError>) -> Self {
        Self(match error {
            ApartmentError::NumberTaken => {
                Problem::new(Code::Conflict, "Another apartment of this compound has this number.")
            }
            ApartmentError::StatusFollows => Problem::new(
                Code::InvalidTransition,
                "Whether an apartment is VACANT or OCCUPIED follows from its occupancies.",
            ),
            ApartmentError::Let => Problem::new(Code::Conflict, "Somebody lives in this apartment, or will."),
            ApartmentError::Store(error) => return error.into(),
        })
    }
}

impl From<OccupancyError> for Fault {
    fn from(error: OccupancyError) -> Self {
        let (code, detail) = match error {
            OccupancyError::NotFound => return Self(Problem::not_found()),
            OccupancyError::Overlap => (
                Code::OccupancyOverlap,
                "The apartment is occupied on some of these days.".to_owned(),
            ),
            OccupancyError::EndsBeforeItStarts => {
                let invalid = Invalid::new("OUT_OF_RANGE", "must not be before `startDate`");
                return Self(Problem::field("endDate", invalid));
            }
            OccupancyError::ApartmentInactive => {
                (Code::Conflict, "This apartment is INACTIVE: it is not let.".to_owned())
            }
            OccupancyError::InvalidTransition(status) => (
                Code::InvalidTransition,
                format!("An occupancy that is {status} can't be changed so."),
            ),
            OccupancyError::DepositExceeded => {
                (Code::Overpayment, "This is more than the deposit agreed on.".to_owned())
            }
            OccupancyError::DepositNotHeld => (
                Code::Overpayment,
                "This is more than is held of the deposit.".to_owned(),
            ),
        };
        Self(Problem::new(code, detail))
    }
}

impl From<occupancies::Refused> for Fault {
    fn from(refused: occupancies::Refused) -> Self {
        match refused {
            occupancies::Refused::Rule(error) => error.into(),
            occupancies::Refused::Store(error) => error.into(),
        }
    }
}

impl From<LedgerError> for Fault {
    fn from(error: LedgerError) -> Self {
        let (code, detail) = match error {
            LedgerError::NotFound => return Self(Problem::not_found()),
            LedgerError::InvalidTransition(status) => (
                Code::InvalidTransition,
                format!("This can't be done with an invoice that is {status}."),
            ),
            LedgerError::Overpayment => (
                Code::Overpayment,
                "This is more than is owed on the invoice.".to_owned(),
            ),
            LedgerError::HasPayments => (
                Code::InvalidTransition,
                "Something was paid on this invoice. Reverse the payments first.".to_owned(),
            ),
            LedgerError::FeeHasPayments(number) => (
                Code::InvalidTransition,
                format!("Something was paid on this invoice's late fee, {number}. Reverse those payments first."),
            ),
            LedgerError::AlreadyReversed => (Code::InvalidTransition, "This payment was reversed before.".to_owned()),
            LedgerError::OutOfRange => {
                return Self(Problem::field(
                    "amount",
                    Invalid::new("OUT_OF_RANGE", "is too large to be reckoned with"),
                ));
            }
        };
        Self(Problem::new(code, detail))
    }
}

impl From<invoices::Refused> for Fault {
    fn from(refused: invoices::Refused) -> Self {
        match refused {
            invoices::Refused::Rule(error) => error.into(),
            invoices::Refused::Store(error) => error.into(),
        }
    }
}
