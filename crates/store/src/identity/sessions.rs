//! Sessions: what an access token stands for.

use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::status::UserStatus;
use nexus_domain::{Role, Timestamp};

use crate::listing::Listing;
use crate::property::company_owned::CompanyOwned;
use crate::property::company_state::CompanyState;
use crate::{Database, Row, StoreError, Value, params};

/// The person behind a session, as they are now (not as they were when the token was signed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveSession {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub role: Role,
    pub company_id: Option<CompanyId>,
    pub must_change_password: bool,
    pub mfa_enabled: bool,
}

/// The session, unless it has ended or its user may not be here any more. One read by primary key.
pub fn find_active(
    database: &Database,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<ActiveSession>, StoreError> {
    let row = database.query_opt(
        "SELECT s.id, s.user_id, u.role, u.company_id, u.must_change_password, u.mfa_enabled, u.status \
         FROM sessions s JOIN users u ON u.id = s.user_id \
         WHERE s.id = ?1 AND s.ended_at IS NULL AND s.expires_at > ?2",
        params![session, now],
    )?;
    match row {
        Some(row) if row.parse::<UserStatus>(6)? == UserStatus::Active => read(&row).map(Some),
        _ => Ok(None),
    }
}

/// A session, and what was read beside it.
#[derive(Debug)]
pub struct SessionRow<T> {
    pub session: ActiveSession,
    /// The company that was named, or else the user's own. Whether they may see it is for the caller to say.
    pub company: Option<CompanyState>,
    /// What was asked for, if that company holds it.
    pub held: Option<T>,
}

const BESIDE: &str = "s.id, s.user_id, u.role, u.company_id, u.must_change_password, u.mfa_enabled, u.status, \
c.id, c.name, c.currency, c.timezone, c.as_of, t.version";
const BESIDE_COLUMNS: usize = 13;
const BESIDE_FROM: &str = "sessions s JOIN users u ON u.id = s.user_id \
LEFT JOIN companies c ON c.id = coalesce(?3, u.company_id) LEFT JOIN company_totals t ON t.company_id = c.id";
const ACTIVE: &str = "s.id = ?1 AND s.ended_at IS NULL AND s.expires_at > ?2";

/// As [`find_active`], and the state of a company beside it: the one `named`, or else the user's own. By primary keys.
pub fn find_beside_company(
    database: &Database,
    session: SessionId,
    named: Option<CompanyId>,
    now: Timestamp,
) -> Result<Option<SessionRow<()>>, StoreError> {
    let row = database.query_opt(
        &["SELECT ", BESIDE, " FROM ", BESIDE_FROM, " WHERE ", ACTIVE].concat(),
        params![session, now, named],
    )?;
    beside(row, now, |_| Ok(None))
}

/// As [`find_beside_company`], and something that the company holds.
pub fn find_with_company<I: CompanyOwned>(
    database: &Database,
    session: SessionId,
    named: Option<CompanyId>,
    id: I,
    now: Timestamp,
) -> Result<Option<SessionRow<I::Entity>>, StoreError> {
    let params = [session.into(), now.into(), named.into(), id.into()];
    let row = database.query_opt(&with_company_statement::<I>(), &params)?;
    beside(row, now, |row| match row.0.first() {
        None | Some(Value::Null) => Ok(None),
        Some(_) => (I::listing().read)(&row).map(Some),
    })
}

/// `?1` session, `?2` now, `?3` company, `?4` id. By primary keys and UNIQUE (company_id, id).
pub fn with_company_statement<I: CompanyOwned>() -> String {
    let Listing { columns, from, .. } = I::listing();
    let held = [
        " LEFT JOIN (SELECT ",
        columns,
        " FROM ",
        from,
        ") held ON held.company_id = c.id AND held.id = ?4",
    ];
    let held = held.concat();
    [
        "SELECT ",
        BESIDE,
        ", held.* FROM ",
        BESIDE_FROM,
        &held,
        " WHERE ",
        ACTIVE,
    ]
    .concat()
}

fn beside<T>(
    row: Option<Row>,
    now: Timestamp,
    held: impl FnOnce(Row) -> Result<Option<T>, StoreError>,
) -> Result<Option<SessionRow<T>>, StoreError> {
    match row {
        Some(mut row) if row.parse::<UserStatus>(6)? == UserStatus::Active => {
            let rest = Row(row.0.split_off(BESIDE_COLUMNS));
            let company = match row.parse_opt(7)? {
                Some(company) => Some(CompanyState::read(&mut row, 8, company, now)?),
                None => None,
            };
            let session = read(&row)?;
            let held = held(rest)?;
            Ok(Some(SessionRow { session, company, held }))
        }
        _ => Ok(None),
    }
}

fn read(row: &Row) -> Result<ActiveSession, StoreError> {
    Ok(ActiveSession {
        session_id: row.parse(0)?,
        user_id: row.parse(1)?,
        role: row.parse(2)?,
        company_id: row.parse_opt(3)?,
        must_change_password: row.get(4)?,
        mfa_enabled: row.get(5)?,
    })
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    SignedOut,
    TokenReused,
    PasswordChanged,
    Revoked,
    AccountDeleted,
}

impl SessionEnd {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "SIGNED_OUT",
            Self::TokenReused => "TOKEN_REUSED",
            Self::PasswordChanged => "PASSWORD_CHANGED",
            Self::Revoked => "REVOKED",
            Self::AccountDeleted => "ACCOUNT_DELETED",
        }
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub struct ListedSession {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
    pub ip: String,
    pub user_agent: String,
}

/// Those that last, the latest first. Index: sessions_by_user.
pub fn list(database: &Database, user: UserId, now: Timestamp) -> Result<Vec<ListedSession>, StoreError> {
    database
        .query(
            "SELECT id, created_at, last_used_at, ip, user_agent FROM sessions \
             WHERE user_id = ?1 AND ended_at IS NULL AND expires_at > ?2 ORDER BY id DESC",
            params![user, now],
        )?
        .iter()
        .map(|row| {
            Ok(ListedSession {
                id: row.parse(0)?,
                created_at: row.get(1)?,
                last_used_at: row.get(2)?,
                ip: row.get(3)?,
                user_agent: row.get(4)?,
            })
        })
        .collect()
}

/// Ends one session of `user`; `false` when there is none that lasts.
pub fn end(
    database: &Database,
    user: UserId,
    session: SessionId,
    why: SessionEnd,
    now: Timestamp,
) -> Result<bool, StoreError> {
    database
        .query_opt(
            "UPDATE sessions SET ended_at = ?3, ended_reason = ?4 \
             WHERE id = ?2 AND user_id = ?1 AND ended_at IS NULL AND expires_at > ?3 RETURNING 1",
            params![user, session, now, why.as_str()],
        )
        .map(|row| row.is_some())
}

/// Ends all sessions of `user`, but for `except`, and names them. Index: sessions_by_user.
pub fn end_all(
    database: &Database,
    user: UserId,
    except: Option<SessionId>,
    why: SessionEnd,
    now: Timestamp,
) -> Result<Vec<SessionId>, StoreError> {
    database
        .query(
            "UPDATE sessions SET ended_at = ?2, ended_reason = ?3 \
             WHERE user_id = ?1 AND ended_at IS NULL AND (?4 IS NULL OR id <> ?4) RETURNING id",
            params![user, now, why.as_str(), except],
        )?
        .iter()
        .map(|row| row.parse(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(database: &Database, sql: &str) -> String {
        let rows = database
            .query(&format!("EXPLAIN QUERY PLAN {sql}"), params!["u", 0])
            .unwrap();
        rows.iter().map(|row| row.get::<String>(3).unwrap()).collect()
    }

    #[test]
    fn a_persons_sessions_are_found_by_index() {
        let database = Database::in_memory().unwrap();
        let found = plan(
            &database,
            "SELECT id FROM sessions WHERE user_id = ?1 AND ended_at IS NULL AND expires_at > ?2 ORDER BY id DESC",
        );
        assert!(found.contains("sessions_by_user"), "{found}");
    }
}
