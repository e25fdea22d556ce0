//! Refreshing a session: each token is good once, but for the moment in which two tabs come with the same one.

use nexus_domain::Timestamp;
use nexus_domain::ids::{SessionId, UserId};
use nexus_domain::status::UserStatus;

use crate::identity::sessions::SessionEnd;
use crate::identity::users::UserRecord;
use crate::{Database, StoreError, params, user_columns};

/// How long the token used last still gets its successor.
pub const GRACE_MILLIS: i64 = 10_000;

/// A session as refreshing needs to know it.
#[derive(Debug, Clone)]
pub struct RefreshState {
    pub user: UserRecord,
    pub must_change_password: bool,
    pub salt: Vec<u8>,
    /// The number of the present token.
    pub counter: u32,
    pub refreshed_at: Option<Timestamp>,
    pub expires_at: Timestamp,
    ended: bool,
    reused: bool,
}

/// What a genuine token of a session is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It is the present one: move on to the next.
    Present,
    /// It was used a moment ago: its successor is the present one.
    JustUsed,
    /// It was used before: somebody has a copy.
    Reused,
    /// The session is over.
    Ended,
}

impl RefreshState {
    pub fn worth(&self, counter: u32, now: Timestamp) -> Worth {
        if self.reused {
            return Worth::Reused;
        }
        if self.ended || self.expires_at <= now || self.user.status != UserStatus::Active {
            return Worth::Ended;
        }
        let just_used = self.refreshed_at.is_some_and(|at| now <= at.plus_millis(GRACE_MILLIS));
        match counter {
            counter if counter == self.counter => Worth::Present,
            counter if counter.checked_add(1) == Some(self.counter) && just_used => Worth::JustUsed,
            _ => Worth::Reused,
        }
    }
}

/// By primary key.
pub fn find(database: &Database, session: SessionId) -> Result<Option<RefreshState>, StoreError> {
    database
        .query_opt(
            concat!(
                "SELECT ",
                user_columns!(),
                ", users.must_change_password, s.refresh_salt, s.refresh_counter, s.refreshed_at, s.expires_at, ",
                "s.ended_at IS NOT NULL, coalesce(s.ended_reason = 'TOKEN_REUSED', 0) ",
                "FROM sessions s JOIN users ON users.id = s.user_id WHERE s.id = ?1"
            ),
            params![session],
        )?
        .map(|row| {
            let first = UserRecord::COLUMNS;
            Ok(RefreshState {
                user: UserRecord::read(&row, 0)?,
                must_change_password: row.get(first)?,
                salt: row.get(first + 1)?,
                counter: row.get(first + 2)?,
                refreshed_at: row.get(first + 3)?,
                expires_at: row.get(first + 4)?,
                ended: row.get(first + 5)?,
                reused: row.get(first + 6)?,
            })
        })
        .transpose()
}

/// Moves on from token `counter` to the next; `false` when another request was faster, or the session is over.
pub fn advance(
    database: &Database,
    session: SessionId,
    counter: u32,
    ip: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    database
        .query_opt(
            "UPDATE sessions SET refresh_counter = refresh_counter + 1, refreshed_at = ?3, last_used_at = ?3, ip = ?4 \
             WHERE id = ?1 AND refresh_counter = ?2 AND ended_at IS NULL AND expires_at > ?3 RETURNING 1",
            params![session, counter, now, ip],
        )
        .map(|row| row.is_some())
}

/// Ends the session of a token that was used twice, together with every token of it.
pub fn end_reused(database: &Database, user: UserId, session: SessionId, now: Timestamp) -> Result<bool, StoreError> {
    crate::identity::sessions::end(database, user, session, SessionEnd::TokenReused, now)
}
