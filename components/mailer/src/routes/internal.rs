//! For the scheduler and for readiness checks; signed, and nothing for anybody else.

use axum::extract::{FromRequest, Request, State};
use axum::routing::{get, post};
use http::Uri;
use nexus_domain::settings::{self, MailTransport};
use nexus_kit::internal::{self, Trigger};
use nexus_kit::{ApiError, ApiResult, App, clock, respond};
use nexus_protocol::job_paths;
use nexus_store::mail::key_check::{self, MailCheck};
use nexus_store::{
    idempotency,
    mail::{outbox_admin, outbox_delivery},
};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::backpressure::BackpressureGuard;
use crate::delivery;
use crate::transport::{Bound, Provider, Readiness, Transport};

/// Whatever a mail carries has run out by then: a temporary password lasts 72 hours.
const SECRETS_KEPT_SECONDS: i64 = 72 * 60 * 60;
/// The provider repeats an event for a day at most.
const EVENTS_KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;
/// How long an answer about our key is good for readiness, which anybody may ask for as often as they like.
const CHECK_KEPT_SECONDS: i64 = 5;

pub fn routes() -> OpenApiRouter<App> {
    internal::routes([
        (job_paths::MAIL_DELIVER, post(deliver_mail)),
        (job_paths::MAIL_TIDY, post(tidy_mail)),
        (job_paths::MAIL_CHECK, get(check_mail)),
    ])
}

async fn deliver_mail(State(app): State<App>, request: Request) -> ApiResult {
    // From the start: a second drain that came at the same moment must not have got in.
    let _alone = BackpressureGuard::begin();
    Trigger::from_request(request, &app).await?;
    let drained = nexus_kit::on_this_thread(delivery::drain(&app)).await?;
    Ok(respond::ok(&drained))
}

/// Wipes and forgets what is not needed any more.
async fn tidy_mail(State(app): State<App>, _: Trigger) -> ApiResult {
    let (database, now) = (app.database(), clock::now());
    outbox_delivery::wipe_old_secrets(database, now.plus_seconds(-SECRETS_KEPT_SECONDS))?;
    outbox_admin::forget_events(database, now.plus_seconds(-EVENTS_KEPT_SECONDS))?;
    idempotency::forget_old(database, now)?;
    Ok(respond::no_content())
}

/// Asks the provider in any case: at a start, the key may be a new one.
const FRESH: &str = "fresh=true";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckView {
    /// `ok`, `rejected` (the key is no good) or `unreachable`.
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    breaker_open: bool,
    waiting: i64,
}

/// Whether mail could be sent. A wrong key must stop a start, an unreachable provider must not: mail waits.
async fn check_mail(State(app): State<App>, uri: Uri, _: Trigger) -> ApiResult {
    let fresh = uri.query() == Some(FRESH);
    let known = match fresh {
        true => None,
        false => key_check::latest(app.database(), clock::now().plus_seconds(-CHECK_KEPT_SECONDS))?,
    };
    let check = match known {
        Some(check) => check,
        None => ask(&app).await?,
    };
    let breaker_open = outbox_delivery::breaker(app.database())?.is_open();
    let (status, detail) = match breaker_open && check.status == OK {
        true => (
            UNREACHABLE.to_owned(),
            Some("the provider failed ten times in a row".to_owned()),
        ),
        false => (check.status, check.detail),
    };
    Ok(respond::ok(&CheckView {
        status,
        detail,
        breaker_open,
        waiting: outbox_delivery::backlog(app.database())?.waiting,
    }))
}

const OK: &str = "ok";
const REJECTED: &str = "rejected";
const UNREACHABLE: &str = "unreachable";

/// Asks the provider, and keeps what it said for those who ask next.
async fn ask(app: &App) -> Result<MailCheck, ApiError> {
    let readiness = match app.config().get(&settings::MAIL_TRANSPORT)? {
        MailTransport::Dev => Readiness::Ready,
        MailTransport::Sendgrid => {
            let bound = Bound::new(Provider::of(app)?);
            nexus_kit::on_this_thread(async move { bound.check().await }).await
        }
    };
    let (status, detail) = match readiness {
        Readiness::Ready => (OK, None),
        Readiness::Rejected(reason) => (REJECTED, Some(reason)),
        Readiness::Unreachable(reason) => (UNREACHABLE, Some(reason)),
    };
    let check = MailCheck {
        status: status.to_owned(),
        detail,
    };
    key_check::keep(app.database(), &check, clock::now())?;
    Ok(check)
}
