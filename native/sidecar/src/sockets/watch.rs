//! What goes by the clock: silent and expired connections, grace, typing — and the feed of what nobody told.

use nexus_protocol::EventName;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_domain::chat_feed::{Feed, FeedPosition};
use nexus_protocol::relay_calls::{FEED, FeedRequest};

use super::connection::Connection;
use super::events::typing;
use super::fill;
use super::frame::{ErrorCode, Event, Farewell, now};
use super::hub::Core;
use super::late;
use super::typing::Whose;
use super::{neighbours::Reach, presence};

const SWEEP: Duration = Duration::from_millis(250);
/// Revocations take effect within 5 s, so the feed is read more often.
const FEED_EVERY: Duration = Duration::from_millis(1_500);
/// How long a client may take to show its token.
pub const DOOR: Duration = Duration::from_secs(5);
/// Being let in takes longer when a long history is replayed.
const ENTRANCE: Duration = Duration::from_secs(120);
/// The longest until a connection is looked at again: expiry goes by another clock, which may be set.
const LOOKED_AT: Duration = Duration::from_secs(30);
/// How long an expired token is still good for, so that it can be renewed.
const EXPIRED_MILLIS: i64 = 30_000;

/// The hub's clockwork.
pub async fn sweep(core: Arc<Core>) {
    let mut tick = tokio::time::interval(SWEEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut rounds: u64 = 0;
    loop {
        tick.tick().await;
        let at = Instant::now();
        for stopped in core.typing.expired(at) {
            match stopped.whose {
                Whose::Ours => typing::say(&core, stopped.chat, stopped.user, false),
                Whose::Another => typing::tell(&core, stopped.chat, stopped.user, false),
            }
        }
        presence::sweep(&core, at);
        rounds += 1;
        if rounds.is_multiple_of(4) {
            connections(&core, at);
            core.pace.sweep(at);
            core.recent.sweep(at);
            count(&core);
        }
    }
}

fn connections(core: &Arc<Core>, at: Instant) {
    let time = now().as_millis();
    for id in core.deadlines.due(at) {
        let Some(connection) = core.rooms.find(id) else {
            continue;
        };
        match verdict(core, &connection, time) {
            Verdict::Stays(left) => core.deadlines.look_at(id, at + left.min(LOOKED_AT)),
            Verdict::Dismiss(farewell) => core.dismiss(&connection, farewell),
            Verdict::NoToken => {
                connection.refuse(ErrorCode::NoToken, "No token came within 5 seconds.");
                core.gone(&connection);
            }
            Verdict::Cut => {
                connection.cut();
                core.gone(&connection);
            }
        }
    }
}

enum Verdict {
    /// At least for so long, if nothing happens.
    Stays(Duration),
    Dismiss(Farewell),
    NoToken,
    Cut,
}

fn verdict(core: &Core, connection: &Connection, time: i64) -> Verdict {
    if connection.was_cut() {
        return Verdict::Cut;
    }
    if connection.expires_at() == i64::MAX {
        let (allowed, then) = match connection.is_being_judged() {
            false => (DOOR, Verdict::NoToken),
            true => (ENTRANCE, Verdict::Cut),
        };
        return match allowed.checked_sub(connection.opened_at.elapsed()) {
            Some(left) if !left.is_zero() => Verdict::Stays(left),
            _ => then,
        };
    }
    let expired_in = connection
        .expires_at()
        .saturating_add(EXPIRED_MILLIS)
        .saturating_sub(time);
    let Some(expired_in) = u64::try_from(expired_in).ok().filter(|left| *left > 0) else {
        return Verdict::Dismiss(Farewell::TokenExpired);
    };
    match core.limits.inactivity.checked_sub(connection.silent_for()) {
        Some(left) if !left.is_zero() => Verdict::Stays(left.min(Duration::from_millis(expired_in))),
        _ => Verdict::Dismiss(Farewell::Inactive),
    }
}

fn count(core: &Core) {
    let counts = core.rooms.counts();
    let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    core.meters.people.set(gauge(counts.people));
    core.meters.rooms.set(gauge(counts.rooms));
    for (kind, waiting) in [
        ("connect", core.connects.waiting()),
        ("catch-up", core.catch_ups.waiting()),
        ("read", core.reads.waiting()),
    ] {
        core.meters.asking.with_label_values(&[kind]).set(gauge(waiting));
    }
    core.meters.nodes.set(gauge(core.neighbours.others()));
    let lost = core.neighbours.lost();
    core.meters
        .casts_lost
        .inc_by(lost.saturating_sub(core.meters.casts_lost.get()));
    core.meters
        .redis_connected
        .set((core.neighbours.reach() == Reach::Connected).into());
}

/// Reads what happened in the store, whoever did it and whether or not we were told.
pub async fn feed(core: Arc<Core>) {
    let mut position: Option<FeedPosition> = None;
    let mut tick = tokio::time::interval(FEED_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = core.feed_grew.notified() => {}
        }
        match core.calls.call::<Feed>(FEED, &FeedRequest { since: position }).await {
            Ok(feed) => {
                if position.replace(feed.position).is_none() {
                    // What happened before there was a position isn't in any answer.
                    core.recent.began_to_read();
                    core.refresh_chats(core.rooms.people());
                }
                if feed.more {
                    core.feed_grew.notify_one();
                }
                hear(&core, feed);
            }
            // Nothing is lost: the next answer goes on from the same position.
            Err(error) => tracing::debug!(%error, "the feed was not read"),
        }
    }
}

fn hear(core: &Arc<Core>, feed: Feed) {
    if !feed.sessions_ended.is_empty() {
        core.sessions_ended(&feed.sessions_ended);
    }
    for user in feed.users_ended {
        core.user_ended(user);
    }
    if !feed.memberships.is_empty() || !feed.renamed.is_empty() {
        let users: Vec<_> = feed.memberships.iter().map(|known| known.user_id).collect();
        core.recent.members(&users);
        late::soon(core, feed.memberships, feed.renamed);
    }
    fill::behind(core, &feed.chats);
    for told in feed.notifications {
        let event = Event::new(EventName::Notification, &told.notification);
        for connection in core.rooms.connections_of(told.user_id) {
            connection.deliver(&event, None);
        }
    }
}
