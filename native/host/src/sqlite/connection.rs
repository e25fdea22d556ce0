//! One guest connection to a file, and the thread on which each of its statements runs.
//!
//! Reads run on the runtime thread that serves the request, without a hand-over or a wake-up. They never wait there: the
//! busy timeout is zero, so a taken lock is an error at once, and a slow read is interrupted. Both then run again on a
//! thread that may block. A write that was fast before runs on the runtime thread as well, if its transaction holds the
//! write lock already. Every other statement runs on a thread that may block: a runtime thread that waits for the write
//! lock could keep the lock's holder from releasing it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::local::{Inline, LocalConnection, Opened};
use super::rows::Batches;
use super::{Connect, Counters};
use crate::bindings::sqlite::{Error, QueryResult, Value};

/// A connection to a file of this machine.
pub struct Local {
    local: Arc<Mutex<LocalConnection>>,
    counters: Arc<Counters>,
}

impl Local {
    pub fn new(local: LocalConnection, counters: Arc<Counters>) -> Self {
        counters.open_connections.fetch_add(1, Ordering::Relaxed);
        Self {
            local: Arc::new(Mutex::new(local)),
            counters,
        }
    }

    async fn run(&self, sql: String, params: Vec<Value>) -> Result<QueryResult, Error> {
        self.count();
        if let Ok(mut local) = self.local.try_lock()
            && let Inline::Done(result) = local.open()?.run_inline(&sql, &params)
        {
            return result;
        }
        // The lock is taken before the thread, so that waiting statements do not occupy threads.
        let mut local = self.local.clone().lock_owned().await;
        let timeout = local.open()?.acquire_write_turn(&sql).await;
        self.counters.off_thread.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || local.open()?.run(&sql, &params, timeout))
            .await
            .map_err(|error| Error::Io(error.to_string()))?
    }

    async fn run_streaming(&self, sql: String, params: Vec<Value>) -> Batches {
        self.count();
        if let Ok(mut local) = self.local.try_lock() {
            match local.open().map(|db| db.run_inline(&sql, &params)) {
                Ok(Inline::Done(result)) => return Batches::complete(result),
                Ok(Inline::No) => {}
                Err(error) => return Batches::complete(Err(error)),
            }
        }
        let (sender, batches) = Batches::channel();
        let mut local = self.local.clone().lock_owned().await;
        let timeout = match local.open() {
            Ok(db) => db.acquire_write_turn(&sql).await,
            Err(error) => return Batches::complete(Err(error)),
        };
        self.counters.off_thread.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || match local.open() {
            Ok(db) => db.stream(&sql, &params, timeout, sender),
            Err(error) => sender.fail(error),
        });
        batches.started().await
    }

    fn count(&self) {
        self.counters.statements.fetch_add(1, Ordering::Relaxed);
    }
}

impl Connect for Local {
    fn execute(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Result<QueryResult, Error>> {
        self.run(sql, params).boxed()
    }

    fn stream(&self, sql: String, params: Vec<Value>) -> BoxFuture<'_, Batches> {
        self.run_streaming(sql, params).boxed()
    }

    fn changes(&self) -> BoxFuture<'_, Result<u64, Error>> {
        async { Ok(self.local.lock().await.open()?.changes()) }.boxed()
    }

    fn last_insert_rowid(&self) -> BoxFuture<'_, Result<i64, Error>> {
        async { Ok(self.local.lock().await.open()?.last_insert_rowid()) }.boxed()
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.counters.open_connections.fetch_sub(1, Ordering::Relaxed);
        // The last connection to close checkpoints and syncs the database, which must not block a runtime thread.
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
