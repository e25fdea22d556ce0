//! `/health`: is the process there; `/health/ready`: can it do its work.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use nexus_domain::settings::{self, MailTransport};
use nexus_kit::{App, clock, respond};
use nexus_store::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::reach::{self, Unreached};

#[derive(Serialize, ToSchema)]
pub struct Health {
    status: &'static str,
    version: &'static str,
}

/// Whether the process answers.
#[utoipa::path(
    get, path = "/api/v1/health", tag = "operations",
    responses((status = 200, body = Health)),
    security(())
)]
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

#[derive(Clone, Serialize, ToSchema)]
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

/// What was found of the stores, for a while: each look writes to them, and anybody may ask as often as they like.
struct Stores {
    at: Instant,
    database: Check,
    key_value: Check,
}

/// Of this instance.
static STORES: Mutex<Option<Stores>> = Mutex::new(None);
/// A failure is looked at again sooner: somebody waits for its end.
const GOOD_FOR: Duration = Duration::from_secs(1);
const BAD_FOR: Duration = Duration::from_millis(200);

impl Stores {
    async fn now(app: &App) -> (Check, Check) {
        if let Some(known) = Self::known() {
            return known;
        }
        let started = Instant::now();
        let database = Check::of(started, database(app));
        let started = Instant::now();
        let key_value = Check::of(started, reach::key_value().await);
        let found = (database.clone(), key_value.clone());
        *STORES.lock().unwrap_or_else(PoisonError::into_inner) = Some(Self {
            at: Instant::now(),
            database,
            key_value,
        });
        found
    }

    fn known() -> Option<(Check, Check)> {
        let stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        let stores = stores.as_ref()?;
        let good = stores.database.is_ok() && stores.key_value.is_ok();
        let fresh = stores.at.elapsed() < if good { GOOD_FOR } else { BAD_FOR };
        fresh.then(|| (stores.database.clone(), stores.key_value.clone()))
    }
}

/// Whether requests can be served: 503 when nothing can be written to the database or the key-value store.
#[utoipa::path(
    get, path = "/api/v1/health/ready", tag = "operations",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)),
    security(())
)]
pub async fn get_readiness(State(app): State<App>) -> Response {
    let (database, key_value) = Stores::now(&app).await;
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
    nexus_store::health::probe(app.database(), clock::now()).map_err(|error| match error {
        // It names a migration, and what to do.
        foreign if foreign.is_foreign_schema() => foreign.to_string(),
        StoreError::Busy => "the database takes no writes: another one holds it".to_owned(),
        // The log has more; a path of this machine is nobody else's business.
        StoreError::Unavailable { reason } if reason.contains("full") => "the disk of the database is full".to_owned(),
        _ => "the database does not answer, or takes no writes".to_owned(),
    })
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
