//! Passkeys, and the challenges that wait for an answer.

use nexus_domain::Timestamp;
use nexus_domain::ids::{PasskeyId, UserId};

use crate::identity::second_factors::set_enabled;
use crate::{Database, Row, StoreError, Transaction, params};

/// How long a challenge may be answered. What is signed says so too; this is for cleaning up.
pub const CEREMONY_SECONDS: i64 = 5 * 60;
/// Challenges of one person that wait at once: some tabs and devices.
const CEREMONIES_PER_PERSON: i64 = 10;

#[derive(Debug, Clone)]
pub struct Passkey {
    pub id: PasskeyId,
    pub name: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub credential_id: Vec<u8>,
    pub transports: i64,
    pub static_state: Vec<u8>,
    pub dynamic_state: Vec<u8>,
}

/// What an authenticator has made, ready to be kept.
#[derive(Debug, Clone)]
pub struct NewPasskey {
    pub credential_id: Vec<u8>,
    pub transports: i64,
    pub static_state: Vec<u8>,
    pub dynamic_state: Vec<u8>,
}

fn read(row: &Row) -> Result<Passkey, StoreError> {
    Ok(Passkey {
        id: row.parse(0)?,
        name: row.get(1)?,
        created_at: row.get(2)?,
        last_used_at: row.get(3)?,
        credential_id: row.get(4)?,
        transports: row.get(5)?,
        static_state: row.get(6)?,
        dynamic_state: row.get(7)?,
    })
}

/// Somebody's passkeys, oldest first. Index: passkeys_by_user.
pub fn list(database: &Database, user: UserId) -> Result<Vec<Passkey>, StoreError> {
    database
        .query(
            "SELECT id, name, created_at, last_used_at, credential_id, transports, static_state, dynamic_state \
             FROM passkeys WHERE user_id = ?1 ORDER BY id",
            params![user],
        )?
        .iter()
        .map(read)
        .collect()
}

/// Keeps a passkey, unless there are `most` already (`false`). A known credential is `NotUnique`.
pub fn insert(
    tx: &Transaction<'_>,
    id: PasskeyId,
    user: UserId,
    name: &str,
    passkey: &NewPasskey,
    most: usize,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let kept = tx.query_opt(
        "INSERT INTO passkeys (id, user_id, credential_id, transports, static_state, dynamic_state, name, created_at) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE (SELECT count(*) FROM passkeys WHERE user_id = ?2) < ?9 RETURNING 1",
        params![
            id,
            user,
            passkey.credential_id.as_slice(),
            passkey.transports,
            passkey.static_state.as_slice(),
            passkey.dynamic_state.as_slice(),
            name,
            now,
            i64::try_from(most).unwrap_or(i64::MAX)
        ],
    )?;
    if kept.is_none() {
        return Ok(false);
    }
    set_enabled(tx, user, now)?;
    Ok(true)
}

/// Writes down what an authenticator said of itself when it was used; `false`: it was used otherwise in the meantime, or is
/// gone. The state before is part of the condition, so a counter never goes back.
pub fn record_use(
    tx: &Transaction<'_>,
    user: UserId,
    passkey: PasskeyId,
    before: &[u8],
    after: &[u8],
    now: Timestamp,
) -> Result<bool, StoreError> {
    tx.query_opt(
        "UPDATE passkeys SET dynamic_state = ?4, last_used_at = ?5 \
         WHERE id = ?2 AND user_id = ?1 AND dynamic_state = ?3 RETURNING 1",
        params![user, passkey, before, after, now],
    )
    .map(|row| row.is_some())
}

/// Takes one away; `false` when there is none. Recovery codes go with the last factor.
pub fn remove(tx: &Transaction<'_>, user: UserId, passkey: PasskeyId, now: Timestamp) -> Result<bool, StoreError> {
    let removed = tx.query_opt(
        "DELETE FROM passkeys WHERE id = ?2 AND user_id = ?1 RETURNING 1",
        params![user, passkey],
    )?;
    if removed.is_none() {
        return Ok(false);
    }
    set_enabled(tx, user, now)?;
    tx.execute(
        "DELETE FROM recovery_codes WHERE user_id = ?1 \
         AND EXISTS (SELECT 1 FROM users WHERE id = ?1 AND mfa_enabled = 0)",
        params![user],
    )?;
    Ok(true)
}

/// What a challenge was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Enrol,
    Prove,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Enrol => "ENROL",
            Self::Prove => "PROVE",
        }
    }
}

/// Remembers a challenge; the oldest of a person make room. Index: passkey_ceremonies_by_user.
pub fn begin(
    database: &Database,
    user: UserId,
    purpose: Purpose,
    challenge: &str,
    state: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    database.transaction(|tx| {
        tx.execute(
            "DELETE FROM passkey_ceremonies WHERE challenge IN (\
               SELECT challenge FROM passkey_ceremonies WHERE user_id = ?1 ORDER BY expires_at DESC LIMIT -1 OFFSET ?2)",
            params![user, CEREMONIES_PER_PERSON - 1],
        )?;
        tx.execute(
            "INSERT INTO passkey_ceremonies (challenge, user_id, purpose, state, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                challenge,
                user,
                purpose.as_str(),
                state,
                now.plus_seconds(CEREMONY_SECONDS)
            ],
        )
    })
}

/// Takes a challenge that was answered: each is good for one answer, right or wrong.
pub fn take(
    database: &Database,
    user: UserId,
    purpose: Purpose,
    challenge: &str,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, StoreError> {
    database
        .query_opt(
            "DELETE FROM passkey_ceremonies WHERE challenge = ?1 AND user_id = ?2 AND purpose = ?3 AND expires_at > ?4 \
             RETURNING state",
            params![challenge, user, purpose.as_str(), now],
        )?
        .map(|row| row.get(0))
        .transpose()
}

/// Index: passkey_ceremonies_by_age.
pub fn purge(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    database.execute("DELETE FROM passkey_ceremonies WHERE expires_at <= ?1", params![now])
}
