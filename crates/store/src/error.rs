//! What can go wrong in the store, in the store's own words.

use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// A UNIQUE index or primary key said no; `columns` as SQLite names them (`users.email_key`).
    #[error("not unique: {columns}")]
    NotUnique { columns: String },
    /// A CHECK constraint, by its name.
    #[error("check failed: {name}")]
    CheckFailed { name: String },
    #[error("a row that is referred to, or referred from, is missing")]
    ForeignKey,
    /// `RAISE(ABORT, 'CODE')` in a trigger; the code is ours.
    #[error("refused by a rule of the database: {code}")]
    Refused { code: String },
    /// Another writer held the lock for longer than `busy_timeout`.
    #[error("the database is busy")]
    Busy,
    /// Disk full, read-only, corrupt, out of reach.
    #[error("the database is not available: {reason}")]
    Unavailable { reason: String },
    /// The statement itself is wrong: a fault of ours.
    #[error("the statement failed: {reason}")]
    Statement { reason: String },
    #[error("column {index} is missing or of another type")]
    Column { index: usize },
    #[error("migration {name} was changed after it had been applied")]
    MigrationChanged { name: String },
    #[error("the database is newer than this program: it has migration {name}")]
    MigrationUnknown { name: String },
}

/// A libSQL server's words for a stream that nobody used for ten seconds …
const EXPIRED: &str = "STREAM_EXPIRED";
/// … and for one from before it was restarted.
const UNKNOWN: &str = "invalid baton";

impl StoreError {
    /// Engines hand over text only (Spin's `error::io(string)`), so the text is what is read here.
    /// libSQL puts its own words before SQLite's, hence `find` and not `strip_prefix`; and behind them, in quotes.
    pub fn from_message(message: &str) -> Self {
        let after = |marker: &str| {
            let after = &message[message.find(marker)? + marker.len()..];
            let own = after.split(['`', '"', '\n']).next().unwrap_or_default();
            Some(own.trim().to_owned())
        };
        if let Some(columns) = after("UNIQUE constraint failed: ") {
            return Self::NotUnique { columns };
        }
        if let Some(name) = after("CHECK constraint failed: ") {
            return Self::CheckFailed { name };
        }
        if message.contains("FOREIGN KEY constraint failed") {
            return Self::ForeignKey;
        }
        if let Some(code) = after("nexus:") {
            let code = code
                .split(|c: char| !c.is_ascii_uppercase() && c != '_')
                .next()
                .unwrap_or("");
            return Self::Refused { code: code.to_owned() };
        }
        if message.contains("database is locked") || message.contains("database table is locked") {
            return Self::Busy;
        }
        const UNAVAILABLE: [&str; 10] = [
            "disk is full",
            "readonly database",
            "disk image is malformed",
            "file is not a database",
            "unable to open",
            "disk I/O error",
            "connection",
            "timed out",
            EXPIRED,
            UNKNOWN,
        ];
        if UNAVAILABLE.iter().any(|words| message.contains(words)) {
            return Self::Unavailable {
                reason: message.to_owned(),
            };
        }
        Self::Statement {
            reason: message.to_owned(),
        }
    }

    /// Whether the server of the database doesn't know our connection any more. The statement wasn't carried out.
    #[cfg_attr(not(any(target_arch = "wasm32", test)), allow(dead_code))]
    pub(crate) fn is_connection_gone(&self) -> bool {
        matches!(self, Self::Unavailable { reason } if reason.contains(EXPIRED) || reason.contains(UNKNOWN))
    }

    /// Whether this is the violation of a unique index over `column` (`table.column`).
    pub fn is_not_unique(&self, column: &str) -> bool {
        matches!(self, Self::NotUnique { columns } if columns.split(", ").any(|name| name == column))
    }

    /// Whether a trigger refused with `code`.
    pub fn is_refused(&self, code: &str) -> bool {
        matches!(self, Self::Refused { code: given } if given == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_s_messages_become_errors_of_ours() {
        assert!(StoreError::from_message("UNIQUE constraint failed: users.email_key").is_not_unique("users.email_key"));
        assert!(
            StoreError::from_message("SQLite error: UNIQUE constraint failed: a.b, a.c").is_not_unique("a.c"),
            "libSQL's prefix"
        );
        let wrapped = "Hrana: `stream error: `Error { message: \"SQLite error: UNIQUE constraint failed: users.email_key\", \
                       code: \"SQLITE_CONSTRAINT\" }``";
        assert!(
            StoreError::from_message(wrapped).is_not_unique("users.email_key"),
            "Spin's libSQL"
        );
        assert_eq!(StoreError::from_message("database is locked"), StoreError::Busy);
        assert!(StoreError::from_message("nexus:ALREADY_DECIDED").is_refused("ALREADY_DECIDED"));
        assert_eq!(
            StoreError::from_message("CHECK constraint failed: paid_within_total"),
            StoreError::CheckFailed {
                name: "paid_within_total".into()
            }
        );
        assert!(matches!(
            StoreError::from_message("database or disk is full"),
            StoreError::Unavailable { .. }
        ));
        assert!(matches!(
            StoreError::from_message("near \"x\": syntax error"),
            StoreError::Statement { .. }
        ));
    }
}
