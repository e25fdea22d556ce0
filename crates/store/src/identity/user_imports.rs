//! People taken over from another system.

use nexus_domain::ids::UserId;

use crate::identity::users::{self, NewUser};
use crate::{Database, StoreError, Transaction, params};

/// Who has an address already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Nobody,
    /// Somebody an earlier run took over: nothing is left to do.
    Imported,
    /// Somebody who registered here, or was made by an operator.
    Other,
}

/// Index: UNIQUE (email_key).
pub fn holder(database: &Database, email_key: &str) -> Result<Holder, StoreError> {
    let row = database.query_opt(
        "SELECT imported_at IS NOT NULL FROM users WHERE email_key = ?1",
        params![email_key],
    )?;
    match row {
        None => Ok(Holder::Nobody),
        Some(row) if row.get(0)? => Ok(Holder::Imported),
        Some(_) => Ok(Holder::Other),
    }
}

/// Writes somebody down, and that they were taken over.
pub fn insert(tx: &Transaction<'_>, user: &NewUser<'_>) -> Result<UserId, StoreError> {
    let made = users::insert(tx, user)?;
    tx.execute(
        "UPDATE users SET imported_at = ?2, password_imported = 1 WHERE id = ?1",
        params![made.id, user.now],
    )?;
    Ok(made.id)
}
