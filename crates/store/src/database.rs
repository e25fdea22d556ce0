//! The one seam between Nexus and SQLite.
//!
//! Statements run to their end before the call returns, in the guest too: a component's instance does
//! one thing at a time inside a transaction, so requests that share it (and its connection) can't get
//! into each other's transactions. Measured as well: one blocking call per statement beats a stream
//! of rows by more than two to one (docs/decisions/0003-store-seam.md).

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::{Row, StoreError, Value, migrate};

/// For every connection. busy_timeout first: switching to WAL takes a lock.
pub(crate) const PRAGMAS: [&str; 4] = [
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
];

/// What runs statements: Spin's SQLite in the guest, rusqlite natively.
pub trait Engine: Send + Sync {
    fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// As `run`, for a statement without parameters that may take long: where the host can, others go on meanwhile.
    fn run_aside<'a>(&'a self, sql: &'static str) -> Aside<'a> {
        Box::pin(std::future::ready(self.run(sql, &[]).map(drop)))
    }

    /// Runs `work` with no other statement of this engine in between.
    fn exclusively(&self, work: &mut dyn FnMut());
}

/// The end of a statement that runs aside.
pub type Aside<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

/// An open database whose schema is current.
pub struct Database {
    engine: Box<dyn Engine>,
    statements: AtomicU64,
    clock: fn() -> u64,
    micros: AtomicU64,
    /// The last error that may have ended a transaction.
    failure: Mutex<Option<StoreError>>,
}

/// How much an instance has asked of the database since it was last asked itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub statements: u64,
    pub micros: u64,
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            statements: self.statements + other.statements,
            micros: self.micros + other.micros,
        }
    }
}

impl Database {
    /// Sets the pragmas of `docs/ARCHITECTURE.md` and brings the schema up to date.
    ///
    /// `clock` counts microseconds from anywhere; it only measures how long statements take.
    pub fn open(engine: Box<dyn Engine>, clock: fn() -> u64) -> Result<Self, StoreError> {
        let database = Self::without_migration(engine, clock)?;
        migrate::run(&database)?;
        Ok(database)
    }

    /// A further connection to a database whose schema is current.
    pub(crate) fn without_migration(engine: Box<dyn Engine>, clock: fn() -> u64) -> Result<Self, StoreError> {
        let database = Self {
            engine,
            statements: AtomicU64::new(0),
            clock,
            micros: AtomicU64::new(0),
            failure: Mutex::default(),
        };
        // libSQL's server keeps its own journal and refuses some of these, which is no reason not to use it.
        for pragma in PRAGMAS {
            match database.query(pragma, &[]) {
                Ok(_) => {}
                Err(StoreError::Statement { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(database)
    }

    /// All rows of one statement.
    pub fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let started = (self.clock)();
        let answer = self.engine.run(sql, params);
        self.count(started);
        if let Err(error) = &answer
            && error.may_pass()
        {
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
        }
        answer
    }

    /// A statement that may take long, and lets others of this instance go on where the host can.
    pub(crate) async fn execute_aside(&self, sql: &'static str) -> Result<(), StoreError> {
        let started = (self.clock)();
        let answer = self.engine.run_aside(sql).await;
        self.count(started);
        answer
    }

    fn count(&self, started: u64) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.micros
            .fetch_add((self.clock)().saturating_sub(started), Ordering::Relaxed);
    }

    pub(crate) fn take_failure(&self) -> Option<StoreError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The first row, if there is one.
    pub fn query_opt(&self, sql: &str, params: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params)?.into_iter().next())
    }

    /// A statement whose rows don't matter. To learn what it changed, use `RETURNING` and `query`:
    /// `changes()` would be a second call to the host.
    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<(), StoreError> {
        self.query(sql, params).map(drop)
    }

    /// Runs `work` in one `BEGIN IMMEDIATE … COMMIT`; an error (or a panic) rolls everything back.
    pub fn transaction<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut work = Some(work);
        let mut answer = None;
        self.engine.exclusively(&mut || {
            if let Some(work) = work.take() {
                answer = Some(self.transact(work));
            }
        });
        match answer {
            Some(answer) => answer,
            None => Err(StoreError::Unavailable {
                reason: "the transaction was not run".into(),
            }
            .into()),
        }
    }

    fn transact<T, E: From<StoreError>>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T, E>) -> Result<T, E> {
        self.execute("BEGIN IMMEDIATE", &[])?;
        let mut transaction = Transaction {
            database: self,
            open: true,
        };
        let made = work(&transaction)?;
        self.execute("COMMIT", &[])?;
        transaction.open = false;
        Ok(made)
    }

    /// Takes and resets the counts, for the answer's internal header.
    pub fn take_usage(&self) -> Usage {
        Usage {
            statements: self.statements.swap(0, Ordering::Relaxed),
            micros: self.micros.swap(0, Ordering::Relaxed),
        }
    }
}

/// An open transaction; it derefs to the database, so every store function takes part in it.
pub struct Transaction<'a> {
    database: &'a Database,
    open: bool,
}

impl<'a> Transaction<'a> {
    /// A part of one that somebody else began and will end.
    pub(crate) fn within(database: &'a Database) -> Self {
        Self { database, open: false }
    }
}

impl std::ops::Deref for Transaction<'_> {
    type Target = Database;

    fn deref(&self) -> &Database {
        self.database
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open {
            // Nothing is left to tell if this fails: SQLite has then rolled back by itself already.
            let _ = self.database.execute("ROLLBACK", &[]);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Database, StoreError, params};

    fn count(database: &Database) -> i64 {
        database.query("SELECT count(*) FROM t", &[]).unwrap()[0]
            .get(0)
            .unwrap()
    }

    fn with_table() -> Database {
        let database = Database::in_memory().unwrap();
        database.execute("CREATE TABLE t (x)", &[]).unwrap();
        database
    }

    #[test]
    fn what_a_transaction_did_is_there_after_it() {
        let database = with_table();
        let made: Result<i64, StoreError> = database.transaction(|tx| {
            tx.execute("INSERT INTO t VALUES (?1)", params![1])?;
            Ok(7)
        });
        assert_eq!((made, count(&database)), (Ok(7), 1));
    }

    #[test]
    fn an_error_rolls_all_of_it_back() {
        let database = with_table();
        let made: Result<(), StoreError> = database.transaction(|tx| {
            tx.execute("INSERT INTO t VALUES (1)", &[])?;
            Err(StoreError::Busy)
        });
        assert_eq!((made, count(&database)), (Err(StoreError::Busy), 0));
    }

    #[test]
    fn a_failed_statement_leaves_the_database_usable() {
        let database = with_table();
        let made: Result<(), StoreError> = database.transaction(|tx| tx.execute("INSERT INTO nowhere VALUES (1)", &[]));
        assert!(made.is_err());
        database.execute("INSERT INTO t VALUES (1)", &[]).unwrap();
        assert_eq!(count(&database), 1);
    }
}
