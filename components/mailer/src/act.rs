//! The audit entry that every act of this component brings along.

use nexus_domain::Timestamp;
use nexus_domain::ids::{AuditId, UserId};
use nexus_kit::{Caller, clock};
use nexus_store::audit::NewAuditEntry;

/// An entry whose action and subject the store fills in. `actor`: `None` for the provider.
pub fn entry(actor: Option<UserId>, caller: &Caller, at: Timestamp) -> NewAuditEntry<'_> {
    NewAuditEntry {
        id: clock::new_id(AuditId::generate),
        at,
        actor,
        action: "",
        subject_type: "",
        subject_id: String::new(),
        company: None,
        ip: &caller.address,
        request_id: &caller.request_id,
        details: serde_json::json!({}),
    }
}
