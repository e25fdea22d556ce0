//! Who is here: said to those who share a chat, and written down for those who ask by REST.

use nexus_protocol::EventName;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_domain::Timestamp;
use nexus_domain::ids::UserId;
use nexus_protocol::relay_calls::{PRESENCE, PresenceReport};
use serde::Serialize;

use super::frame::{Event, now};
use super::hub::Core;
use super::neighbours::Cast;

/// Who doesn't hear of a node for so long takes it for dead.
pub const LEASE: Duration = Duration::from_secs(10);
const RENEWED: Duration = Duration::from_secs(4);
/// Changes that come together are written together.
const GATHERED: Duration = Duration::from_millis(100);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Presence {
    user_id: UserId,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen_at: Option<Timestamp>,
}

pub fn connected_users(core: &Core) -> usize {
    core.rooms.counts().people + core.neighbours.elsewhere()
}

pub fn online(user: UserId) -> Arc<Event> {
    Event::new(
        EventName::UserOnline,
        &Presence {
            user_id: user,
            timestamp: now(),
            last_seen_at: None,
        },
    )
}

pub fn offline(user: UserId, last_seen_at: Timestamp) -> Arc<Event> {
    let payload = Presence {
        user_id: user,
        timestamp: now(),
        last_seen_at: Some(last_seen_at),
    };
    Event::new(EventName::UserOffline, &payload)
}

pub fn say_online(core: &Core, user: UserId) {
    let event = online(user);
    for connection in core.rooms.around(user) {
        connection.deliver(&event, None);
    }
    core.presence_changed.notify_one();
}

/// Says goodbye for those whose grace has passed.
pub fn sweep(core: &Arc<Core>, at: Instant) {
    for user in core.rooms.departed(at) {
        let around = core.rooms.around(user);
        let chats: Vec<_> = core.rooms.chats_of(user).into_iter().collect();
        if !core.rooms.forget(user) {
            continue;
        }
        core.neighbours.set_here(user, false);
        let seen = now().plus_millis(-i64::try_from(super::people::GRACE.as_millis()).unwrap_or(0));
        if !core.neighbours.is_elsewhere(user) {
            let event = offline(user, seen);
            for connection in &around {
                connection.deliver(&event, None);
            }
        }
        // Also when they are elsewhere: the others must know that they are no longer here.
        core.neighbours.tell(Cast::Departed {
            user,
            chats,
            at: seen.as_millis(),
        });
        core.presence_changed.notify_one();
    }
}

/// Keeps what the components know of this node's people up to date.
pub async fn report(core: Arc<Core>) {
    let mut reported: HashSet<UserId> = HashSet::new();
    let mut told = Instant::now();
    loop {
        let _ = tokio::time::timeout(RENEWED, core.presence_changed.notified()).await;
        tokio::time::sleep(GATHERED).await;
        // When the lease ran out meanwhile, the store may have forgotten who was here.
        let lapsed = told.elapsed() > LEASE;
        if lapsed {
            core.rooms.put_back_changed(core.rooms.people());
        }
        let (mut online, mut offline) = (Vec::new(), Vec::new());
        for (user, is_here) in core.rooms.take_changed() {
            // Who came and went in between is as they were.
            match (is_here, reported.contains(&user)) {
                (true, known) if lapsed || !known => online.push(user),
                (false, true) => offline.push(user),
                _ => {}
            }
        }
        if reported.is_empty() && online.is_empty() {
            told = Instant::now();
            continue;
        }
        let asked = Instant::now();
        if tell(&core, LEASE, online.clone(), offline.clone()).await {
            told = asked;
            reported.extend(online);
            for user in offline {
                reported.remove(&user);
            }
        } else {
            core.rooms.put_back_changed(online.into_iter().chain(offline));
        }
    }
}

/// This node is about to stop: nobody is here any more.
pub async fn leave(core: &Core) {
    tell(core, Duration::ZERO, Vec::new(), core.rooms.people()).await;
}

async fn tell(core: &Core, lease: Duration, online: Vec<UserId>, offline: Vec<UserId>) -> bool {
    let report = PresenceReport {
        node: core.node.clone(),
        lease_until: now().plus_millis(i64::try_from(lease.as_millis()).unwrap_or(0)),
        online,
        offline,
    };
    match core.calls.tell(PRESENCE, &report).await {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(%error, "presence not written down");
            false
        }
    }
}
