//! The second factor: one authenticator app per person, and recovery codes. Passkeys have a file of their own.

use nexus_domain::Timestamp;
use nexus_domain::ids::UserId;

use crate::{Database, StoreError, Transaction, params};

#[derive(Debug, Clone)]
pub struct SecondFactor {
    pub sealed_secret: Vec<u8>,
    pub active: bool,
    pub last_step: i64,
}

/// By primary key.
pub fn find(database: &Database, user: UserId) -> Result<Option<SecondFactor>, StoreError> {
    database
        .query_opt(
            "SELECT sealed_secret, active, last_step FROM second_factors WHERE user_id = ?1",
            params![user],
        )?
        .map(|row| {
            Ok(SecondFactor {
                sealed_secret: row.get(0)?,
                active: row.get(1)?,
                last_step: row.get(2)?,
            })
        })
        .transpose()
}

/// Keeps a secret that has yet to be confirmed by a code; `false` when one is in use already.
pub fn enroll(database: &Database, user: UserId, sealed_secret: Vec<u8>, now: Timestamp) -> Result<bool, StoreError> {
    database
        .query_opt(
            "INSERT INTO second_factors (user_id, sealed_secret, created_at) VALUES (?1, ?2, ?3) \
             ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, last_step = 0, \
             created_at = excluded.created_at WHERE active = 0 RETURNING 1",
            params![user, sealed_secret, now],
        )
        .map(|row| row.is_some())
}

/// Puts the enrolled secret to use, with these recovery codes; `false` when it is in use already or was replaced.
pub fn activate(
    tx: &Transaction<'_>,
    user: UserId,
    sealed_secret: &[u8],
    step: i64,
    recovery_code_hashes: &[String],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let activated = tx.query_opt(
        "UPDATE second_factors SET active = 1, last_step = ?3, activated_at = ?4 \
         WHERE user_id = ?1 AND active = 0 AND sealed_secret = ?2 RETURNING 1",
        params![user, sealed_secret, step, now],
    )?;
    if activated.is_none() {
        return Ok(false);
    }
    replace_recovery_codes(tx, user, recovery_code_hashes)?;
    set_enabled(tx, user, now)?;
    Ok(true)
}

/// New recovery codes in place of those before, which were shown for another factor.
pub fn replace_recovery_codes(tx: &Transaction<'_>, user: UserId, hashes: &[String]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM recovery_codes WHERE user_id = ?1", params![user])?;
    tx.execute(
        "INSERT INTO recovery_codes (user_id, code_hash) SELECT ?1, value FROM json_each(?2)",
        params![user, serde_json::json!(hashes).to_string()],
    )
}

/// Whether there is any second factor, as of now. By primary key.
pub fn any(database: &Database, user: UserId) -> Result<bool, StoreError> {
    database
        .query_opt("SELECT 1 FROM users WHERE id = ?1 AND mfa_enabled = 1", params![user])
        .map(|row| row.is_some())
}

/// Whether an authenticator app is in use. By primary key.
pub fn has_app(database: &Database, user: UserId) -> Result<bool, StoreError> {
    database
        .query_opt(
            "SELECT 1 FROM second_factors WHERE user_id = ?1 AND active = 1",
            params![user],
        )
        .map(|row| row.is_some())
}

/// Takes a code of this step, if neither it nor a later one was taken before.
pub fn take_step(database: &Database, user: UserId, step: i64) -> Result<bool, StoreError> {
    database
        .query_opt(
            "UPDATE second_factors SET last_step = ?2 WHERE user_id = ?1 AND active = 1 AND last_step < ?2 RETURNING 1",
            params![user, step],
        )
        .map(|row| row.is_some())
}

/// Takes a recovery code, once.
pub fn take_recovery_code(
    database: &Database,
    user: UserId,
    code_hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    database
        .query_opt(
            "UPDATE recovery_codes SET used_at = ?3 WHERE user_id = ?1 AND code_hash = ?2 AND used_at IS NULL RETURNING 1",
            params![user, code_hash, now],
        )
        .map(|row| row.is_some())
}

/// Seals the secret anew, under the present key.
pub fn reseal(database: &Database, user: UserId, before: &[u8], sealed_secret: Vec<u8>) -> Result<(), StoreError> {
    database.execute(
        "UPDATE second_factors SET sealed_secret = ?3 WHERE user_id = ?1 AND sealed_secret = ?2",
        params![user, before, sealed_secret],
    )
}

/// Takes every second factor away: by the person (who proved one), or by an admin when they are lost.
/// `false` when there was none.
pub fn reset(tx: &Transaction<'_>, user: UserId, now: Timestamp) -> Result<bool, StoreError> {
    let had = any(tx, user)?;
    for sql in [
        "DELETE FROM recovery_codes WHERE user_id = ?1",
        "DELETE FROM second_factors WHERE user_id = ?1",
        "DELETE FROM passkeys WHERE user_id = ?1",
        "DELETE FROM passkey_ceremonies WHERE user_id = ?1",
    ] {
        tx.execute(sql, params![user])?;
    }
    set_enabled(tx, user, now)?;
    Ok(had)
}

/// Brings `mfa_enabled` in line with what there is.
pub(crate) fn set_enabled(tx: &Transaction<'_>, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE users SET mfa_enabled = EXISTS (SELECT 1 FROM second_factors WHERE user_id = ?1 AND active = 1) \
         OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = ?1), updated_at = ?2, version = version + 1 WHERE id = ?1",
        params![user, now],
    )
}
