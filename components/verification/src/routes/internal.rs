//! For the scheduler; signed, and nothing for anybody else.

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use nexus_domain::settings;
use nexus_kit::blob::{self, BlobKey};
use nexus_kit::layers::signed_body;
use nexus_kit::{Answer, App, clock, respond};
use nexus_store::documents;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;

const BODY_LIMIT: usize = 1_024;
/// Documents at once; the next run takes the next ones.
const MOST: u32 = 100;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().route("/internal/verification/tidy", post(tidy_documents))
}

#[derive(Serialize)]
struct Tidied {
    deleted: usize,
}

/// Deletes the content of documents that were rejected long enough ago. The books go first: a blob that nothing
/// refers to does no harm if the second step fails.
async fn tidy_documents(State(app): State<App>, request: Request) -> Answer<Response> {
    signed_body(&app, request, BODY_LIMIT).await?;
    let now = clock::now();
    let kept = i64::try_from(app.config().get(&settings::REJECTED_DOCUMENTS_KEEP)?.as_secs()).unwrap_or(i64::MAX);
    let orphans = app
        .database()
        .transaction(|tx| documents::retire_rejected(tx, now.plus_seconds(-kept), now, MOST))?;
    for key in &orphans {
        blob::delete(&app, &BlobKey::from_stored(key)).await?;
    }
    Ok(respond::ok(&Tidied { deleted: orphans.len() }))
}
