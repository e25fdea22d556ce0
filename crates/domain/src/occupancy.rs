//! Occupancies: who holds which apartment from when until when, for how much.

use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

use crate::Timestamp;
use crate::date::Date;
use crate::field_types::{deserialize_text, lines, text_type};
use crate::ids::{ApartmentId, CompanyId, OccupancyId, TenantId};
use crate::money::Money;
use crate::status::wire_enum;

wire_enum!(
    OccupancyStatus {
        Upcoming => "UPCOMING",
        Active => "ACTIVE",
        Ended => "ENDED",
        Cancelled => "CANCELLED",
    }
);

wire_enum!(
    /// What happens to a deposit.
    DepositAction {
        Receive => "RECEIVE",
        Return => "RETURN",
        Deduct => "DEDUCT",
    }
);

deserialize_text!(OccupancyStatus, DepositAction);

text_type! {
    /// Why something was done.
    Reason: 1..=500, lines;
}

impl OccupancyStatus {
    /// The status that follows from the dates; both days belong to the occupancy.
    pub fn on(today: Date, start: Date, end: Option<Date>) -> Self {
        if today < start {
            Self::Upcoming
        } else if end.is_some_and(|end| end < today) {
            Self::Ended
        } else {
            Self::Active
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Occupancy {
    pub id: OccupancyId,
    pub company_id: CompanyId,
    pub apartment_id: ApartmentId,
    pub tenant_id: TenantId,
    pub start_date: Date,
    /// The last day, inclusive; `null`: open.
    pub end_date: Option<Date>,
    pub monthly_rent: Money,
    pub deposit_amount: Money,
    /// What of the deposit the company holds now.
    pub deposit_held: Money,
    pub status: OccupancyStatus,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// Why an occupancy can't be made or changed so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OccupancyError {
    #[error("there is no such occupancy")]
    NotFound,
    #[error("the apartment is occupied on some of these days")]
    Overlap,
    #[error("the last day is before the first")]
    EndsBeforeItStarts,
    #[error("the apartment is not let")]
    ApartmentInactive,
    #[error("a {0} occupancy can't be changed so")]
    InvalidTransition(OccupancyStatus),
    #[error("more than the deposit agreed on")]
    DepositExceeded,
    #[error("more than is held of the deposit")]
    DepositNotHeld,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_the_first_and_the_last_day_are_occupied() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        let on = |today| OccupancyStatus::on(date(today), date("2026-01-10"), Some(date("2026-01-20")));
        assert_eq!(on("2026-01-09"), OccupancyStatus::Upcoming);
        assert_eq!(on("2026-01-10"), OccupancyStatus::Active);
        assert_eq!(on("2026-01-20"), OccupancyStatus::Active);
        assert_eq!(on("2026-01-21"), OccupancyStatus::Ended);
        assert_eq!(
            OccupancyStatus::on(date("2199-01-01"), date("2026-01-10"), None),
            OccupancyStatus::Active
        );
    }
}
