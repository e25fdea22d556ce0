//! What a sign-in or a refresh hands out.

use axum::response::Response;
use http::{HeaderMap, header};
use nexus_domain::ids::SessionId;
use nexus_domain::refresh_token::{RefreshKeys, RefreshToken};
use nexus_domain::settings::Secret;
use nexus_domain::token::{AccessClaims, sign_access_token};
use nexus_domain::{Timestamp, settings};
use nexus_kit::{ApiError, App, respond};
use nexus_store::identity::users::UserRecord;
use serde::Serialize;
use utoipa::ToSchema;

use crate::cookies;

/// How a client keeps its refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenDelivery {
    /// The client's own affair: the token is in the answer.
    Body,
    /// A browser's cookie, out of reach of scripts.
    Cookie,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    access_token: String,
    /// Not there when it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    #[schema(value_type = String, example = "Bearer")]
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// Until the password is changed, only `/auth/me`, `/auth/change-password` and `/auth/logout` can be called.
    must_change_password: bool,
    user: UserRecord,
}

/// A session for which tokens are to be handed out.
pub struct Grant {
    pub user: UserRecord,
    pub session: SessionId,
    pub session_expires_at: Timestamp,
    pub must_change_password: bool,
    pub refresh: RefreshToken,
}

pub fn refresh_keys(app: &App) -> Result<RefreshKeys, ApiError> {
    let secrets = app
        .config()
        .secrets(&settings::JWT_REFRESH_SECRET, &settings::JWT_REFRESH_SECRET_PREVIOUS)?;
    Ok(RefreshKeys::derive(secrets.iter().map(Secret::as_bytes)))
}

/// The answer to a sign-in or a refresh.
pub fn hand_out(
    app: &App,
    request: &HeaderMap,
    grant: Grant,
    keeping: TokenDelivery,
    now: Timestamp,
) -> Result<Response, ApiError> {
    let lifetime = access_lifetime(app, grant.session_expires_at, now)?;
    let claims = AccessClaims::new(
        grant.user.id,
        grant.session,
        grant.user.role,
        grant.user.company_id,
        now.as_seconds(),
        lifetime,
    );
    let key = app
        .access_keys()
        .first()
        .ok_or_else(|| ApiError::internal("there is no access secret"))?;
    let access_token = sign_access_token(key, &claims).map_err(|error| ApiError::internal(error.to_string()))?;
    let cookies = match keeping {
        TokenDelivery::Body => Vec::new(),
        TokenDelivery::Cookie => {
            let csrf = refresh_keys(app)?
                .csrf_token(grant.session)
                .ok_or_else(|| ApiError::internal("there is no refresh secret"))?;
            let seconds = grant.session_expires_at.as_seconds() - now.as_seconds();
            cookies::set(request, &grant.refresh.text(), &csrf, seconds)?
        }
    };
    let mut response = respond::ok(&SignedIn {
        access_token,
        refresh_token: (keeping == TokenDelivery::Body).then(|| grant.refresh.text()),
        token_type: "Bearer",
        expires_in: lifetime,
        must_change_password: grant.must_change_password,
        user: grant.user,
    });
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// An access token never outlives its session.
fn access_lifetime(app: &App, session_expires_at: Timestamp, now: Timestamp) -> Result<i64, ApiError> {
    let configured = app.config().get(&settings::JWT_ACCESS_EXPIRATION)?.as_secs();
    let configured = i64::try_from(configured).unwrap_or(i64::MAX);
    let left = session_expires_at.as_seconds() - now.as_seconds();
    Ok(configured.min(left).max(1))
}
