//! Tells the relay which sessions have ended, so that their sockets close at once. The relay asks again every two
//! seconds anyway: a notice that is lost costs no more than that.

use nexus_domain::ids::SessionId;
use nexus_kit::{App, relay};
use nexus_protocol::relay::RelayEvent;

pub fn publish_sessions(app: &App, session_ids: Vec<SessionId>) {
    if !session_ids.is_empty() {
        relay::publish(app, vec![RelayEvent::SessionsEnded { session_ids }]);
    }
}
