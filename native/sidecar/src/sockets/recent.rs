//! What ended or changed a moment ago: for those who are just being let in, and to know what needn't be told again.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use nexus_domain::chat_feed::{Membership, Renamed};
use nexus_domain::ids::{ChatId, SessionId, UserId};
use parking_lot::Mutex;

/// What ended or changed of late: a connection that is being let in was judged a moment before.
#[derive(Default)]
pub struct Recent(Mutex<RecentParts>);

#[derive(Default)]
struct RecentParts {
    /// Since when changes are read; what happened before may have passed us by.
    reading_since: Option<Instant>,
    sessions: HashMap<SessionId, Instant>,
    users: HashMap<UserId, Instant>,
    members: HashMap<UserId, Instant>,
    /// Whether somebody came into a chat, or left it, when we were told last.
    told: HashMap<(ChatId, UserId), (bool, Instant)>,
    /// What a chat was called when we were told last.
    names: HashMap<ChatId, (Option<String>, Instant)>,
}

/// Longer than letting somebody in may take.
const RECENT: Duration = Duration::from_secs(30);

impl Recent {
    pub fn sessions(&self, ended: &[SessionId]) {
        let now = Instant::now();
        self.0
            .lock()
            .sessions
            .extend(ended.iter().map(|session| (*session, now)));
    }

    pub fn user(&self, ended: UserId) {
        self.0.lock().users.insert(ended, Instant::now());
    }

    pub fn members(&self, users: &[UserId]) {
        let now = Instant::now();
        self.0.lock().members.extend(users.iter().map(|user| (*user, now)));
    }

    /// We were told that these came into a chat, or left it.
    pub fn membership(&self, chat: ChatId, users: &[UserId], is_member: bool) {
        let now = Instant::now();
        let told = users.iter().map(|user| ((chat, *user), (is_member, now)));
        self.0.lock().told.extend(told);
    }

    /// Whether we were told just that.
    pub fn heard_of(&self, known: &Membership) -> bool {
        let parts = self.0.lock();
        let told = parts.told.get(&(known.chat_id, known.user_id));
        told.is_some_and(|(is_member, _)| *is_member == known.is_member)
    }

    /// We were told how a chat is now.
    pub fn named(&self, chat: &serde_json::Value) {
        let Some(id) = chat["id"].as_str().and_then(|id| id.parse().ok()) else {
            return;
        };
        let name = chat["name"].as_str().map(str::to_owned);
        self.0.lock().names.insert(id, (name, Instant::now()));
    }

    /// Whether we were told just that.
    pub fn heard_name(&self, known: &Renamed) -> bool {
        let parts = self.0.lock();
        parts
            .names
            .get(&known.chat_id)
            .is_some_and(|(name, _)| *name == known.name)
    }

    /// Whether this session, or this user, ended after the connection was opened.
    pub fn ended_since(&self, opened: Instant, session: SessionId, user: UserId) -> bool {
        let parts = self.0.lock();
        let after = |at: Option<&Instant>| at.is_some_and(|at| *at >= opened);
        after(parts.sessions.get(&session)) || after(parts.users.get(&user))
    }

    /// Whether this session, or this user, ended a moment ago.
    pub fn ended_lately(&self, session: SessionId, user: UserId) -> bool {
        let parts = self.0.lock();
        parts.sessions.contains_key(&session) || parts.users.contains_key(&user)
    }

    /// From now on the feed says what happens.
    pub fn began_to_read(&self) {
        self.0.lock().reading_since = Some(Instant::now());
    }

    /// Whether this person may have come into a chat, or left one, after the connection was opened.
    pub fn joined_since(&self, opened: Instant, user: UserId) -> bool {
        let parts = self.0.lock();
        let after = |at: &Instant| *at >= opened;
        parts.reading_since.as_ref().is_none_or(after) || parts.members.get(&user).is_some_and(after)
    }

    pub fn sweep(&self, now: Instant) {
        let mut parts = self.0.lock();
        let fresh = |at: &Instant| now.duration_since(*at) < RECENT;
        parts.sessions.retain(|_, at| fresh(at));
        parts.users.retain(|_, at| fresh(at));
        parts.members.retain(|_, at| fresh(at));
        parts.told.retain(|_, (_, at)| fresh(at));
        parts.names.retain(|_, (_, at)| fresh(at));
    }
}
