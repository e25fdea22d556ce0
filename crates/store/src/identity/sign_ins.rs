//! What signing in reads and writes.

use nexus_domain::Timestamp;
use nexus_domain::ids::{SessionId, UserId};
use nexus_domain::status::UserStatus;

use crate::identity::users::UserRecord;
use crate::{Database, Row, StoreError, Transaction, params, user_columns};

/// A person with what proves who they are.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub user: UserRecord,
    pub password_hash: String,
    /// Whether another system made the hash.
    pub password_imported: bool,
    pub must_change_password: bool,
    pub temporary_password_expires_at: Option<Timestamp>,
}

/// Index: UNIQUE (email_key).
pub fn credentials_by_email(database: &Database, email_key: &str) -> Result<Option<Credentials>, StoreError> {
    database
        .query_opt(
            concat!(
                "SELECT ",
                user_columns!(),
                ", users.password_hash, users.password_imported, users.must_change_password, ",
                "users.temporary_password_expires_at ",
                "FROM users WHERE users.email_key = ?1"
            ),
            params![email_key],
        )?
        .map(|row| read(&row))
        .transpose()
}

/// The hash of whoever comes next by address: as good as drawn by lot, and the same as long as nobody registers in between.
/// For the time it takes to check, not for what it says. Index: UNIQUE (email_key).
pub fn neighbours_hash(database: &Database, email_key: &str) -> Result<Option<String>, StoreError> {
    database
        .query_opt(
            "SELECT coalesce(\
               (SELECT password_hash FROM users WHERE email_key > ?1 ORDER BY email_key LIMIT 1), \
               (SELECT password_hash FROM users ORDER BY email_key LIMIT 1))",
            params![email_key],
        )?
        .map_or(Ok(None), |row| row.get(0))
}

/// By primary key.
pub fn credentials(database: &Database, user: UserId) -> Result<Option<Credentials>, StoreError> {
    database
        .query_opt(
            concat!(
                "SELECT ",
                user_columns!(),
                ", users.password_hash, users.password_imported, users.must_change_password, ",
                "users.temporary_password_expires_at ",
                "FROM users WHERE users.id = ?1"
            ),
            params![user],
        )?
        .map(|row| read(&row))
        .transpose()
}

fn read(row: &Row) -> Result<Credentials, StoreError> {
    Ok(Credentials {
        user: UserRecord::read(row, 0)?,
        password_hash: row.get(UserRecord::COLUMNS)?,
        password_imported: row.get(UserRecord::COLUMNS + 1)?,
        must_change_password: row.get(UserRecord::COLUMNS + 2)?,
        temporary_password_expires_at: row.get(UserRecord::COLUMNS + 3)?,
    })
}

/// A session that begins.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    pub id: SessionId,
    pub refresh_salt: &'a [u8],
    pub ip: &'a str,
    pub user_agent: &'a str,
    pub now: Timestamp,
    /// Absolute; refreshing doesn't move it.
    pub expires_at: Timestamp,
}

/// Begins a session and writes the sign-in down: a temporary password that came by mail proves the address,
/// signing in takes back a request for deletion, an outdated hash is replaced.
///
/// `None`: the person may not sign in any more, or the password has been changed since it was checked.
pub fn begin_session(
    tx: &Transaction<'_>,
    checked: &Credentials,
    new_hash: Option<&str>,
    session: &NewSession<'_>,
) -> Result<Option<UserRecord>, StoreError> {
    let row = tx.query_opt(
        "UPDATE users SET last_login_at = ?2, password_hash = coalesce(?3, password_hash), \
         password_imported = password_imported AND ?3 IS NULL, \
         email_verified = max(email_verified, temporary_password_expires_at IS NOT NULL), \
         deletion_requested_at = NULL, updated_at = ?2 \
         WHERE id = ?1 AND status = ?4 AND password_hash = ?5 \
         RETURNING id, email, name, role, company_id, status, email_verified, document_verified, mfa_enabled, locale, \
         created_at, last_login_at, version",
        params![
            checked.user.id,
            session.now,
            new_hash,
            UserStatus::Active,
            checked.password_hash.as_str()
        ],
    )?;
    let Some(row) = row else {
        return Ok(None);
    };
    insert_session(tx, checked.user.id, session)?;
    UserRecord::read(&row, 0).map(Some)
}

pub fn insert_session(tx: &Transaction<'_>, user: UserId, session: &NewSession<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, ip, user_agent, refresh_salt) \
         VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7)",
        params![
            session.id,
            user,
            session.now,
            session.expires_at,
            session.ip,
            session.user_agent,
            session.refresh_salt
        ],
    )
}

/// Gives somebody a new password of their own; `false` when the present one is not `checked_hash` any more.
pub fn change_password(
    tx: &Transaction<'_>,
    user: UserId,
    checked_hash: &str,
    new_hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.query_opt(
        "UPDATE users SET password_hash = ?3, password_imported = 0, must_change_password = 0, temporary_password_expires_at = NULL, \
         updated_at = ?4, version = version + 1 WHERE id = ?1 AND password_hash = ?2 RETURNING 1",
        params![user, checked_hash, new_hash, now],
    )
    .map(|row| row.is_some())
}
