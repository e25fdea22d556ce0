//! What is written down about every change, in the commit of the change itself (docs/security.md, "Property").
//!
//! Figures, days and statuses are kept as they were and as they are. Of what describes a person, or what people write
//! freely, only the names of the changed fields are: the log outlives an account, and can't be cleaned.

use std::fmt::Display;

use nexus_domain::ids::{CompanyId, UserId};
use nexus_kit::{Caller, clock};
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::{Edited, StoreError, Transaction};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A kind of thing, as the log names it.
pub struct Kind {
    pub name: &'static str,
    /// The only fields whose values are kept; `None`: all.
    pub open: Option<&'static [&'static str]>,
}

const fn kind(name: &'static str) -> Kind {
    Kind { name, open: None }
}

pub const COMPANY: Kind = kind("company");
pub const COMPOUND: Kind = kind("compound");
pub const APARTMENT: Kind = kind("apartment");
pub const OCCUPANCY: Kind = kind("occupancy");
pub const INVOICE: Kind = kind("invoice");
pub const PAYMENT: Kind = kind("payment");
pub const TENANT: Kind = Kind {
    name: "tenant",
    open: Some(&["userId"]),
};
pub const MAINTENANCE: Kind = Kind {
    name: "maintenance_request",
    open: Some(&["apartmentId", "priority", "status", "assigneeId", "requestedBy"]),
};

/// Said by the entry itself, or by every change alike.
const UNSAID: [&str; 6] = ["id", "companyId", "createdAt", "updatedAt", "version", "history"];

/// Who acts, and in which request.
#[derive(Clone)]
pub struct AuditWriter {
    user: Option<UserId>,
    caller: Caller,
}

impl AuditWriter {
    /// `None`: the system itself, by the clock.
    pub fn new(user: Option<UserId>, caller: Caller) -> Self {
        Self { user, caller }
    }

    /// One entry. `act` is in the past tense.
    pub fn note(
        &self,
        tx: &Transaction<'_>,
        company: CompanyId,
        kind: &Kind,
        act: &str,
        subject: impl Display,
        details: Value,
    ) -> Result<(), StoreError> {
        let entry = NewAuditEntry {
            action: &format!("{}.{act}", kind.name),
            subject_type: kind.name,
            subject_id: subject.to_string(),
            company: Some(company),
            details,
            ..self.caller.audit_entry(self.user, clock::now())
        };
        audit::append(tx, &entry)
    }

    pub fn created(
        &self,
        tx: &Transaction<'_>,
        company: CompanyId,
        kind: &Kind,
        row: &impl Serialize,
    ) -> Result<(), StoreError> {
        let row = object(row);
        let subject = row["id"].as_str().unwrap_or_default().to_owned();
        let shown: Map<_, _> = row
            .into_iter()
            .filter(|(name, value)| !value.is_null() && is_said(name) && is_open(kind, name))
            .collect();
        self.note(tx, company, kind, "created", subject, Value::Object(shown))
    }

    /// Nothing, where nothing changed.
    pub fn edited<T: Serialize + PartialEq>(
        &self,
        tx: &Transaction<'_>,
        company: CompanyId,
        kind: &Kind,
        act: &str,
        edited: &Edited<T>,
    ) -> Result<(), StoreError> {
        if edited.before == edited.after {
            return Ok(());
        }
        let (before, after) = (object(&edited.before), object(&edited.after));
        let subject = after["id"].as_str().unwrap_or_default().to_owned();
        let changed: Map<_, _> = after
            .into_iter()
            .filter(|(name, value)| is_said(name) && before.get(name) != Some(value))
            .map(|(name, value)| {
                let told = if is_open(kind, &name) {
                    json!([before.get(&name), value])
                } else {
                    Value::Null
                };
                (name, told)
            })
            .collect();
        self.note(tx, company, kind, act, subject, json!({ "changed": changed }))
    }
}

fn is_said(name: &str) -> bool {
    !UNSAID.contains(&name)
}

fn is_open(kind: &Kind, name: &str) -> bool {
    kind.open.is_none_or(|open| open.contains(&name))
}

fn object(row: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(row) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}
