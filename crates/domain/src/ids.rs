//! Typed identifiers: a `ChatId` can't be handed in where a `UserId` is wanted.
//!
//! All are UUIDv7, so that primary keys grow with time and index pages stay warm.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Invalid;

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid")]
        pub struct $name(Uuid);

        impl $name {
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// A UUIDv7 of this instant and these random bits.
            pub fn generate(now: crate::Timestamp, random: [u8; 10]) -> Self {
                Self(uuid_v7(now, random))
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                parse_uuid(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }
    )+};
}

typed_ids!(
    UserId,
    CompanyId,
    SessionId,
    PasskeyId,
    DocumentId,
    AuditId,
    MailId,
    ChatId,
    MessageId,
    AttachmentId,
    NotificationId,
    CompoundId,
    ApartmentId,
    TenantId,
    OccupancyId,
    InvoiceId,
    PaymentId,
    MaintenanceRequestId,
);

pub fn uuid_v7(now: crate::Timestamp, random: [u8; 10]) -> Uuid {
    // Times before 1970 don't occur here; a clock that says so still gives a valid id.
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Only the hyphenated form is an id: the other spellings `Uuid` accepts would give one row several names.
fn parse_uuid(text: &str) -> Result<Uuid, Invalid> {
    let refused = || {
        Invalid::new(
            "INVALID_ID",
            "must be a UUID such as 0190a8c2-7d3e-7f41-9c2b-5d1e8f6a0b3c",
        )
    };
    if text.len() != 36 {
        return Err(refused());
    }
    Uuid::try_parse(text).map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_round_trips_through_its_text() {
        let id = UserId::generate(crate::Timestamp::from_millis(1_700_000_000_000), [7; 10]);
        assert_eq!(id.to_string().parse::<UserId>(), Ok(id));
        assert_eq!(id.uuid().get_version_num(), 7);
    }

    #[test]
    fn ids_made_later_sort_later() {
        let early = UserId::generate(crate::Timestamp::from_millis(1_000), [255; 10]);
        let late = UserId::generate(crate::Timestamp::from_millis(1_001), [0; 10]);
        assert!(early < late);
    }

    #[test]
    fn other_spellings_of_a_uuid_are_refused() {
        for text in [
            "",
            "0190a8c27d3e7f419c2b5d1e8f6a0b3c",
            "{0190a8c2-7d3e-7f41-9c2b-5d1e8f6a0b3c}",
            "x",
        ] {
            assert!(text.parse::<ChatId>().is_err(), "{text}");
        }
    }
}
