//! How the property side's types go into statements.

use nexus_domain::company::LateFeeType;
use nexus_domain::date::{Date, Month, Zone};
use nexus_domain::invoice::{InvoiceKind, InvoiceStatus, PaymentMethod};
use nexus_domain::maintenance::{Priority, RequestStatus};
use nexus_domain::money::{Currency, Money};
use nexus_domain::occupancy::{DepositAction, OccupancyStatus};
use nexus_domain::premises::ApartmentStatus;

use crate::{FromValue, Value};

macro_rules! as_text {
    ($($type:ty),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::Text(value.to_string())
            }
        }
    )+};
}
as_text!(
    ApartmentStatus,
    Currency,
    Date,
    DepositAction,
    InvoiceKind,
    InvoiceStatus,
    LateFeeType,
    Month,
    OccupancyStatus,
    PaymentMethod,
    Priority,
    RequestStatus,
    &Zone,
);

impl From<Money> for Value {
    fn from(amount: Money) -> Self {
        Value::Integer(amount.minor_units())
    }
}

impl FromValue for Money {
    fn from_value(value: &Value) -> Option<Self> {
        Money::from_minor_units(i64::from_value(value)?).ok()
    }
}
