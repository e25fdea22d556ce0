//! Checkpoints of the write-ahead log, on a thread of their own.
//!
//! By default, SQLite checkpoints within the commit that finds the log long enough: it writes up to a thousand pages and
//! syncs. That commit and all waiting writers wait for it; 0.2 s were measured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::hooks::Wal;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// Pages of the log from which on it is checkpointed, as SQLite's default.
const LONG_LOG: i32 = 1_000;

pub struct Checkpointer {
    path: PathBuf,
    turns: Arc<Semaphore>,
    is_running: AtomicBool,
}

impl Checkpointer {
    pub fn new(path: &Path, turns: Arc<Semaphore>) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            turns,
            is_running: AtomicBool::new(false),
        })
    }

    /// Replaces SQLite's checkpoints for this connection. A guest that sets `wal_autocheckpoint` restores them.
    pub fn watch(self: &Arc<Self>, db: &mut rusqlite::Connection) -> rusqlite::Result<()> {
        let this = self.clone();
        db.wal_hook(Some(move |log: &mut Wal, pages| this.log_has_grown(log, pages)))
    }

    fn log_has_grown(self: &Arc<Self>, log: &mut Wal, pages: i32) -> rusqlite::Result<()> {
        if pages < LONG_LOG {
            return Ok(());
        }
        let Ok(runtime) = Handle::try_current() else {
            return log.checkpoint();
        };
        if !self.is_running.swap(true, Ordering::AcqRel) {
            runtime.spawn(self.clone().run());
        }
        Ok(())
    }

    async fn run(self: Arc<Self>) {
        // The first checkpoint does most of the work while others write. The second one excludes writers: only a log that is
        // checkpointed completely starts again from its beginning; otherwise it would grow as long as writes go on.
        self.clone().checkpoint().await;
        let turn = self.turns.acquire().await;
        self.clone().checkpoint().await;
        drop(turn);
        self.is_running.store(false, Ordering::Release);
    }

    async fn checkpoint(self: Arc<Self>) {
        let path = self.path.clone();
        let moved = tokio::task::spawn_blocking(move || {
            rusqlite::Connection::open(self.path.as_path())?.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(()))
        });
        // Nothing is lost: the next long log is checkpointed again, and commits report a full disk.
        if let Ok(Err(error)) = moved.await {
            tracing::warn!(%error, database = %path.display(), "the write-ahead log was not checkpointed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_log_under_constant_writes_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let turns = Arc::new(Semaphore::new(1));
        let checkpointer = Checkpointer::new(&path, turns.clone());
        let mut db = rusqlite::Connection::open(&path).unwrap();
        db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE t (x)")
            .unwrap();
        checkpointer.watch(&mut db).unwrap();
        for _ in 0..400 {
            let turn = turns.acquire().await.unwrap();
            db = tokio::task::spawn_blocking(move || {
                let pages = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) \
                     INSERT INTO t SELECT randomblob(4000) FROM n";
                db.execute(pages, ()).unwrap();
                db
            })
            .await
            .unwrap();
            drop(turn);
        }
        while checkpointer.is_running.load(Ordering::Acquire) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let bytes = |suffix: &str| std::fs::metadata(folder.path().join(suffix)).unwrap().len();
        assert!(bytes("a.db") > 70 << 20, "what was written is in the database");
        assert!(bytes("a.db-wal") < 40 << 20, "{} bytes of log", bytes("a.db-wal"));
    }
}
