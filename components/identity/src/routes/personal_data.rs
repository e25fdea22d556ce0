//! `GET /auth/me/export`, `DELETE /auth/me`, and what carries deletions out.

use axum::extract::State;
use deserr::Deserr;
use http::{HeaderValue, header};
use nexus_domain::ids::UserId;
use nexus_domain::{Timestamp, settings};
use nexus_kit::blob::{self, BlobKey};
use nexus_kit::internal::Trigger;
use nexus_kit::session::LimitedSession;
use nexus_kit::{ApiError, ApiResult, App, Caller, FieldErrors, Json, Session, clock, respond};
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::identity::sessions::{self, SessionEnd};
use nexus_store::{
    identity::{personal_data, sign_ins},
    verification::documents,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::passwords::prove_password;
use crate::{rate_limit, session_events};

/// How many accounts one run anonymises, so that it never holds the write lock for long.
const PER_RUN: u32 = 50;
/// How old discarded contents are when they go: a registration that stores the same ones just now has committed by then.
const DISCARDED_SECONDS: i64 = 60 * 60;
const MAX_DISCARDED: u32 = 500;

/// Everything that is kept about oneself.
#[utoipa::path(
    get, path = "/api/v1/auth/me/export", tag = "auth",
    responses((status = 200, body = Object))
)]
pub async fn export_me(State(app): State<App>, session: Session) -> ApiResult {
    let export = personal_data::export(app.database(), session.user())?;
    let mut response = respond::ok(&export);
    response.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"nexus-export.json\""),
    );
    Ok(response)
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
pub struct DeleteMeBody {
    #[schema(format = Password)]
    password: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletionRequested {
    /// When the account is anonymised, unless one signs in before.
    anonymised_at: Timestamp,
}

/// Ask to be forgotten. It happens after 30 days, unless one signs in before.
#[utoipa::path(
    delete, path = "/api/v1/auth/me", tag = "auth", request_body = DeleteMeBody,
    responses((status = 202, body = DeletionRequested), (status = 429))
)]
pub async fn delete_me(
    State(app): State<App>,
    session: LimitedSession,
    caller: Caller,
    Json(body): Json<DeleteMeBody>,
) -> ApiResult {
    let found = sign_ins::credentials(app.database(), session.user_id)?.ok_or_else(ApiError::not_found)?;
    prove_password(&app, &found, &body.password, &caller)?;
    let now = clock::now();
    let ended = app.database().transaction(|tx| {
        personal_data::request_deletion(tx, found.user.id, now)?;
        let ended = sessions::end_all(tx, found.user.id, None, SessionEnd::AccountDeleted, now)?;
        audit::append(
            tx,
            &NewAuditEntry {
                action: "user.deletion_requested",
                subject_type: "user",
                subject_id: found.user.id.to_string(),
                company: found.user.company_id,
                ..caller.audit_entry(Some(found.user.id), now)
            },
        )?;
        Ok::<_, ApiError>(ended)
    })?;
    session_events::publish_sessions(&app, ended);
    let anonymised_at = now.plus_millis(personal_data::GRACE_MILLIS);
    Ok(respond::accepted(&DeletionRequested { anonymised_at }))
}

#[derive(Serialize)]
struct Retained {
    anonymised: usize,
}

/// Carries out what is due. Called by the scheduler; safe to repeat.
pub async fn run_retention(State(app): State<App>, caller: Caller, _: Trigger) -> ApiResult {
    // Read for its error: a bad setting must not be found out halfway.
    app.config().get(&settings::BLOB_STORE)?;
    let now = clock::now();
    let mut anonymised = 0;
    for user in personal_data::due(app.database(), now, PER_RUN)? {
        if let Some(orphans) = anonymise(&app, &caller, user, now)? {
            anonymised += 1;
            for key in orphans {
                blob::delete(&app, &BlobKey::from_stored(key)).await?;
            }
        }
    }
    for key in app
        .database()
        .transaction(|tx| documents::retire_discarded(tx, now.plus_seconds(-DISCARDED_SECONDS), MAX_DISCARDED))?
    {
        blob::delete(&app, &BlobKey::from_stored(key)).await?;
    }
    personal_data::purge_sessions(app.database(), now)?;
    rate_limit::sweep(app.database(), now)?;
    Ok(respond::ok(&Retained { anonymised }))
}

fn anonymise(app: &App, caller: &Caller, user: UserId, now: Timestamp) -> Result<Option<Vec<String>>, ApiError> {
    let company = nexus_store::identity::users::by_id(app.database(), user)?.and_then(|user| user.company_id);
    app.database().transaction(|tx| {
        let orphans = personal_data::anonymise(tx, user, now)?;
        if orphans.is_some() {
            audit::append(
                tx,
                &NewAuditEntry {
                    action: "user.anonymised",
                    subject_type: "user",
                    subject_id: user.to_string(),
                    company,
                    ..caller.audit_entry(None, now)
                },
            )?;
        }
        Ok::<_, ApiError>(orphans)
    })
}
