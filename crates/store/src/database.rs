//! The one seam between Nexus and SQLite.
//!
//! Statements run to their end before the call returns, in the guest too: a component's instance does
//! one thing at a time inside a transaction, so requests that share it (and its connection) can't get
//! into each other's transactions. Measured as well: one blocking call per statement beats a stream
//! of rows by more than two to one (docs/decisions/0003-store-seam.md).

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use nexus_domain::statement_times::STATEMENT_BOUNDS;

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
    fn run_async<'a>(&'a self, sql: &'static str) -> Aside<'a> {
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
    clock: fn() -> u64,
    /// How many statements took how long, by the bounds of the edge's histogram; the last is beyond them.
    measured: [Measured; TIMES],
    /// The last error that may have ended a transaction.
    failure: Mutex<Option<StoreError>>,
    /// Why the schema was none to work with when the database was opened all the same.
    refused: Option<StoreError>,
}

const TIMES: usize = STATEMENT_BOUNDS.len() + 1;

#[derive(Default)]
struct Measured {
    statements: AtomicU64,
    micros: AtomicU64,
}

/// How many statements, and how long they took together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    pub statements: u64,
    pub micros: u64,
}

impl std::ops::Add for Share {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            statements: self.statements + other.statements,
            micros: self.micros + other.micros,
        }
    }
}

/// How much an instance has asked of the database since it was last asked itself, by `STATEMENT_BOUNDS`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub by_time: [Share; TIMES],
}

impl Usage {
    pub fn total(&self) -> Share {
        self.by_time.iter().fold(Share::default(), |sum, share| sum + *share)
    }
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            by_time: std::array::from_fn(|time| self.by_time[time] + other.by_time[time]),
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

    /// As `open`, but opens a database of another program too: whoever does so asks `check_schema` before each use.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn open_to_check(engine: Box<dyn Engine>, clock: fn() -> u64) -> Result<Self, StoreError> {
        let mut database = Self::without_migration(engine, clock)?;
        match migrate::run(&database) {
            Err(error) if error.is_foreign_schema() => database.refused = Some(error),
            done => done?,
        }
        Ok(database)
    }

    /// Whether this program can work with the schema as it is now. Not counted among the statements of a request.
    pub fn check_schema(&self) -> Result<(), StoreError> {
        match &self.refused {
            Some(changed @ StoreError::MigrationChanged { .. }) => Err(changed.clone()),
            _ => migrate::check(self),
        }
    }

    /// A further connection to a database whose schema is current.
    pub(crate) fn without_migration(engine: Box<dyn Engine>, clock: fn() -> u64) -> Result<Self, StoreError> {
        let database = Self {
            engine,
            clock,
            measured: Default::default(),
            failure: Mutex::default(),
            refused: None,
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

    /// Rows of a statement that belongs to no request.
    pub(crate) fn query_uncounted(&self, sql: &str) -> Result<Vec<Row>, StoreError> {
        self.engine.run(sql, &[])
    }

    /// A statement that may take long, and lets others of this instance go on where the host can.
    pub(crate) async fn execute_aside(&self, sql: &'static str) -> Result<(), StoreError> {
        let started = (self.clock)();
        let answer = self.engine.run_async(sql).await;
        self.count(started);
        answer
    }

    fn count(&self, started: u64) {
        let micros = (self.clock)().saturating_sub(started);
        let measured = &self.measured[STATEMENT_BOUNDS.partition_point(|bound| *bound < micros)];
        measured.statements.fetch_add(1, Ordering::Relaxed);
        measured.micros.fetch_add(micros, Ordering::Relaxed);
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
        let by_time = self.measured.each_ref().map(|measured| Share {
            statements: measured.statements.swap(0, Ordering::Relaxed),
            micros: measured.micros.swap(0, Ordering::Relaxed),
        });
        Usage { by_time }
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
    use super::PRAGMAS;
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
    fn statements_are_counted_by_how_long_they_took() {
        // Each look at the clock is 60 µs later than the one before, and 600 from the fifth on.
        fn clock() -> u64 {
            static LOOKS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
            let looks = LOOKS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            looks * 60 + looks.saturating_sub(4 + 2 * PRAGMAS.len() as u64) * 540
        }
        let opened = rusqlite::Connection::open_in_memory();
        let database = Database::without_migration(crate::native::Rusqlite::boxed(opened).unwrap(), clock).unwrap();
        database.take_usage();
        for _ in 0..3 {
            database.execute("SELECT 1", &[]).unwrap();
        }
        let usage = database.take_usage();
        assert_eq!((usage.by_time[0].statements, usage.by_time[0].micros), (2, 120));
        assert_eq!((usage.by_time[2].statements, usage.by_time[2].micros), (1, 600));
        assert_eq!(usage.total().statements, 3);
        assert_eq!(database.take_usage().total().statements, 0);
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
