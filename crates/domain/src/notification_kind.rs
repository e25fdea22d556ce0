//! What a notification is about.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kinds this program writes. A kind that a later program wrote is kept as it is, so that a list or a feed that
/// contains one can still be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum NotificationKind {
    DocumentsApproved,
    DocumentsRejected,
    InvoiceIssued,
    InvoiceOverdue,
    PaymentRecorded,
    PaymentReminder,
    MaintenanceUpdate,
    Unknown(String),
}

impl NotificationKind {
    pub fn as_str(&self) -> &str {
        match self {
            Self::DocumentsApproved => "DOCUMENTS_APPROVED",
            Self::DocumentsRejected => "DOCUMENTS_REJECTED",
            Self::InvoiceIssued => "INVOICE_ISSUED",
            Self::InvoiceOverdue => "INVOICE_OVERDUE",
            Self::PaymentRecorded => "PAYMENT_RECORDED",
            Self::PaymentReminder => "PAYMENT_REMINDER",
            Self::MaintenanceUpdate => "MAINTENANCE_UPDATE",
            Self::Unknown(text) => text,
        }
    }
}

impl From<String> for NotificationKind {
    fn from(text: String) -> Self {
        match text.as_str() {
            "DOCUMENTS_APPROVED" => Self::DocumentsApproved,
            "DOCUMENTS_REJECTED" => Self::DocumentsRejected,
            "INVOICE_ISSUED" => Self::InvoiceIssued,
            "INVOICE_OVERDUE" => Self::InvoiceOverdue,
            "PAYMENT_RECORDED" => Self::PaymentRecorded,
            "PAYMENT_REMINDER" => Self::PaymentReminder,
            "MAINTENANCE_UPDATE" => Self::MaintenanceUpdate,
            _ => Self::Unknown(text),
        }
    }
}

impl From<&str> for NotificationKind {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl FromStr for NotificationKind {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl From<NotificationKind> for String {
    fn from(kind: NotificationKind) -> Self {
        match kind {
            NotificationKind::Unknown(text) => text,
            known => known.as_str().to_owned(),
        }
    }
}

impl fmt::Display for NotificationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_and_an_unknown_one_keeps_its_text() {
        for text in [
            "DOCUMENTS_APPROVED",
            "DOCUMENTS_REJECTED",
            "INVOICE_ISSUED",
            "INVOICE_OVERDUE",
            "PAYMENT_RECORDED",
            "PAYMENT_REMINDER",
            "MAINTENANCE_UPDATE",
        ] {
            let kind = NotificationKind::from(text.to_owned());
            assert!(!matches!(kind, NotificationKind::Unknown(_)), "{text}");
            assert_eq!(String::from(kind), text);
        }
        let later: NotificationKind = serde_json::from_str("\"LEASE_ENDS\"").unwrap();
        assert_eq!(serde_json::to_string(&later).unwrap(), "\"LEASE_ENDS\"");
    }
}
