//! Maintenance requests, from the resident who sees the leak to the person who mends it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;
use crate::field_types::{deserialize_text, lines, name, text_type};
use crate::ids::{ApartmentId, AttachmentId, CompanyId, MaintenanceRequestId, UserId};
use crate::status::wire_enum;

wire_enum!(
    Priority {
        Low => "LOW",
        Normal => "NORMAL",
        High => "HIGH",
        Urgent => "URGENT",
    }
);

wire_enum!(
    RequestStatus {
        Open => "OPEN",
        InProgress => "IN_PROGRESS",
        Resolved => "RESOLVED",
        Closed => "CLOSED",
    }
);

deserialize_text!(Priority, RequestStatus);

text_type! {
    Title: 1..=200, name;
    Description: 1..=5000, lines;
}

impl RequestStatus {
    /// Work may start, stop and start again; what is closed stays closed.
    pub fn may_become(self, next: RequestStatus) -> bool {
        use RequestStatus::{Closed, InProgress, Open, Resolved};
        self == next
            || matches!(
                (self, next),
                (Open, InProgress | Resolved | Closed)
                    | (InProgress, Open | Resolved | Closed)
                    | (Resolved, InProgress | Closed)
            )
    }
}

/// One step in a request's life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusChange {
    pub at: Timestamp,
    pub by: UserId,
    pub status: RequestStatus,
}

/// A photo or paper that belongs to a request.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceRequest {
    pub id: MaintenanceRequestId,
    pub company_id: CompanyId,
    pub apartment_id: ApartmentId,
    pub requested_by: UserId,
    pub title: String,
    pub description: String,
    pub priority: Priority,
    pub status: RequestStatus,
    pub assignee_id: Option<UserId>,
    pub attachments: Vec<AttachmentId>,
    /// Oldest first.
    pub history: Vec<StatusChange>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_request_stays_closed_and_a_resolved_one_may_be_taken_up_again() {
        use RequestStatus::{Closed, InProgress, Open, Resolved};
        assert!(Open.may_become(InProgress) && Resolved.may_become(InProgress) && InProgress.may_become(Resolved));
        assert!(
            ![Open, InProgress, Resolved]
                .into_iter()
                .any(|next| Closed.may_become(next))
        );
        assert!(!Resolved.may_become(Open));
    }
}
