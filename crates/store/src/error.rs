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
    /// Disk full, read-only, corrupt, interrupted.
    #[error("the database is not available: {reason}")]
    Unavailable { reason: String },
    /// The connection to the database, or the transaction on it, is gone. `unrun`: the statement was certainly not
    /// carried out. Otherwise it may have been, a `COMMIT` too.
    #[error("the connection to the database is gone: {reason}")]
    Disconnected { reason: String, unrun: bool },
    /// The statement itself is wrong: a fault of ours.
    #[error("the statement failed: {reason}")]
    Statement { reason: String },
    #[error("column {index} is missing or of another type")]
    Column { index: usize },
    #[error(
        "the database doesn't belong to this program: its migration {name} is another one than this program's; start the \
         program that made it"
    )]
    MigrationChanged { name: String },
    /// `newest` is the last one that this program knows.
    #[error(
        "the database is newer than this program: it has migration {name}, and this program knows them up to {newest} and \
         can't work with it; start the newer program, or restore a backup from before it"
    )]
    MigrationUnknown { name: String, newest: String },
}

/// A libSQL server's words for a stream that nobody used for ten seconds …
const EXPIRED: &str = "STREAM_EXPIRED";
/// … and for one from before it was restarted.
const UNKNOWN: &str = "invalid baton";

/// Begins what the crate `libsql` says of anything that happens between it and a server.
const OF_A_SERVER: &str = "Hrana: ";
/// Comes before the kind of an error that a server found itself, in `stream error: `Error { message, code }``.
const CODE: &str = "code: \"";

/// Kinds that are a fault of the statement. `SQLITE_UNKNOWN` is what sqld makes of `SQLITE_ERROR`.
const STATEMENT_CODES: [&str; 11] = [
    "SQLITE_UNKNOWN",
    "SQLITE_ERROR",
    "SQLITE_CONSTRAINT",
    "SQLITE_MISMATCH",
    "SQLITE_MISUSE",
    "SQLITE_RANGE",
    "SQLITE_TOOBIG",
    "SQLITE_AUTH",
    "RESPONSE_TOO_LARGE",
    "SQL_",
    "ARGS_",
];
const BUSY_CODES: [&str; 3] = ["SQLITE_BUSY", "SQLITE_LOCKED", "TRANSACTION_BUSY"];
/// The server has rolled the transaction back, or has ended what ran in it.
const LOST_CODES: [&str; 3] = ["TRANSACTION_TIMEOUT", "SQLITE_ABORT", "SQLITE_INTERRUPT"];

/// SQLite's own sentences for what is no fault of the statement (`sqlite3ErrStr`), and those of the ways to it.
const UNAVAILABLE: [&str; 14] = [
    "disk is full",
    "readonly database",
    "is malformed",
    "malformed database schema",
    "file is not a database",
    "unable to open",
    "disk I/O error",
    "out of memory",
    "interrupted",
    "query aborted",
    "abort due to ROLLBACK",
    "locking protocol",
    "database schema has changed",
    "access permission denied",
];
const DISCONNECTED: [&str; 9] = [
    "connect",
    "timed out",
    "channel closed",
    "column send error",
    "statement was ended",
    "os error",
    "broken pipe",
    "STREAM_EXPIRED",
    "invalid baton",
];
/// A statement about a transaction that isn't there, or is there still. Ours come in pairs, so somebody else has ended the
/// transaction, or the statement came to another connection than those before it.
const OUT_OF_PLACE: [&str; 3] = ["no such savepoint", "no transaction is active", OPEN_ALREADY];
/// Of a `BEGIN`: what an earlier request left open can't be used.
const OPEN_ALREADY: &str = "within a transaction";

fn is_one_of(message: &str, sentences: &[&str]) -> bool {
    sentences.iter().any(|words| message.contains(words))
}

impl StoreError {
    /// Spin's interface has one kind for all of this (`error::io(string)`), so the text is what is read here: the code in
    /// it where a libSQL server names one, and SQLite's fixed sentences otherwise. What a server's client says without a
    /// code is of the connection.
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
        if is_one_of(message, &OUT_OF_PLACE) {
            return Self::disconnected(message);
        }
        let begins = |codes: &[&str], code: &str| codes.iter().any(|known| code.starts_with(known));
        match after(CODE) {
            Some(code) if begins(&STATEMENT_CODES, &code) => Self::statement(message),
            Some(code) if begins(&BUSY_CODES, &code) => Self::Busy,
            Some(code) if begins(&LOST_CODES, &code) => Self::disconnected(message),
            // A disk that is full, and what nobody has thought of yet: it may pass.
            Some(code) if code.starts_with("SQLITE_") => Self::unavailable(message),
            Some(_) => Self::disconnected(message),
            None if message.contains(OF_A_SERVER) => Self::disconnected(message),
            None if is_one_of(message, &UNAVAILABLE) => Self::unavailable(message),
            None if is_one_of(message, &DISCONNECTED) => Self::disconnected(message),
            None => Self::statement(message),
        }
    }

    fn statement(message: &str) -> Self {
        Self::Statement {
            reason: message.to_owned(),
        }
    }

    fn unavailable(message: &str) -> Self {
        Self::Unavailable {
            reason: message.to_owned(),
        }
    }

    fn disconnected(message: &str) -> Self {
        Self::Disconnected {
            reason: message.to_owned(),
            unrun: is_one_of(message, &[EXPIRED, UNKNOWN, OPEN_ALREADY]),
        }
    }

    /// Whether it may pass by itself: the same may succeed a moment later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable { .. } | Self::Disconnected { .. })
    }

    /// Whether this is the violation of a unique index over `column` (`table.column`).
    pub fn is_not_unique(&self, column: &str) -> bool {
        matches!(self, Self::NotUnique { columns } if columns.split(", ").any(|name| name == column))
    }

    /// Whether the database is one that this program can't work with.
    pub fn is_foreign_schema(&self) -> bool {
        matches!(self, Self::MigrationChanged { .. } | Self::MigrationUnknown { .. })
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

    /// As Spin's libSQL client words it.
    fn of_server(code: &str, message: &str) -> StoreError {
        StoreError::from_message(&format!(
            "Hrana: `stream error: `Error {{ message: {message:?}, code: {code:?} }}``"
        ))
    }

    #[test]
    fn what_a_server_names_a_kind_for_is_told_apart_by_the_kind() {
        for (code, message) in [
            ("SQL_INPUT_ERROR", "SQLite input error: no such table: x"),
            ("SQL_PARSE_ERROR", "SQL string could not be parsed"),
            ("SQLITE_UNKNOWN", "SQLite error: malformed JSON"),
            (
                "SQLITE_CONSTRAINT",
                "SQLite error: NOT NULL constraint failed: users.name",
            ),
            ("ARGS_INVALID", "Invalid args"),
        ] {
            let error = of_server(code, message);
            assert!(matches!(error, StoreError::Statement { .. }), "{error:?}");
        }
        for code in ["SQLITE_BUSY", "SQLITE_LOCKED", "TRANSACTION_BUSY"] {
            assert_eq!(of_server(code, "x"), StoreError::Busy);
        }
        for code in ["SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_OF_TOMORROW"] {
            let error = of_server(code, "x");
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        }
        for (code, message) in [
            ("SQLITE_INTERRUPT", "SQLite error: interrupted"),
            ("TRANSACTION_TIMEOUT", "Transaction timed-out"),
            ("SQLITE_UNKNOWN", "SQLite error: no such savepoint: part"),
            (
                "SQLITE_UNKNOWN",
                "SQLite error: cannot commit - no transaction is active",
            ),
            ("PROXY_ERROR", "x"),
        ] {
            let error = of_server(code, message);
            assert!(
                matches!(error, StoreError::Disconnected { unrun: false, .. }),
                "{error:?}"
            );
        }
        assert!(of_server("SQLITE_CONSTRAINT", "SQLite error: UNIQUE constraint failed: a.b").is_not_unique("a.b"));
        assert!(of_server("SQLITE_CONSTRAINT", "SQLite error: nexus:ALREADY_DECIDED").is_refused("ALREADY_DECIDED"));
    }

    #[test]
    fn what_is_of_the_connection_passes_whatever_its_words_are() {
        for message in [
            "Hrana: `http error: `error trying to connect: tcp connect error: Connection refused (os error 111)``",
            "Hrana: `http error: `connection closed before message completed``",
            "Hrana: `api error: `status=500 Internal Server Error, body=``",
            "Hrana: `unexpected response: `Unexpected empty response from server: []``",
            "Hrana: `words of tomorrow``",
            "channel closed",
        ] {
            let error = StoreError::from_message(message);
            assert!(
                matches!(error, StoreError::Disconnected { unrun: false, .. }),
                "{message}: {error:?}"
            );
            assert!(error.may_pass());
        }
        for message in [
            "Hrana: `api error: `status=400 Bad Request, body=Received an invalid baton``",
            "Hrana: `api error: `status=400 Bad Request, body={\"message\":\"The stream has expired due to inactivity\",\"code\":\"STREAM_EXPIRED\"}``",
        ] {
            let error = StoreError::from_message(message);
            assert!(
                matches!(error, StoreError::Disconnected { unrun: true, .. }),
                "{message}: {error:?}"
            );
        }
        for message in ["interrupted", "disk I/O error", "database disk image is malformed"] {
            let error = StoreError::from_message(message);
            assert!(matches!(error, StoreError::Unavailable { .. }), "{message}: {error:?}");
        }
        for message in ["no such table: x", "malformed JSON", "NOT NULL constraint failed: a.b"] {
            let error = StoreError::from_message(message);
            assert!(matches!(error, StoreError::Statement { .. }), "{message}: {error:?}");
        }
    }
}
