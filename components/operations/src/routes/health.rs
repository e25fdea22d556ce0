//! `/health`: is the process there; `/health/ready`: can it do its work.

use std::time::Instant;

use axum::extract::State;
use axum::response::Response;
use nexus_domain::settings::{self, MailTransport};
use nexus_kit::{App, respond};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reach::{self, Unreached};

#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    version: &'static str,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/api/v1/health", tag = "operations", responses((status = 200, body = Health)))]
pub async fn get_health() -> Response {
    respond::ok(&Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
    })
}

#[derive(Serialize, ToSchema)]
pub struct Readiness {
    /// `ok`; `degraded` when only mail or the relay fail; `unavailable` otherwise.
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checks {
    database: Check,
    key_value: Check,
    mail: Check,
    relay: Check,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// `ok` or `failed`.
    status: &'static str,
    latency_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
}

impl Check {
    fn of(started: Instant, result: Result<(), Unreached>) -> Self {
        Self {
            status: if result.is_ok() { "ok" } else { "failed" },
            latency_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            detail: result.err(),
        }
    }

    fn is_ok(&self) -> bool {
        self.status == "ok"
    }
}

/// Whether requests can be served: 503 when the database or the key-value store fail.
#[utoipa::path(get, path = "/api/v1/health/ready", tag = "operations",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub async fn get_readiness(State(app): State<App>) -> Response {
    let started = Instant::now();
    let database = Check::of(started, database(&app));
    let started = Instant::now();
    let key_value = Check::of(started, reach::key_value().await);
    let started = Instant::now();
    let mail = Check::of(started, mail(&app).await);
    let started = Instant::now();
    let relay = Check::of(started, relay(&app).await);

    let serving = database.is_ok() && key_value.is_ok();
    let status = match (serving, mail.is_ok() && relay.is_ok()) {
        (false, _) => "unavailable",
        (true, false) => "degraded",
        (true, true) => "ok",
    };
    let body = Readiness {
        status,
        checks: Checks {
            database,
            key_value,
            mail,
            relay,
        },
    };
    respond::report(serving, &body)
}

fn database(app: &App) -> Result<(), Unreached> {
    nexus_store::health::probe(app.database()).map_err(|_| "the database does not answer".to_owned())
}

/// What the mailer knows of the provider.
#[derive(Deserialize)]
struct MailCheck {
    status: String,
}

/// The development mailbox is part of the mailer, so there is nothing to reach for it.
async fn mail(app: &App) -> Result<(), Unreached> {
    match app.config().get(&settings::MAIL_TRANSPORT) {
        Ok(MailTransport::Dev) => Ok(()),
        Ok(MailTransport::Sendgrid) => {
            let url = "http://mailer.spin.internal/internal/mail/check".to_owned();
            let answer = reach::get(app, url).await;
            let check = answer.and_then(|body| serde_json::from_slice(&body).map_err(|error| error.to_string()));
            match check.map(|check: MailCheck| check.status) {
                Ok(status) if status == "ok" => Ok(()),
                Ok(status) if status == "rejected" => Err("the mail provider rejects our key; mail waits".to_owned()),
                Ok(_) => Err("the mail provider can't be reached; mail waits".to_owned()),
                Err(_) => Err("the mailer does not answer; mail waits".to_owned()),
            }
        }
        Err(_) => Err("MAIL_TRANSPORT is not valid".to_owned()),
    }
}

async fn relay(app: &App) -> Result<(), Unreached> {
    let Ok(Some(relay)) = app.config().get(&settings::RELAY_URL) else {
        return Err("RELAY_URL is not set".to_owned());
    };
    let url = format!("{}/relay/health", relay.trim_end_matches('/'));
    reach::get(app, url)
        .await
        .map(drop)
        .map_err(|_| "the relay does not answer".to_owned())
}
