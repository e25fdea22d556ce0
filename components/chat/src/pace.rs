//! How many messages a person may send: one limit (`MESSAGE_RATE`) for REST and sockets, on all nodes.
//!
//! The relay counts what comes by sockets, so it is asked. Where there is none (plain `spin up`), nothing comes by sockets,
//! and the database counts, in windows that begin with the first message.

use nexus_domain::ids::UserId;
use nexus_domain::settings;
use nexus_kit::{ApiError, App, Code, clock, relay};
use nexus_protocol::relay::{ADMIT, AdmitMessage, Admitted};
use nexus_store::identity::request_counts::{self, CountLimit};

/// Counts a message, or refuses it.
pub async fn admit(app: &App, user_id: UserId) -> Result<(), ApiError> {
    match relay::ask::<Admitted>(app, ADMIT, &AdmitMessage { user_id }).await {
        Some(Admitted { wait_millis: None }) => Ok(()),
        Some(Admitted {
            wait_millis: Some(wait),
        }) => Err(too_many(wait.div_ceil(1_000))),
        None => count(app, user_id),
    }
}

fn count(app: &App, user: UserId) -> Result<(), ApiError> {
    let rate = app.config().get(&settings::MESSAGE_RATE)?;
    let limit = CountLimit {
        most: rate.count.into(),
        window_millis: i64::try_from(rate.per.as_millis()).unwrap_or(i64::MAX),
    };
    let now = clock::now();
    request_counts::count(app.database(), &format!("messages:{user}"), limit, now)?
        .map_err(|window_ends| too_many(now.seconds_until(window_ends)))
}

fn too_many(seconds: u64) -> ApiError {
    ApiError::new(Code::RateLimitExceeded, "Too many messages. Wait a moment.").retry_after(seconds.max(1))
}
