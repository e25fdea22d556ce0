//! `/auth/logout`, `/auth/logout-all`, `/auth/sessions`.

use axum::extract::{FromRequest, FromRequestParts, Request, State};
use http::{HeaderMap, header};
use nexus_domain::Timestamp;
use nexus_domain::ids::SessionId;
use nexus_domain::refresh_token::RefreshToken;
use nexus_kit::session::LimitedSession;
use nexus_kit::{ApiError, ApiResult, App, Json, Path, Session, clock, respond};
use nexus_store::identity::sessions::{self, ListedSession, SessionEnd};
use serde::Serialize;
use utoipa::ToSchema;

use super::refresh::{self, RefreshBody};
use crate::cookies::RequestHeaders;
use crate::tokens::{self, TokenDelivery};
use crate::{cookies, session_events};

/// Sign out: by access token, by refresh token, or by the cookie of a browser session.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "auth",
    request_body(content = Option<RefreshBody>, content_type = "application/json"),
    responses((status = 204), (status = 401), (status = 403)),
    security((), ("bearer" = []))
)]
pub async fn sign_out(State(app): State<App>, RequestHeaders(headers): RequestHeaders, request: Request) -> ApiResult {
    let now = clock::now();
    let (mut parts, body) = request.into_parts();
    let ended = if headers.contains_key(header::AUTHORIZATION) {
        let request = Request::from_parts(parts.clone(), body);
        let session = LimitedSession::from_request_parts(&mut parts, &app).await?;
        // It isn't needed then, but it is judged as every body is.
        Json::<RefreshBody>::from_request(request, &()).await?;
        sessions::end(
            app.database(),
            session.user_id,
            session.session_id,
            SessionEnd::SignedOut,
            now,
        )?;
        session.session_id
    } else {
        let request = Request::from_parts(parts, body);
        let Json(body) = Json::<RefreshBody>::from_request(request, &()).await?;
        end_by_refresh_token(&app, &headers, &body, now)?
    };
    session_events::publish_sessions(&app, vec![ended]);
    let mut response = respond::no_content();
    if cookies::refresh_token(&headers).is_some() {
        for cookie in cookies::forget(&headers)? {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

fn end_by_refresh_token(
    app: &App,
    headers: &HeaderMap,
    body: &RefreshBody,
    now: Timestamp,
) -> Result<SessionId, ApiError> {
    let (text, keeping) = body.given(headers).ok_or_else(|| {
        ApiError::new(
            nexus_kit::Code::Unauthenticated,
            "Send the access token, `refreshToken`, or the cookie of a browser session.",
        )
    })?;
    let token = RefreshToken::parse(text).ok_or_else(refresh::not_valid)?;
    if keeping == TokenDelivery::Cookie {
        cookies::check_csrf(app, headers, &tokens::refresh_keys(app)?, token.session)?;
    }
    let state = refresh::find_genuine(app, &token)?;
    sessions::end(app.database(), state.user.id, token.session, SessionEnd::SignedOut, now)?;
    Ok(token.session)
}

/// Sign out everywhere.
#[utoipa::path(
    post, path = "/api/v1/auth/logout-all", tag = "auth",
    responses((status = 204))
)]
pub async fn sign_out_everywhere(
    State(app): State<App>,
    session: Session,
    RequestHeaders(headers): RequestHeaders,
) -> ApiResult {
    let ended = sessions::end_all(
        app.database(),
        session.user(),
        None,
        SessionEnd::SignedOut,
        clock::now(),
    )?;
    session_events::publish_sessions(&app, ended);
    let mut response = respond::no_content();
    if cookies::refresh_token(&headers).is_some() {
        for cookie in cookies::forget(&headers)? {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    Ok(response)
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    id: SessionId,
    created_at: Timestamp,
    last_used_at: Timestamp,
    ip: String,
    user_agent: String,
    /// Whether it is the one that asks.
    current: bool,
}

#[derive(Serialize, ToSchema)]
pub struct SessionList {
    items: Vec<SessionView>,
}

/// One's own sessions, the latest first.
#[utoipa::path(
    get, path = "/api/v1/auth/sessions", tag = "auth",
    responses((status = 200, body = SessionList))
)]
pub async fn list_sessions(State(app): State<App>, session: Session) -> ApiResult {
    let view = |listed: ListedSession| SessionView {
        current: listed.id == session.id(),
        id: listed.id,
        created_at: listed.created_at,
        last_used_at: listed.last_used_at,
        ip: listed.ip,
        user_agent: listed.user_agent,
    };
    let items = sessions::list(app.database(), session.user(), clock::now())?
        .into_iter()
        .map(view)
        .collect();
    Ok(respond::ok(&SessionList { items }))
}

/// End one of one's own sessions.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{id}", tag = "auth", params(("id" = SessionId, Path)),
    responses((status = 204))
)]
pub async fn end_session(State(app): State<App>, session: Session, Path(id): Path<SessionId>) -> ApiResult {
    if !sessions::end(app.database(), session.user(), id, SessionEnd::Revoked, clock::now())? {
        return Err(ApiError::not_found());
    }
    session_events::publish_sessions(&app, vec![id]);
    Ok(respond::no_content())
}
