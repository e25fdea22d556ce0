//! `HEALTH_CHECK`

use nexus_domain::Timestamp;
use nexus_protocol::EventName;
use serde::Serialize;

use crate::sockets::connection::{AnswerTo, Connection};
use crate::sockets::frame::{Event, now};
use crate::sockets::hub::Core;
use crate::sockets::neighbours::Reach;
use crate::sockets::presence;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HealthResponse {
    status: &'static str,
    timestamp: Timestamp,
    connected_users: usize,
    redis_status: &'static str,
    online_users_count: usize,
    authenticated: bool,
}

/// Unhealthy: nothing can be stored or read, since the components don't answer. Degraded: only the other nodes are out of
/// reach.
fn status(core: &Core, reach: Reach) -> &'static str {
    match reach {
        _ if !core.calls.are_answered() => "unhealthy",
        Reach::Connected | Reach::Disabled => "healthy",
        Reach::Disconnected | Reach::Error => "degraded",
    }
}

pub fn answer(core: &Core, connection: &Connection, answer_to: AnswerTo) {
    let people = presence::connected_users(core);
    let reach = core.neighbours.reach();
    let response = HealthResponse {
        status: status(core, reach),
        timestamp: now(),
        connected_users: people,
        redis_status: reach.as_str(),
        online_users_count: people,
        authenticated: connection.identity().is_some(),
    };
    connection.answer(&Event::new(EventName::HealthResponse, &response), answer_to);
}
