//! SQLite in this process.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::ErrorCode;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::classify::{first_word, looks_like_a_read};
use super::connection::Local;
use super::rows::BatchSender;
use super::values::{MAX_RESULT_BYTES, Stop, bind, collect, columns, convert, io, too_large};
use super::{Connection, Counters, Database};
use crate::bindings::sqlite::{Error, QueryResult, Value};
use crate::runtime_config::SqliteFile;

/// More statements than a component has; preparing costs more than running a small one.
const STATEMENT_CACHE: usize = 512;
/// What rusqlite sets when it opens a connection, and so what a guest finds on Spin.
const OPENING_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// As long as a read may keep a runtime thread.
const INLINE_BUDGET: Duration = Duration::from_millis(4);
/// As much as a read may collect there.
const INLINE_BYTES: usize = 1 << 20;
/// SQLite's virtual instructions between two looks at the clock.
const OPS_PER_CHECK: std::ffi::c_int = 10_000;

/// A file, or a fresh database in memory for each connection.
pub struct LocalDatabase(Arc<SqliteFile>);

impl LocalDatabase {
    pub fn new(config: SqliteFile) -> Self {
        Self(Arc::new(config))
    }
}

impl Database for LocalDatabase {
    fn connect(&self, counters: Arc<Counters>) -> Result<Connection, Error> {
        let local = LocalConnection::Closed(self.0.clone());
        Ok(Connection::Local(Local::new(local, counters)))
    }
}

pub enum LocalConnection {
    Closed(Arc<SqliteFile>),
    Open(Box<Opened>),
}

/// An open connection. Its busy timeout is zero except while a statement runs where it may wait.
pub struct Opened {
    db: rusqlite::Connection,
    /// The timeout that the guest believes in.
    busy_timeout: Duration,
    /// Reads that took too long once; they don't get a second chance on a runtime thread.
    slow: HashSet<Box<str>>,
    clock: Arc<InlineClock>,
}

/// Until when a read may run inline; zero while nothing does.
struct InlineClock {
    started: Instant,
    until_micros: AtomicI64,
}

pub enum Inline {
    Done(Result<QueryResult, Error>),
    /// It isn't a plain read, or it would have to wait: nothing has happened.
    No,
}

impl LocalConnection {
    pub fn open(&mut self) -> Result<&mut Opened, Error> {
        if let Self::Closed(config) = self {
            let opened = Opened::new(config)?;
            *self = Self::Open(Box::new(opened));
        }
        match self {
            Self::Open(opened) => Ok(opened),
            Self::Closed(_) => Err(Error::InvalidConnection),
        }
    }

    pub fn take(&mut self) -> Option<Opened> {
        let closed = Self::Closed(Arc::new(SqliteFile {
            path: None,
            allow_attach_file: false,
        }));
        match std::mem::replace(self, closed) {
            Self::Open(opened) => Some(*opened),
            Self::Closed(_) => None,
        }
    }
}

impl Opened {
    fn new(config: &SqliteFile) -> Result<Self, Error> {
        let mut db = match &config.path {
            Some(path) => open_file(path),
            None => rusqlite::Connection::open_in_memory(),
        }
        .map_err(io)?;
        if !config.allow_attach_file {
            db.authorizer(Some(deny_attached_files)).map_err(io)?;
        }
        db.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        // Or a cached statement is prepared anew each time when its plan could depend on a bound value.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(io)?;
        db.busy_timeout(Duration::ZERO).map_err(io)?;
        let clock = Arc::new(InlineClock {
            started: Instant::now(),
            until_micros: AtomicI64::new(0),
        });
        let watched = clock.clone();
        db.progress_handler(OPS_PER_CHECK, Some(move || watched.is_over()))
            .map_err(io)?;
        Ok(Self {
            db,
            busy_timeout: OPENING_BUSY_TIMEOUT,
            slow: HashSet::new(),
            clock,
        })
    }

    /// Runs a read that needn't wait for anybody.
    pub fn read_inline(&mut self, sql: &str, params: &[Value]) -> Inline {
        if !looks_like_a_read(sql) || self.slow.contains(sql) {
            return Inline::No;
        }
        let result = {
            let mut statement = match self.db.prepare_cached(sql) {
                Ok(statement) => statement,
                Err(error) if would_wait(&error) => return Inline::No,
                Err(error) => return Inline::Done(Err(io(error))),
            };
            if !statement.readonly() {
                return Inline::No;
            }
            self.clock.start();
            let result = collect(&mut statement, params, INLINE_BYTES);
            self.clock.stop();
            result
        };
        match result {
            Ok(result) => Inline::Done(Ok(result)),
            Err(Stop::Sqlite(error)) if would_wait(&error) => Inline::No,
            Err(Stop::Sqlite(error)) if is_interrupt(&error) => {
                self.slow.insert(sql.into());
                Inline::No
            }
            Err(Stop::TooLarge) => {
                self.slow.insert(sql.into());
                Inline::No
            }
            Err(Stop::Sqlite(error)) => Inline::Done(Err(io(error))),
            Err(Stop::Value(error)) => Inline::Done(Err(error)),
        }
    }

    /// Runs any statement, on a thread that may block.
    pub fn run(&mut self, sql: &str, params: &[Value]) -> Result<QueryResult, Error> {
        self.waiting(sql, |db| {
            let mut statement = db.prepare_cached(sql).map_err(io)?;
            collect(&mut statement, params, MAX_RESULT_BYTES).map_err(|stop| match stop {
                Stop::Sqlite(error) => io(error),
                Stop::Value(error) => error,
                Stop::TooLarge => too_large(),
            })
        })
    }

    /// As `run`, but hands the rows on in batches.
    pub fn stream(&mut self, sql: &str, params: &[Value], mut sender: BatchSender) {
        let result = self.waiting(sql, |db| {
            let mut statement = db.prepare_cached(sql).map_err(io)?;
            sender.columns(columns(&statement));
            let count = statement.column_count();
            let mut rows = statement.query(bind(params)).map_err(io)?;
            while let Some(row) = rows.next().map_err(io)? {
                let (row, size) = convert(row, count)?;
                if size > MAX_RESULT_BYTES {
                    return Err(too_large());
                }
                if !sender.row(row, size) {
                    return Err(Error::Io("the guest stopped reading".into()));
                }
            }
            Ok(())
        });
        sender.finish(result);
    }

    pub fn changes(&self) -> u64 {
        self.db.changes()
    }

    pub fn last_insert_rowid(&self) -> i64 {
        self.db.last_insert_rowid()
    }

    /// Lets a statement wait for locks as long as the guest wants, and notices when the guest changes that.
    fn waiting<T>(
        &mut self,
        sql: &str,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.db.busy_timeout(self.busy_timeout).map_err(io)?;
        let result = work(&self.db);
        if first_word(sql).eq_ignore_ascii_case("pragma")
            && let Ok(millis) = self
                .db
                .pragma_query_value(None, "busy_timeout", |row| row.get::<_, u32>(0))
        {
            self.busy_timeout = Duration::from_millis(millis.into());
        }
        self.db.busy_timeout(Duration::ZERO).map_err(io)?;
        result
    }
}

impl InlineClock {
    fn start(&self) {
        let until = self.started.elapsed() + INLINE_BUDGET;
        let micros = i64::try_from(until.as_micros()).unwrap_or(i64::MAX);
        self.until_micros.store(micros, Ordering::Relaxed);
    }

    fn stop(&self) {
        self.until_micros.store(0, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        let until = self.until_micros.load(Ordering::Relaxed);
        until != 0 && self.started.elapsed().as_micros() > until.unsigned_abs().into()
    }
}

fn open_file(path: &PathBuf) -> rusqlite::Result<rusqlite::Connection> {
    if let Some(dir) = path.parent()
        && !dir.exists()
    {
        // SQLite's own error says enough when this fails.
        let _ = std::fs::create_dir_all(dir);
    }
    rusqlite::Connection::open(path)
}

/// Another file must not be reachable through this one; temporary and in-memory databases may be attached.
fn deny_attached_files(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { filename } if !matches!(filename, "" | ":memory:") => Authorization::Deny,
        _ => Authorization::Allow,
    }
}

fn would_wait(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn is_interrupt(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_takes_long_is_not_run_inline_again() {
        let mut db = Opened::new(&SqliteFile {
            path: None,
            allow_attach_file: false,
        })
        .unwrap();
        let long =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT count(*) FROM n";
        assert!(matches!(db.read_inline(long, &[]), Inline::No));
        assert!(db.slow.contains(long));
        assert_eq!(db.run(long, &[]).unwrap().rows.len(), 1);
        assert!(matches!(db.read_inline("SELECT 1", &[]), Inline::Done(Ok(_))));
    }

    #[test]
    fn the_guest_sees_the_busy_timeout_that_it_set() {
        let mut db = Opened::new(&SqliteFile {
            path: None,
            allow_attach_file: false,
        })
        .unwrap();
        let timeout = |db: &mut Opened| match db.run("PRAGMA busy_timeout", &[]).unwrap().rows[0].values[0] {
            Value::Integer(millis) => millis,
            _ => unreachable!(),
        };
        assert_eq!(timeout(&mut db), 5000);
        db.run("PRAGMA busy_timeout = 1234", &[]).unwrap();
        assert_eq!(timeout(&mut db), 1234);
    }

    #[test]
    fn a_write_is_never_run_inline() {
        let mut db = Opened::new(&SqliteFile {
            path: None,
            allow_attach_file: false,
        })
        .unwrap();
        db.run("CREATE TABLE t (a)", &[]).unwrap();
        let hidden = "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x";
        assert!(matches!(db.read_inline(hidden, &[]), Inline::No));
        assert!(db.run("SELECT * FROM t", &[]).unwrap().rows.is_empty());
    }

    #[test]
    fn another_file_cannot_be_attached() {
        let mut db = Opened::new(&SqliteFile {
            path: None,
            allow_attach_file: false,
        })
        .unwrap();
        assert!(db.run("ATTACH 'other.db' AS other", &[]).is_err());
        assert!(db.run("ATTACH ':memory:' AS other", &[]).is_ok());
    }
}
