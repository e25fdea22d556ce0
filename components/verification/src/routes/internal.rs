//! For the scheduler; signed, and nothing for anybody else.

use axum::extract::State;
use axum::routing::post;
use nexus_domain::{Timestamp, settings};
use nexus_kit::blob::{self, BlobKey};
use nexus_kit::internal::{self, Trigger};
use nexus_kit::{ApiError, ApiResult, App, Caller, clock, respond};
use nexus_protocol::job_paths;
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::{blobs, verification::documents};
use serde::Serialize;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;

/// Documents in one commit, and contents deleted in one run; the next run takes the next ones.
const MAX: u32 = 100;
/// Commits in one run, which must end well before the scheduler's patience does.
const ROUNDS: u32 = 20;

pub fn routes() -> OpenApiRouter<App> {
    internal::routes([(job_paths::VERIFICATION_TIDY, post(tidy_documents))])
}

#[derive(Serialize)]
struct Tidied {
    /// Documents whose content is not handed out any more.
    retired: usize,
    /// Contents deleted; fewer, where two documents were equal or somebody still needs one.
    deleted: usize,
}

/// Deletes the content of documents that were rejected long enough ago. The books go first; a content whose deletion
/// fails is tried again in the next run.
async fn tidy_documents(State(app): State<App>, caller: Caller, _: Trigger) -> ApiResult {
    let now = clock::now();
    let kept = i64::try_from(app.config().get(&settings::REJECTED_DOCUMENTS_KEEP)?.as_secs()).unwrap_or(i64::MAX);
    let mut retired = 0;
    for _ in 0..ROUNDS {
        let round = retire(&app, &caller, now.plus_seconds(-kept), now)?;
        retired += round;
        if round < MAX as usize {
            break;
        }
    }
    let orphans = blobs::take_orphans(app.database(), now, MAX)?;
    for key in &orphans {
        blob::delete(&app, &BlobKey::from_stored(key)).await?;
        blobs::deleted(app.database(), key)?;
    }
    blobs::forget_deleted(app.database(), now)?;
    let deleted = orphans.len();
    Ok(respond::ok(&Tidied { retired, deleted }))
}

fn retire(app: &App, caller: &Caller, before: Timestamp, now: Timestamp) -> Result<usize, ApiError> {
    app.database().transaction(|tx| {
        let retired = documents::retire_rejected(tx, before, now, MAX)?;
        for document in &retired {
            let entry = NewAuditEntry {
                action: "document.content_deleted",
                subject_type: "document",
                subject_id: document.id.to_string(),
                company: document.owner_company,
                details: json!({ "ownerId": document.owner }),
                ..caller.audit_entry(None, now)
            };
            audit::append(tx, &entry)?;
        }
        Ok(retired.len())
    })
}
