//! What the scheduler has done: what nobody needs any more is forgotten, and words are taken into the search index.
//!
//! A part at a time, so that no write lock is held for long; what is left is there at the next turn.

use axum::extract::State;
use nexus_domain::Timestamp;
use nexus_kit::blob::{self, BlobKey};
use nexus_kit::internal::Trigger;
use nexus_kit::{ApiError, ApiResult, App, clock, on_this_thread, respond};
use nexus_store::chat::{attachments, message_search, notifications, relay_reads};

/// How many times 2,000 messages are indexed in one turn.
const MAX_INDEXING: usize = 20;

pub async fn purge(State(app): State<App>, _: Trigger) -> ApiResult {
    let (database, now) = (app.database(), clock::now());
    notifications::purge(database, now)?;
    relay_reads::purge(database, now)?;
    attachments::purge(database, now)?;
    on_this_thread(delete_unused_blobs(&app, now)).await?;
    for _ in 0..MAX_INDEXING {
        if message_search::index_words(database)? {
            break;
        }
    }
    Ok(respond::no_content())
}

/// Contents are named by their hash, so two files may share one: it goes with the last that refers to it. Should the
/// same content be uploaded at this very moment, it is put back.
async fn delete_unused_blobs(app: &App, now: Timestamp) -> Result<(), ApiError> {
    for stored in attachments::unused_blobs(app.database(), now)? {
        let key = BlobKey::from_stored(stored.clone());
        if let Some(content) = blob::get(app, &key).await? {
            blob::delete(app, &key).await?;
            if attachments::is_blob_used(app.database(), &stored)? {
                blob::put(app, content).await?;
            }
        }
        attachments::forget_unused_blob(app.database(), &stored)?;
    }
    Ok(())
}
