//! `HEALTH_CHECK`

use nexus_domain::Timestamp;
use serde::Serialize;

use crate::sockets::connection::{AnswerTo, Connection};
use crate::sockets::frame::{Event, now};
use crate::sockets::hub::Core;
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

pub fn answer(core: &Core, connection: &Connection, answer_to: AnswerTo) {
    let people = presence::connected_users(core);
    let response = HealthResponse {
        status: "ok",
        timestamp: now(),
        connected_users: people,
        redis_status: core.neighbours.reach().as_str(),
        online_users_count: people,
        authenticated: connection.identity().is_some(),
    };
    connection.answer(&Event::new("HEALTH_RESPONSE", &response), answer_to);
}
