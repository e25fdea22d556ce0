//! `POST /auth/refresh`.

use axum::extract::State;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::Timestamp;
use nexus_domain::refresh_token::RefreshToken;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Json, clock};
use nexus_store::identity::refresh_tokens::{self, RefreshState, Worth};
use utoipa::ToSchema;

use crate::cookies::RequestHeaders;
use crate::tokens::{self, Grant, SignedIn, TokenDelivery};
use crate::{cookies, security_log, session_events};

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct RefreshBody {
    /// Absent: the one in the cookie, which needs `X-CSRF-Token` and `Origin`.
    #[deserr(default)]
    refresh_token: Option<String>,
}

impl RefreshBody {
    /// The token that was sent, and how its sender keeps it.
    pub fn given<'a>(&'a self, headers: &'a HeaderMap) -> Option<(&'a str, TokenDelivery)> {
        match &self.refresh_token {
            Some(token) => Some((token, TokenDelivery::Body)),
            None => cookies::refresh_token(headers).map(|token| (token, TokenDelivery::Cookie)),
        }
    }
}

/// Get new tokens for a refresh token, which is good once.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", tag = "auth",
    request_body(content = Option<RefreshBody>, content_type = "application/json"),
    responses((status = 200, body = SignedIn), (status = 401), (status = 403))
)]
pub async fn refresh_session(
    State(app): State<App>,
    caller: Caller,
    RequestHeaders(headers): RequestHeaders,
    Json(body): Json<RefreshBody>,
) -> ApiResult {
    let (text, keeping) = body.given(&headers).ok_or_else(|| {
        ApiError::new(
            Code::Unauthenticated,
            "Send `refreshToken`, or the cookie of a browser session.",
        )
    })?;
    let token = RefreshToken::parse(text).ok_or_else(not_valid)?;
    let keys = tokens::refresh_keys(&app)?;
    if keeping == TokenDelivery::Cookie {
        cookies::check_csrf(&app, &headers, &keys, token.session)?;
    }
    let now = clock::now();
    let (state, counter) = rotate(&app, &caller, &token, now)?;
    let refresh = keys
        .token(token.session, counter, &state.salt)
        .ok_or_else(|| ApiError::internal("there is no refresh secret"))?;
    let grant = Grant {
        user: state.user,
        session: token.session,
        session_expires_at: state.expires_at,
        must_change_password: state.must_change_password,
        refresh,
    };
    tokens::hand_out(&app, &headers, grant, keeping, now)
}

/// The session of a genuine token, and the number of the token that follows.
fn rotate(app: &App, caller: &Caller, token: &RefreshToken, now: Timestamp) -> Result<(RefreshState, u32), ApiError> {
    let mut state = find_genuine(app, token)?;
    if state.worth(token.counter, now) == Worth::Present {
        if refresh_tokens::advance(app.database(), token.session, token.counter, &caller.address, now)? {
            let next = state.counter.saturating_add(1);
            return Ok((state, next));
        }
        // Another tab was faster by a moment, or the session has just ended.
        state = find_genuine(app, token)?;
    }
    match state.worth(token.counter, now) {
        Worth::JustUsed => {
            let present = state.counter;
            Ok((state, present))
        }
        Worth::Reused => {
            refresh_tokens::end_reused(app.database(), state.user.id, token.session, now)?;
            security_log::record(caller, "refresh", Code::TokenReused.as_str(), Some(state.user.id));
            session_events::publish_sessions(app, vec![token.session]);
            Err(ApiError::new(
                Code::TokenReused,
                "This refresh token was used before, so its session has been ended. Sign in again.",
            ))
        }
        Worth::Present | Worth::Ended => Err(ApiError::new(
            Code::InvalidToken,
            "This session has ended. Sign in again.",
        )),
    }
}

/// The session that the token names, if we made the token.
pub fn find_genuine(app: &App, token: &RefreshToken) -> Result<RefreshState, ApiError> {
    let state = refresh_tokens::find(app.database(), token.session)?.ok_or_else(not_valid)?;
    if tokens::refresh_keys(app)?.made(token, &state.salt) {
        Ok(state)
    } else {
        Err(not_valid())
    }
}

pub fn not_valid() -> ApiError {
    ApiError::new(Code::InvalidToken, "The refresh token is not valid.")
}
