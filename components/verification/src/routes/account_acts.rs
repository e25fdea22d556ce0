//! Suspend, ban, reinstate; take away a second factor.

use std::borrow::Cow;

use axum::extract::State;
use deserr::Deserr;
use http::StatusCode;
use nexus_domain::ids::{MailId, UserId};
use nexus_domain::text::has_visible;
use nexus_domain::{Invalid, Role};
use nexus_kit::idempotency::Keyed;
use nexus_kit::layers::nudge_mail;
use nexus_kit::{ApiError, ApiResult, App, Caller, FieldErrors, Path, Session, clock, relay, respond, version};
use nexus_protocol::relay::RelayEvent;
use nexus_store::Transaction;
use nexus_store::identity::user_admin::{self, AccountAct};
use nexus_store::identity::users::UserRecord;
use utoipa::ToSchema;

use super::decisions::check_reason;
use super::users::{actor, explain};

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ActRequest {
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

impl ActRequest {
    fn reason(&self) -> Result<Cow<'_, str>, ApiError> {
        match self.reason.trim() {
            reason if !has_visible(reason) => Err(ApiError::field(
                "reason",
                Invalid::new("TOO_SHORT", "must not be empty"),
            )),
            reason => check_reason(reason),
        }
    }
}

/// The body, or what is wrong with it: somebody else's person is 404 before that is told.
type Acting = Result<Keyed<ActRequest>, ApiError>;

/// The account can't be used until it is reinstated; sessions and sockets end.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/suspend", tag = "admin",
    params(("id" = String, Path, format = "uuid"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ActRequest,
    responses((status = 200, body = UserRecord))
)]
pub async fn suspend_user(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Path(id): Path<UserId>,
    keyed: Acting,
) -> ApiResult {
    act(app, session, caller, id, keyed, AccountAct::Suspend).await
}

/// As suspending, and meant for good.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/ban", tag = "admin",
    params(("id" = String, Path, format = "uuid"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ActRequest,
    responses((status = 200, body = UserRecord))
)]
pub async fn ban_user(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Path(id): Path<UserId>,
    keyed: Acting,
) -> ApiResult {
    act(app, session, caller, id, keyed, AccountAct::Ban).await
}

/// Makes an account usable again.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/reinstate", tag = "admin",
    params(("id" = String, Path, format = "uuid"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ActRequest,
    responses((status = 200, body = UserRecord))
)]
pub async fn reinstate_user(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Path(id): Path<UserId>,
    keyed: Acting,
) -> ApiResult {
    act(app, session, caller, id, keyed, AccountAct::Reinstate).await
}

async fn act(app: App, session: Session, caller: Caller, id: UserId, keyed: Acting, act: AccountAct) -> ApiResult {
    let scope = session.scope()?;
    user_admin::find(app.database(), id, scope)?.ok_or_else(ApiError::not_found)?;
    session.require(Role::Admin)?;
    let Keyed { body, key } = keyed?;
    let reason = body.reason()?;
    let mail = clock::new_id(MailId::generate);
    let actor = actor(&session, &caller, scope);
    let done = key.once_unbatched(&app, session.user(), |ticket| {
        let keep = |tx: &Transaction<'_>, user: &UserRecord| ticket.keep(tx, StatusCode::OK, user);
        user_admin::act(app.database(), &actor, id, act, &reason, mail, keep).map_err(explain)
    })?;
    Ok(done.finish(|response, user| {
        if act != AccountAct::Reinstate {
            relay::publish(&app, vec![RelayEvent::UserEnded { user_id: id }]);
        }
        nudge_mail(respond::with_etag(response, version::of(&user)))
    }))
}

/// For somebody who lost their second factor: it is gone, sessions end, and they are told.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/mfa/reset", tag = "admin",
    params(("id" = String, Path, format = "uuid"), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ActRequest,
    responses((status = 204))
)]
pub async fn reset_user_mfa(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Path(id): Path<UserId>,
    keyed: Acting,
) -> ApiResult {
    let scope = session.scope()?;
    user_admin::find(app.database(), id, scope)?.ok_or_else(ApiError::not_found)?;
    session.require(Role::Admin)?;
    let Keyed { body, key } = keyed?;
    let reason = body.reason()?;
    let mail = clock::new_id(MailId::generate);
    let actor = actor(&session, &caller, scope);
    let done = key.once_unbatched(&app, session.user(), |ticket| {
        user_admin::reset_mfa(app.database(), &actor, id, &reason, mail, |tx| ticket.keep_nothing(tx)).map_err(explain)
    })?;
    Ok(done.finish(|response, _| {
        relay::publish(&app, vec![RelayEvent::UserEnded { user_id: id }]);
        nudge_mail(response)
    }))
}
