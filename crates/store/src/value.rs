//! Values and rows as they cross the seam, and how Rust types become and come from them.

use nexus_domain::Timestamp;
use uuid::Uuid;

use crate::StoreError;

/// One SQLite value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

/// One row of an answer; columns are read by their place in the statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub(crate) Vec<Value>);

impl From<Vec<Value>> for Row {
    fn from(values: Vec<Value>) -> Self {
        Self(values)
    }
}

impl Row {
    /// The column at `index` as `T`; a type that doesn't fit is an error of the store, not of the caller.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, StoreError> {
        let value = self.0.get(index).ok_or(StoreError::Column { index })?;
        T::from_value(value).ok_or(StoreError::Column { index })
    }

    /// As `get`, through a type that reads itself from text (`Role`, `UserId`, …).
    pub fn parse<T: std::str::FromStr>(&self, index: usize) -> Result<T, StoreError> {
        match self.0.get(index) {
            Some(Value::Text(text)) => text.parse().map_err(|_| StoreError::Column { index }),
            _ => Err(StoreError::Column { index }),
        }
    }

    /// As `parse`, where NULL is `None`.
    pub fn parse_opt<T: std::str::FromStr>(&self, index: usize) -> Result<Option<T>, StoreError> {
        match self.0.get(index) {
            Some(Value::Null) => Ok(None),
            _ => self.parse(index).map(Some),
        }
    }

    /// As `get`, but the text or blob is moved out instead of copied; read each such column once.
    pub fn take_text(&mut self, index: usize) -> Result<String, StoreError> {
        match self.0.get_mut(index) {
            Some(Value::Text(text)) => Ok(std::mem::take(text)),
            _ => Err(StoreError::Column { index }),
        }
    }

    /// The blob at `index`, moved out.
    pub fn take_blob(&mut self, index: usize) -> Result<Vec<u8>, StoreError> {
        match self.0.get_mut(index) {
            Some(Value::Blob(bytes)) => Ok(std::mem::take(bytes)),
            _ => Err(StoreError::Column { index }),
        }
    }
}

pub trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

/// Whatever it is: what a list is sorted by goes into a cursor and comes back.
impl FromValue for Value {
    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(integer) => Some(*integer),
            _ => None,
        }
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Real(real) => Some(*real),
            // SQLite stores a REAL without a fraction as an integer where the column has no affinity.
            #[allow(clippy::cast_precision_loss)]
            Value::Integer(integer) => Some(*integer as f64),
            _ => None,
        }
    }
}

macro_rules! narrower {
    ($($type:ty),+) => {$(
        impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> {
                i64::from_value(value)?.try_into().ok()
            }
        }
    )+};
}
narrower!(u8, u16, u32, u64, usize, i32);

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(|integer| integer != 0)
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(Timestamp::from_millis)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

macro_rules! into_value {
    ($($type:ty => |$given:ident| $made:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($given: $type) -> Self {
                $made
            }
        }
    )+};
}
into_value!(
    i64 => |v| Value::Integer(v),
    i32 => |v| Value::Integer(v.into()),
    u32 => |v| Value::Integer(v.into()),
    u16 => |v| Value::Integer(v.into()),
    u8 => |v| Value::Integer(v.into()),
    bool => |v| Value::Integer(v.into()),
    f64 => |v| Value::Real(v),
    &str => |v| Value::Text(v.to_owned()),
    String => |v| Value::Text(v),
    &String => |v| Value::Text(v.clone()),
    Vec<u8> => |v| Value::Blob(v),
    &[u8] => |v| Value::Blob(v.to_vec()),
    Timestamp => |v| Value::Integer(v.as_millis()),
    Uuid => |v| Value::Text(v.hyphenated().to_string()),
);

macro_rules! as_text {
    ($($type:ty),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Value::Text(value.to_string())
            }
        }
    )+};
}
mod ids {
    use super::Value;
    use nexus_domain::ids::*;
    as_text!(
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
    use nexus_domain::Role;
    use nexus_domain::mail::MailStatus;
    use nexus_domain::status::{UserStatus, VerificationStatus};
    as_text!(MailStatus, Role, UserStatus, VerificationStatus);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// `params![a, b, c]`: the values of a statement's `?1, ?2, ?3`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::Value::from($value)),*][..]
    };
}
