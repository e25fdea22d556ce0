//! Links that let somebody choose a new password: one use, half an hour.

use nexus_domain::Timestamp;
use nexus_domain::ids::UserId;

use crate::identity::sign_ins::{self, Credentials};
use crate::{Database, StoreError, Transaction, params};

pub const LIFETIME_SECONDS: i64 = 30 * 60;

pub fn put(tx: &Transaction<'_>, token_hash: &str, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![token_hash, user, now, now.plus_seconds(LIFETIME_SECONDS)],
    )
}

/// Whose password a token may set, as long as it is good.
pub fn find(database: &Database, token_hash: &str, now: Timestamp) -> Result<Option<Credentials>, StoreError> {
    let row = database.query_opt(
        "SELECT user_id FROM password_resets WHERE token_hash = ?1 AND used_at IS NULL AND expires_at > ?2",
        params![token_hash, now],
    )?;
    match row {
        Some(row) => sign_ins::credentials(database, row.parse(0)?),
        None => Ok(None),
    }
}

/// Uses the token up, and every other one of the person; `false` when it is not good any more.
pub fn use_up(tx: &Transaction<'_>, token_hash: &str, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let used = tx.query_opt(
        "UPDATE password_resets SET used_at = ?3 \
         WHERE token_hash = ?1 AND user_id = ?2 AND used_at IS NULL AND expires_at > ?3 RETURNING 1",
        params![token_hash, user, now],
    )?;
    if used.is_none() {
        return Ok(false);
    }
    revoke_all(tx, user, now)?;
    Ok(true)
}

/// Makes every link of a person that is still good useless. Index: password_resets_by_user.
pub fn revoke_all(tx: &Transaction<'_>, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE password_resets SET used_at = ?2 WHERE user_id = ?1 AND used_at IS NULL",
        params![user, now],
    )
}

/// A new password by a link that came by mail, which proves the address too.
pub fn set_password(tx: &Transaction<'_>, user: UserId, new_hash: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE users SET password_hash = ?2, password_imported = 0, must_change_password = 0, temporary_password_expires_at = NULL, \
         email_verified = 1, updated_at = ?3, version = version + 1 WHERE id = ?1",
        params![user, new_hash, now],
    )
}

/// Index: password_resets_by_age.
pub fn purge(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    database.execute("DELETE FROM password_resets WHERE expires_at <= ?1", params![now])
}
