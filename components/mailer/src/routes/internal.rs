//! For the scheduler and for readiness checks; signed, and nothing for anybody else.

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use nexus_domain::settings::{self, MailTransport};
use nexus_kit::layers::signed_body;
use nexus_kit::{Answer, App, clock, respond};
use nexus_store::{idempotency, mail_admin, mail_delivery};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

use crate::delivery;
use crate::transport::{Bound, Provider, Readiness, Transport};

const BODY_LIMIT: usize = 1_024;
/// Whatever a mail carries has run out by then: a temporary password lasts 72 hours.
const SECRETS_KEPT_SECONDS: i64 = 72 * 60 * 60;
/// The provider repeats an event for a day at most.
const EVENTS_KEPT_SECONDS: i64 = 30 * 24 * 60 * 60;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .route("/internal/mail/deliver", post(deliver_mail))
        .route("/internal/mail/tidy", post(tidy_mail))
        .route("/internal/mail/check", get(check_mail))
}

async fn deliver_mail(State(app): State<App>, request: Request) -> Answer<Response> {
    signed_body(&app, request, BODY_LIMIT).await?;
    let drained = nexus_kit::on_this_thread(delivery::drain(&app)).await?;
    Ok(respond::ok(&drained))
}

/// Wipes and forgets what is not needed any more.
async fn tidy_mail(State(app): State<App>, request: Request) -> Answer<Response> {
    signed_body(&app, request, BODY_LIMIT).await?;
    let (database, now) = (app.database(), clock::now());
    mail_delivery::wipe_old_secrets(database, now.plus_seconds(-SECRETS_KEPT_SECONDS))?;
    mail_admin::forget_events(database, now.plus_seconds(-EVENTS_KEPT_SECONDS))?;
    idempotency::forget_old(database, now)?;
    Ok(respond::no_content())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MailCheck {
    /// `ok`, `rejected` (the key is no good) or `unreachable`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    breaker_open: bool,
    waiting: i64,
}

/// Whether mail could be sent: 200, or 503 with the reason. A wrong key must stop a start, an unreachable provider must not: mail waits.
async fn check_mail(State(app): State<App>, request: Request) -> Answer<Response> {
    signed_body(&app, request, BODY_LIMIT).await?;
    let readiness = match app.config().get(&settings::MAIL_TRANSPORT)? {
        MailTransport::Dev => Readiness::Ready,
        MailTransport::Sendgrid => {
            let bound = Bound::new(Provider::of(&app)?);
            nexus_kit::on_this_thread(async move { bound.check().await }).await
        }
    };
    let breaker_open = mail_delivery::breaker(app.database())?.is_open();
    let waiting = mail_delivery::backlog(app.database())?.waiting;
    let (status, detail) = match readiness {
        Readiness::Ready if breaker_open => ("unreachable", Some("the provider failed ten times in a row".to_owned())),
        Readiness::Ready => ("ok", None),
        Readiness::Rejected(reason) => ("rejected", Some(reason)),
        Readiness::Unreachable(reason) => ("unreachable", Some(reason)),
    };
    let found = MailCheck {
        status,
        detail,
        breaker_open,
        waiting,
    };
    Ok(respond::report(status == "ok", &found))
}
