//! `GET` and `PATCH /auth/me`.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::person_name::{Locale, PersonName};
use nexus_kit::patch::Change;
use nexus_kit::session::LimitedSession;
use nexus_kit::{ApiError, ApiResult, App, Code, FieldErrors, Json, clock, respond, version};
use nexus_store::identity::users::{self, ProfileChange, UserRecord};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Me {
    pub user: UserRecord,
}

/// Oneself.
#[utoipa::path(
    get, path = "/api/v1/auth/me", tag = "auth",
    responses((status = 200, body = Me), (status = 304))
)]
pub async fn get_me(State(app): State<App>, session: LimitedSession, headers: HeaderMap) -> ApiResult {
    let user = users::by_id(app.database(), session.user_id)?.ok_or_else(ApiError::not_found)?;
    let me = Me { user };
    Ok(respond::versioned(&headers, version::of(&me), &me))
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ChangeMeBody {
    #[deserr(default)]
    #[schema(value_type = PersonName, required = false)]
    name: Change<PersonName>,
    #[deserr(default)]
    #[schema(value_type = Locale, required = false)]
    locale: Change<Locale>,
    /// Whether other residents find one among the people to write to.
    #[deserr(default)]
    #[schema(value_type = bool, required = false)]
    discoverable: Change<bool>,
}

/// Change what one may change of oneself.
#[utoipa::path(
    patch, path = "/api/v1/auth/me", tag = "auth", request_body = ChangeMeBody,
    responses((status = 200, body = Me), (status = 412))
)]
pub async fn change_me(
    State(app): State<App>,
    session: LimitedSession,
    headers: HeaderMap,
    Json(body): Json<ChangeMeBody>,
) -> ApiResult {
    let present = users::by_id(app.database(), session.user_id)?.ok_or_else(ApiError::not_found)?;
    let known = present.version;
    let present = Me { user: present };
    respond::check_if_match(&headers, version::of(&present))?;
    let change = ProfileChange {
        name: body.name.0.as_ref().map(PersonName::as_str),
        locale: body.locale.0.map(Locale::as_str),
        discoverable: body.discoverable.0,
    };
    if change.is_empty() {
        return Ok(shown(&present));
    }
    let named = headers.contains_key(http::header::IF_MATCH).then_some(known);
    let user =
        users::change_profile(app.database(), session.user_id, &change, named, clock::now())?.ok_or_else(|| {
            ApiError::new(
                Code::PreconditionFailed,
                "Changed by somebody else in this moment. Read it again.",
            )
        })?;
    Ok(shown(&Me { user }))
}

/// Oneself, after a change.
pub fn shown(me: &Me) -> Response {
    respond::with_etag(respond::ok(me), version::of(me))
}
