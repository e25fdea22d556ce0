//! What the domain's errors mean over HTTP.

use nexus_domain::Invalid;
use nexus_domain::invoice::LedgerError;
use nexus_domain::occupancy::OccupancyError;
use nexus_domain::premises::ApartmentError;
use nexus_store::StoreError;
use nexus_store::property::invoices::InvoiceRefusal;
use nexus_store::property::occupancies::OccupancyRefusal;
use nexus_store::property::references::Reference;

use crate::{ApiError, Code};

impl ApiError {
    /// Names the rows that refer to the one that can't be removed.
    #[must_use]
    pub fn kept_by(self, found: &[Reference]) -> Self {
        if found.is_empty() {
            return self;
        }
        let listed: Vec<_> = found
            .iter()
            .map(|reference| format!("{} {}", reference.count, reference.resource))
            .collect();
        let detail = format!("This is referred to by {}.", listed.join(", "));
        self.with_detail(detail)
            .with_member("references", serde_json::json!(found))
    }
}

impl From<ApartmentError<StoreError>> for ApiError {
    fn from(error: ApartmentError<StoreError>) -> Self {
        match error {
            ApartmentError::NumberTaken => {
                ApiError::new(Code::Conflict, "Another apartment of this compound has this number.")
            }
            ApartmentError::StatusFollows => ApiError::new(
                Code::InvalidTransition,
                "Whether an apartment is VACANT or OCCUPIED follows from its occupancies.",
            ),
            ApartmentError::Let => ApiError::new(Code::Conflict, "Somebody lives in this apartment, or will."),
            ApartmentError::Store(error) => error.into(),
        }
    }
}

impl From<OccupancyError> for ApiError {
    fn from(error: OccupancyError) -> Self {
        let (code, detail) = match error {
            OccupancyError::NotFound => return ApiError::not_found(),
            OccupancyError::Overlap => (
                Code::OccupancyOverlap,
                "The apartment is occupied on some of these days.".to_owned(),
            ),
            OccupancyError::EndsBeforeItStarts => {
                let invalid = Invalid::new("OUT_OF_RANGE", "must not be before `startDate`");
                return ApiError::field("endDate", invalid);
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
        ApiError::new(code, detail)
    }
}

impl From<OccupancyRefusal> for ApiError {
    fn from(refused: OccupancyRefusal) -> Self {
        match refused {
            OccupancyRefusal::Rule(error) => error.into(),
            OccupancyRefusal::Store(error) => error.into(),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        let (code, detail) = match error {
            LedgerError::NotFound => return ApiError::not_found(),
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
                let invalid = Invalid::new("OUT_OF_RANGE", "is too large to be reckoned with");
                return ApiError::field("amount", invalid);
            }
        };
        ApiError::new(code, detail)
    }
}

impl From<InvoiceRefusal> for ApiError {
    fn from(refused: InvoiceRefusal) -> Self {
        match refused {
            InvoiceRefusal::Rule(error) => error.into(),
            InvoiceRefusal::Store(error) => error.into(),
        }
    }
}
