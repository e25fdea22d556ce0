//! The outbox as admins see it: addresses and fates, never what a mail says.

use axum::extract::State;
use http::HeaderMap;
use nexus_domain::Role;
use nexus_domain::ids::MailId;
use nexus_domain::mail::Template;
use nexus_kit::layers::nudge_mail;
use nexus_kit::listing::{self, ListParams, Pairs};
use nexus_kit::page::Page;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, Path, Session, clock, respond};
use nexus_store::mail::outbox_admin::{self, OutboxItem, RetryError};

use crate::email_content;

const COLUMNS: &[&str] = &[
    "id",
    "to",
    "template",
    "status",
    "attempts",
    "lastError",
    "nextAttemptAt",
    "sentAt",
    "createdAt",
];

/// Mails of one's company, or all of them for SUPER_ADMIN.
#[utoipa::path(
    get, path = "/api/v1/admin/mail", tag = "admin", params(ListParams),
    responses((status = 200, body = Page<OutboxItem>), (status = 304))
)]
pub async fn list_mail(
    State(app): State<App>,
    session: Session,
    headers: HeaderMap,
    pairs: Result<Pairs, ApiError>,
) -> ApiResult {
    session.require(Role::Admin)?;
    let pairs = pairs?;
    let scope = pairs.scope(&app, &session)?;
    let list = match scope {
        Some(_) => &outbox_admin::OF_COMPANY,
        None => &outbox_admin::LISTING,
    };
    let asked = listing::read(list, "mail", scope, &pairs.0)?;
    listing::answer(&app, &headers, list, asked, COLUMNS, |mail| mail)
}

/// Another try for a mail that was given up. One that was sent is never sent again.
#[utoipa::path(
    post, path = "/api/v1/admin/mail/{id}/retry", tag = "admin", params(("id" = String, Path, format = "uuid")),
    responses(
        (status = 200, body = OutboxItem),
        (status = 422, description = "it is sent or still waiting, or its secret is gone")
    )
)]
pub async fn retry_mail(State(app): State<App>, session: Session, caller: Caller, Path(id): Path<MailId>) -> ApiResult {
    session.require(Role::Admin)?;
    let entry = caller.audit_entry(Some(session.user()), clock::now());
    let needs_secret = |template: &str| {
        template
            .parse::<Template>()
            .is_ok_and(|known| email_content::needed_secret(known).is_some())
    };
    let item = outbox_admin::retry(app.database(), id, session.scope()?, needs_secret, &entry).map_err(explain)?;
    Ok(nudge_mail(respond::ok(&item)))
}

fn explain(error: RetryError) -> ApiError {
    match error {
        RetryError::NoMail => ApiError::not_found(),
        RetryError::InvalidTransition(status) => ApiError::new(
            Code::InvalidTransition,
            format!("A mail that is {status} is not sent again."),
        ),
        RetryError::SecretGone => ApiError::new(
            Code::InvalidTransition,
            "What this mail would say has expired and was wiped. Repeat what caused it instead.",
        ),
        RetryError::Store(error) => error.into(),
    }
}
