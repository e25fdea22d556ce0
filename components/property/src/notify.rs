//! Telling tenants and staff what happened.

use nexus_domain::settings;
use nexus_kit::{ApiError, App, clock, relay};
use nexus_protocol::EventName;
use nexus_protocol::relay::RelayEvent;
use nexus_store::property::ledger_notices::{NoticeContext, SentNotice};
use serde_json::json;

/// Where the console is: the first of the origins the frontend is served from.
pub fn console(app: &App) -> Result<String, ApiError> {
    let origins = app.config().get(&settings::FRONTEND_URL)?;
    Ok(origins
        .first()
        .map(|origin| origin.as_str().to_owned())
        .unwrap_or_default())
}

/// What a transaction that tells people needs; `console` as [`console`] gives it.
pub fn means(console: &str) -> NoticeContext<'_> {
    NoticeContext {
        random: &clock::random,
        console,
    }
}

/// `NOTIFICATION` to the sockets of those who were told; after the commit.
pub fn publish(app: &App, told: Vec<SentNotice>) {
    let events = told
        .into_iter()
        .map(|told| RelayEvent::ToUsers {
            user_ids: vec![told.user],
            event: EventName::Notification,
            data: json!({
                "kind": told.kind,
                "title": told.title,
                "body": told.body,
                "link": told.link,
                "timestamp": told.at,
            }),
        })
        .collect();
    relay::publish(app, events);
}
