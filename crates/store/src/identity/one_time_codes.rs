//! Six-digit codes sent by mail: one per person and purpose, few tries, one use.

use nexus_domain::ids::UserId;
use nexus_domain::one_time_code::TRIES;
use nexus_domain::{EmailAddress, Timestamp};

use crate::identity::users::UserRecord;
use crate::{Database, Row, StoreError, Transaction, identity::decoys, params};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    VerifyEmail,
    ChangeEmail,
}

impl Purpose {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "VERIFY_EMAIL",
            Self::ChangeEmail => "CHANGE_EMAIL",
        }
    }
}

#[derive(Debug, Clone)]
pub struct NewCode<'a> {
    pub user: UserId,
    pub purpose: Purpose,
    pub code_hash: &'a [u8],
    /// The address that the code proves, when it is not the account's own yet.
    pub new_email: Option<&'a EmailAddress>,
    pub now: Timestamp,
    pub expires_at: Timestamp,
}

/// Takes the place of the code before it.
pub fn put(tx: &Transaction<'_>, code: &NewCode<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO one_time_codes (user_id, purpose, code_hash, new_email, new_email_key, created_at, expires_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (user_id, purpose) DO UPDATE SET code_hash = excluded.code_hash, tries = 0, \
         new_email = excluded.new_email, new_email_key = excluded.new_email_key, \
         created_at = excluded.created_at, expires_at = excluded.expires_at, used_at = NULL",
        params![
            code.user,
            code.purpose.as_str(),
            code.code_hash,
            code.new_email.map(EmailAddress::as_str),
            code.new_email.map(EmailAddress::key),
            code.now,
            code.expires_at
        ],
    )
}

/// A code against which one try has been counted.
#[derive(Debug, Clone)]
pub struct TriedCode {
    pub user: UserId,
    pub code_hash: Vec<u8>,
    /// The address that it proves, when it is not the account's own yet.
    pub new_email: Option<String>,
}

fn read_tried(row: &Row) -> Result<TriedCode, StoreError> {
    Ok(TriedCode {
        user: row.parse(0)?,
        code_hash: row.get(1)?,
        new_email: row.get(2)?,
    })
}

/// Counts a try of the code sent to this address, if there is one that may still be tried. The count comes first, so
/// that no number of simultaneous tries gets more of them checked. Takes as long where there is none.
pub fn try_by_email(database: &Database, email_key: &str, now: Timestamp) -> Result<Option<TriedCode>, StoreError> {
    database.transaction(|tx| {
        let tried = count_try(tx, email_key, now)?;
        decoys::try_code(tx, Purpose::VerifyEmail, tried.is_some(), now)?;
        Ok(tried)
    })
}

fn count_try(tx: &Transaction<'_>, email_key: &str, now: Timestamp) -> Result<Option<TriedCode>, StoreError> {
    tx.query_opt(
        "UPDATE one_time_codes SET tries = tries + 1 \
             WHERE user_id = (SELECT id FROM users WHERE email_key = ?1) AND purpose = 'VERIFY_EMAIL' \
             AND used_at IS NULL AND expires_at > ?2 AND tries < ?3 RETURNING user_id, code_hash, new_email",
        params![email_key, now, TRIES],
    )?
    .map(|row| read_tried(&row))
    .transpose()
}

/// Counts a try of the code that somebody asked for themselves.
pub fn try_of(
    database: &Database,
    user: UserId,
    purpose: Purpose,
    now: Timestamp,
) -> Result<Option<TriedCode>, StoreError> {
    database
        .query_opt(
            "UPDATE one_time_codes SET tries = tries + 1 \
             WHERE user_id = ?1 AND purpose = ?2 AND used_at IS NULL AND expires_at > ?3 AND tries < ?4 \
             RETURNING user_id, code_hash, new_email",
            params![user, purpose.as_str(), now, TRIES],
        )?
        .map(|row| read_tried(&row))
        .transpose()
}

/// Uses up the code that was tried; `false`: another request has done so, or there is a newer one.
pub fn use_up(tx: &Transaction<'_>, tried: &TriedCode, purpose: Purpose, now: Timestamp) -> Result<bool, StoreError> {
    tx.query_opt(
        "UPDATE one_time_codes SET used_at = ?4 \
         WHERE user_id = ?1 AND purpose = ?2 AND code_hash = ?3 AND used_at IS NULL RETURNING 1",
        params![tried.user, purpose.as_str(), tried.code_hash.as_slice(), now],
    )
    .map(|row| row.is_some())
}

pub fn mark_email_verified(tx: &Transaction<'_>, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE users SET email_verified = 1, updated_at = ?2, version = version + 1 WHERE id = ?1",
        params![user, now],
    )
}

/// Moves an account to another address, which is proven. Links and codes that wait in the old mailbox are of no use any more.
/// A taken address is `NotUnique` of `users.email_key`.
pub fn change_email(
    tx: &Transaction<'_>,
    user: UserId,
    email: &EmailAddress,
    now: Timestamp,
) -> Result<Option<UserRecord>, StoreError> {
    crate::identity::password_resets::revoke_all(tx, user, now)?;
    tx.execute(
        "DELETE FROM one_time_codes WHERE user_id = ?1 AND purpose = 'VERIFY_EMAIL'",
        params![user],
    )?;
    tx.query_opt(
        "UPDATE users SET email = ?2, email_key = ?3, email_folded = ?5, email_verified = 1, updated_at = ?4, \
         version = version + 1 \
         WHERE id = ?1 \
         RETURNING id, email, name, role, company_id, status, email_verified, document_verified, mfa_enabled, locale, \
         created_at, last_login_at, version",
        params![user, email.as_str(), email.key(), now, email.folded()],
    )?
    .map(|row| UserRecord::read(&row, 0))
    .transpose()
}
