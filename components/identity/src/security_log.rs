//! Log lines about who came in and who tried to (OWASP ASVS 16.3.1). They name accounts, never addresses of people
//! who have none, and nothing secret.

use nexus_domain::ids::UserId;
use nexus_kit::Caller;
use nexus_kit::log::{self, Level};
use serde_json::json;

/// `event` is `sign_in`, `refresh`, `password_change`, …; `outcome` is `ok` or the code of the refusal.
pub fn record(caller: &Caller, event: &str, outcome: &str, user: Option<UserId>) {
    let level = if outcome == "ok" { Level::Info } else { Level::Warn };
    let fields = json!({
        "kind": "security",
        "event": event,
        "outcome": outcome,
        "userId": user,
        "client": &*caller.address,
        "requestId": &*caller.request_id,
    });
    log::write(level, "security", event, fields);
}
