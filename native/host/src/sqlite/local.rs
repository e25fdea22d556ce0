//! SQLite databases in this process.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::ErrorCode;
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::checkpoint::Checkpointer;
use super::classify::{Bound, begins_to_write, bound, first_word, looks_like_a_read};
use super::config::SqliteFile;
use super::connection::Local;
use super::rows::BatchSender;
use super::values::{MAX_RESULT_BYTES, Stop, bind, collect, columns, convert, io, too_large};
use super::{Connect, Counters, Database};
use crate::bindings::sqlite::{Error, QueryResult, Value};

/// More statements than a component has. Preparing one costs more than running a small one.
const STATEMENT_CACHE: usize = 512;
/// The busy timeout of a new connection in rusqlite, and therefore on Spin.
const OPENING_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for which a read may occupy a runtime thread.
const INLINE_BUDGET: Duration = Duration::from_millis(4);
/// A write that took less on a thread that may block runs on a runtime thread from then on.
const QUICK: Duration = Duration::from_micros(500);
/// Bytes of parameters of such a write: its duration grows with a list that it is given.
const INLINE_PARAMETER_BYTES: usize = 32 << 10;
/// Bytes that a read may collect on a runtime thread.
const INLINE_BYTES: usize = 1 << 20;
/// SQLite's virtual instructions between two checks of the clock.
const OPS_PER_CHECK: std::ffi::c_int = 10_000;

/// A file, or a new database in memory for each connection.
pub struct LocalDatabase(Arc<SharedFile>);

pub struct SharedFile {
    file: SqliteFile,
    /// The right to write into the file, in the order of the requests. SQLite has no queue: a writer that finds the lock taken
    /// sleeps and tries again, and among many writers some never get it. SQLite's lock excludes other processes.
    write_turns: Arc<Semaphore>,
    checkpointer: Option<Arc<Checkpointer>>,
}

impl LocalDatabase {
    pub fn new(file: SqliteFile) -> Self {
        Self(Arc::new(SharedFile::new(file)))
    }
}

impl SharedFile {
    fn new(file: SqliteFile) -> Self {
        let write_turns = Arc::new(Semaphore::new(1));
        let checkpointer = file
            .path
            .as_deref()
            .map(|path| Checkpointer::new(path, write_turns.clone()));
        Self {
            file,
            write_turns,
            checkpointer,
        }
    }
}

impl Database for LocalDatabase {
    fn connect(&self, counters: Arc<Counters>) -> Arc<dyn Connect> {
        let local = LocalConnection::Closed(self.0.clone());
        Arc::new(Local::new(local, counters))
    }
}

pub enum LocalConnection {
    Closed(Arc<SharedFile>),
    Open(Box<Opened>),
}

/// An open connection. Its busy timeout is zero, except while a statement runs on a thread that may block.
pub struct Opened {
    /// Declared before `turn`, so that it is closed before the turn is released.
    db: rusqlite::Connection,
    shared: Arc<SharedFile>,
    /// Held from the first statement that writes until the end of the transaction.
    turn: Option<OwnedSemaphorePermit>,
    /// The timeout that the guest has set.
    busy_timeout: Duration,
    /// Statements that took too long once. They no longer run on a runtime thread.
    slow: HashSet<Box<str>>,
    /// Writes that were fast.
    quick: HashSet<Box<str>>,
    clock: Arc<InlineClock>,
}

/// The end of a read's time on a runtime thread. Zero while none runs.
struct InlineClock {
    started: Instant,
    until_micros: AtomicI64,
}

pub enum Inline {
    Done(Result<QueryResult, Error>),
    /// It might wait or take long. Nothing has run.
    No,
}

impl LocalConnection {
    pub fn open(&mut self) -> Result<&mut Opened, Error> {
        if let Self::Closed(shared) = self {
            let opened = Opened::new(shared.clone())?;
            *self = Self::Open(Box::new(opened));
        }
        match self {
            Self::Open(opened) => Ok(opened),
            Self::Closed(_) => Err(Error::InvalidConnection),
        }
    }

    pub fn take(&mut self) -> Option<Opened> {
        let Self::Open(opened) = self else { return None };
        let closed = Self::Closed(opened.shared.clone());
        match std::mem::replace(self, closed) {
            Self::Open(opened) => Some(*opened),
            Self::Closed(_) => None,
        }
    }
}

impl Opened {
    fn new(shared: Arc<SharedFile>) -> Result<Self, Error> {
        let config = &shared.file;
        let mut db = match &config.path {
            Some(path) => open_file(path),
            None => rusqlite::Connection::open_in_memory(),
        }
        .map_err(io)?;
        if !config.allow_attach_file {
            db.authorizer(Some(deny_attached_files)).map_err(io)?;
        }
        db.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        // Otherwise a cached statement whose plan may depend on a bound value is prepared again each time.
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
            .map_err(io)?;
        db.busy_timeout(Duration::ZERO).map_err(io)?;
        if let Some(checkpointer) = &shared.checkpointer {
            checkpointer.watch(&mut db).map_err(io)?;
        }
        let clock = Arc::new(InlineClock {
            started: Instant::now(),
            until_micros: AtomicI64::new(0),
        });
        let watched = clock.clone();
        db.progress_handler(OPS_PER_CHECK, Some(move || watched.is_over()))
            .map_err(io)?;
        Ok(Self {
            db,
            shared,
            turn: None,
            busy_timeout: OPENING_BUSY_TIMEOUT,
            slow: HashSet::new(),
            quick: HashSet::new(),
            clock,
        })
    }

    /// Runs a statement that need not wait and is fast.
    pub fn run_inline(&mut self, sql: &str, params: &[Value]) -> Inline {
        match self.read_inline(sql, params) {
            Inline::No => self.write_inline(sql, params),
            done => done,
        }
    }

    /// Runs a write of a transaction that holds the lock already. A commit waits for the disk and does not run here.
    fn write_inline(&mut self, sql: &str, params: &[Value]) -> Inline {
        let holds_lock = self.turn.is_some() && !self.db.is_autocommit();
        if !holds_lock || !self.quick.contains(sql) || params.iter().map(size).sum::<usize>() > INLINE_PARAMETER_BYTES {
            return Inline::No;
        }
        let began = Instant::now();
        let result = execute(&self.db, sql, params);
        if began.elapsed() > INLINE_BUDGET {
            self.quick.remove(sql);
            self.slow.insert(sql.into());
        }
        self.keep_turn_while_open();
        Inline::Done(result)
    }

    /// Runs a read that need not wait.
    fn read_inline(&mut self, sql: &str, params: &[Value]) -> Inline {
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

    /// Waits until no other connection of this process writes, if the statement begins to write. Returns the time for which it
    /// may still wait for other processes.
    pub async fn acquire_write_turn(&mut self, sql: &str) -> Duration {
        let is_file = self.shared.file.path.is_some();
        if !is_file || self.turn.is_some() || !self.db.is_autocommit() || !begins_to_write(sql) {
            return self.busy_timeout;
        }
        if let Ok(turn) = self.shared.write_turns.clone().try_acquire_owned() {
            self.turn = Some(turn);
            return self.busy_timeout;
        }
        let began = Instant::now();
        let turn = tokio::time::timeout(self.busy_timeout, self.shared.write_turns.clone().acquire_owned()).await;
        // Without the turn, SQLite reports a busy database.
        self.turn = turn.ok().and_then(Result::ok);
        self.busy_timeout.saturating_sub(began.elapsed())
    }

    /// Runs any statement on a thread that may block. Waits for a lock for at most `timeout`.
    pub fn run(&mut self, sql: &str, params: &[Value], timeout: Duration) -> Result<QueryResult, Error> {
        self.waiting(sql, timeout, |db| execute(db, sql, params))
    }

    /// Same as `run`, but sends the rows in batches.
    pub fn stream(&mut self, sql: &str, params: &[Value], timeout: Duration, mut sender: BatchSender) {
        let result = self.waiting(sql, timeout, |db| {
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

    fn is_quick(&mut self, sql: &str) {
        let may_run_inline = self.quick.len() < STATEMENT_CACHE
            && !self.slow.contains(sql)
            && matches!(bound(sql), Bound::None | Bound::Savepoint)
            && !first_word(sql).eq_ignore_ascii_case("pragma");
        if may_run_inline && !self.quick.contains(sql) {
            self.quick.insert(sql.into());
        }
    }

    fn keep_turn_while_open(&mut self) {
        if self.db.is_autocommit() {
            self.turn = None;
        }
    }

    /// Lets a statement wait for locks, and records a timeout that the guest sets.
    fn waiting<T>(
        &mut self,
        sql: &str,
        timeout: Duration,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.db.busy_timeout(timeout).map_err(io)?;
        let began = Instant::now();
        let result = work(&self.db);
        if self.turn.is_some() && began.elapsed() < QUICK {
            self.is_quick(sql);
        }
        self.keep_turn_while_open();
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

fn execute(db: &rusqlite::Connection, sql: &str, params: &[Value]) -> Result<QueryResult, Error> {
    let mut statement = db.prepare_cached(sql).map_err(io)?;
    collect(&mut statement, params, MAX_RESULT_BYTES).map_err(|stop| match stop {
        Stop::Sqlite(error) => io(error),
        Stop::Value(error) => error,
        Stop::TooLarge => too_large(),
    })
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        Value::Integer(_) | Value::Real(_) | Value::Null => 8,
    }
}

fn open_file(path: &PathBuf) -> rusqlite::Result<rusqlite::Connection> {
    if let Some(dir) = path.parent()
        && !dir.exists()
    {
        // If this fails, SQLite reports the error.
        let _ = std::fs::create_dir_all(dir);
    }
    rusqlite::Connection::open(path)
}

/// Denies attaching other files. Temporary and in-memory databases may be attached.
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
mod tests;
