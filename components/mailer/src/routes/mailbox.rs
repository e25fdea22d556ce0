//! The development mailbox: what would have been sent, shown to whoever sits at this machine.

use std::net::IpAddr;

use axum::extract::State;
use http::HeaderMap;
use nexus_domain::Timestamp;
use nexus_domain::ids::MailId;
use nexus_domain::settings::{self, Environment, MailTransport};
use nexus_kit::{ApiError, ApiResult, App, Caller, Path, respond};
use nexus_store::mail::outbox_delivery::{self, MailboxItem};
use serde::Serialize;
use utoipa::ToSchema;

use crate::delivery;

const SHOWN: u32 = 500;

/// A mail as it would have arrived.
#[derive(Serialize, ToSchema)]
pub struct MailView {
    #[schema(value_type = String, format = "uuid")]
    id: MailId,
    to: String,
    subject: String,
    template: String,
    text: String,
    html: String,
    at: Timestamp,
}

#[derive(Serialize, ToSchema)]
pub struct Mailbox {
    items: Vec<MailView>,
}

impl From<MailboxItem> for MailView {
    fn from(item: MailboxItem) -> Self {
        Self {
            id: item.id,
            to: item.to,
            subject: item.rendered.subject,
            template: item.template,
            text: item.rendered.text,
            html: item.rendered.html,
            at: item.at,
        }
    }
}

/// It shows passwords, so it is only there where nothing is real, and only for the machine itself.
fn require_development(app: &App, caller: &Caller) -> Result<(), ApiError> {
    let is_dev = app.config().get(&settings::MAIL_TRANSPORT)? == MailTransport::Dev
        && app.config().get(&settings::NEXUS_ENV)? != Environment::Production;
    let is_here = caller
        .address
        .parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback());
    if is_dev && is_here {
        Ok(())
    } else {
        Err(ApiError::not_found())
    }
}

/// All mails, newest first.
#[utoipa::path(
    get, path = "/api/v1/dev/mailbox", tag = "dev",
    responses(
        (status = 200, body = Mailbox),
        (status = 404, description = "not in development, or not on this machine")
    ),
    security(())
)]
pub async fn list_mailbox(State(app): State<App>, caller: Caller) -> ApiResult {
    require_development(&app, &caller)?;
    // Whoever looks wants to see what was written a moment ago, scheduler or not.
    nexus_kit::on_this_thread(delivery::drain(&app)).await?;
    let items = outbox_delivery::mailbox(app.database(), SHOWN)?
        .into_iter()
        .map(MailView::from)
        .collect();
    Ok(respond::ok(&Mailbox { items }))
}

#[utoipa::path(
    get, path = "/api/v1/dev/mailbox/{id}", tag = "dev", params(("id" = String, Path, format = "uuid")),
    responses((status = 200, body = MailView), (status = 304, description = "a mail doesn't change")),
    security(())
)]
pub async fn get_mailbox_item(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<MailId>,
) -> ApiResult {
    require_development(&app, &caller)?;
    let item = outbox_delivery::mailbox_item(app.database(), id)?.ok_or_else(ApiError::not_found)?;
    Ok(respond::versioned(&headers, item.at.as_millis(), &MailView::from(item)))
}
