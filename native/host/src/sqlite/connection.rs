//! One guest connection to a file: where its statements run.
//!
//! Reads run on the thread that serves the request: no hand-over, no wake-up. They can't be made to wait there:
//! with a busy timeout of zero a lock that is taken gives an error at once, and a read that takes long is cut off;
//! both then run again on a thread that may block. So do, within a transaction that holds the write lock, writes that
//! were quick before. Everything else runs on a thread that may block from the start, since whoever waits for the write
//! lock on a runtime thread may keep its holder from releasing it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Mutex;

use super::Counters;
use super::local::{Inline, LocalConnection, Opened};
use super::rows::Batches;
use crate::bindings::sqlite::{Error, QueryResult, Value};

/// A connection to a file of this machine.
pub struct Local(Arc<Shared>);

struct Shared {
    local: Arc<Mutex<LocalConnection>>,
    counters: Arc<Counters>,
}

impl Clone for Local {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Local {
    pub fn new(local: LocalConnection, counters: Arc<Counters>) -> Self {
        counters.open_connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Shared {
            local: Arc::new(Mutex::new(local)),
            counters,
        }))
    }

    /// The whole result at once.
    pub async fn execute(&self, sql: String, params: Vec<Value>) -> Result<QueryResult, Error> {
        self.count();
        if let Ok(mut local) = self.0.local.try_lock()
            && let Inline::Done(result) = local.open()?.run_inline(&sql, &params)
        {
            return result;
        }
        // The lock is taken before the thread: a queue of waiting statements must not use up the threads.
        let mut local = self.0.local.clone().lock_owned().await;
        let patience = local.open()?.wait_for_turn(&sql).await;
        self.0.counters.off_thread.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || local.open()?.run(&sql, &params, patience))
            .await
            .map_err(|error| Error::Io(error.to_string()))?
    }

    /// The columns and rows as they come.
    pub async fn stream(&self, sql: String, params: Vec<Value>) -> Batches {
        self.count();
        if let Ok(mut local) = self.0.local.try_lock() {
            match local.open().map(|db| db.run_inline(&sql, &params)) {
                Ok(Inline::Done(result)) => return Batches::complete(result),
                Ok(Inline::No) => {}
                Err(error) => return Batches::complete(Err(error)),
            }
        }
        let (sender, batches) = Batches::channel();
        let mut local = self.0.local.clone().lock_owned().await;
        let patience = match local.open() {
            Ok(db) => db.wait_for_turn(&sql).await,
            Err(error) => return Batches::complete(Err(error)),
        };
        self.0.counters.off_thread.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || match local.open() {
            Ok(db) => db.stream(&sql, &params, patience, sender),
            Err(error) => sender.fail(error),
        });
        batches.started().await
    }

    pub async fn changes(&self) -> Result<u64, Error> {
        Ok(self.0.local.lock().await.open()?.changes())
    }

    pub async fn last_insert_rowid(&self) -> Result<i64, Error> {
        Ok(self.0.local.lock().await.open()?.last_insert_rowid())
    }

    fn count(&self) {
        self.0.counters.statements.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.counters.open_connections.fetch_sub(1, Ordering::Relaxed);
        // The last connection to close moves the log into the database and syncs it: not on a runtime thread.
        if let Ok(mut local) = self.local.try_lock()
            && let Some(opened) = local.take()
        {
            close(opened);
        }
    }
}

fn close(opened: Opened) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            runtime.spawn_blocking(move || drop(opened));
        }
        Err(_) => drop(opened),
    }
}
