//! Writes of an instance's requests, as many as wait in one commit (docs/decisions/0041-one-commit-for-many.md).
//!
//! A component that calls [`write`] anywhere takes every other write in a [`write_permit`]: a batch begins without keeping the
//! instance from going on, so a statement that then waits for the write lock would wait for its own instance.

mod notifier;
// Natively only its own tests write in batches.
#[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
mod queue;

use nexus_store::{StoreError, Transaction};

use crate::App;

/// Runs `work` in a transaction, together with what else waits; its error undoes what it did, and nothing else. It has
/// been committed when this returns.
#[cfg(target_arch = "wasm32")]
pub async fn write<T, E>(
    app: &App,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    crate::on_this_thread(async move { QUEUE.write(app.writer()?, work).await }).await
}

/// Natively, as few writers as there are in tests and commands need no batches.
#[cfg(not(target_arch = "wasm32"))]
pub async fn write<T, E>(
    app: &App,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    app.database().transaction(work)
}

/// The right to write by oneself: no batch of this instance begins before it is dropped. Never hold it across anything
/// but statements.
pub async fn write_permit() -> queue::WritePermit<'static> {
    crate::on_this_thread(QUEUE.write_permit()).await
}

static QUEUE: queue::WriteQueue = queue::WriteQueue::new();
