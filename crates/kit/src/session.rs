//! Who is asking: the session behind an access token, checked against the database on every request, so
//! that a revocation is seen at once and everywhere.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::token::{AccessClaims, TokenError, verify_access_token};
use nexus_domain::{Role, Timestamp};
use nexus_store::identity::sessions::{self, ActiveSession, SessionRow};
use nexus_store::property::company_owned::CompanyOwned;
use nexus_store::property::company_state::CompanyState;
use nexus_store::{Database, StoreError};

use crate::{ApiError, App, Code, clock};

/// A signed-in person who may call anything their role allows.
#[derive(Debug, Clone)]
pub struct Session(ActiveSession);

/// A session, the company it is about, and what was asked for of that company.
pub type SessionContext<T> = (Session, Option<CompanyState>, Option<T>);

/// As [`Session`], also for somebody who still has to change a temporary password or set up a second
/// factor. Only for the few calls they need for that.
#[derive(Debug, Clone)]
pub struct LimitedSession(ActiveSession);

/// As [`Session`], also for somebody who still has to set up a second factor; not before the password is their own.
#[derive(Debug, Clone)]
pub struct EnrolmentSession(ActiveSession);

impl std::ops::Deref for Session {
    type Target = ActiveSession;

    fn deref(&self) -> &ActiveSession {
        &self.0
    }
}

impl std::ops::Deref for EnrolmentSession {
    type Target = ActiveSession;

    fn deref(&self) -> &ActiveSession {
        &self.0
    }
}

impl std::ops::Deref for LimitedSession {
    type Target = ActiveSession;

    fn deref(&self) -> &ActiveSession {
        &self.0
    }
}

impl Session {
    pub fn user(&self) -> UserId {
        self.0.user_id
    }

    pub fn id(&self) -> SessionId {
        self.0.session_id
    }

    pub fn role(&self) -> Role {
        self.0.role
    }

    pub fn company(&self) -> Option<CompanyId> {
        self.0.company_id
    }

    /// 403 unless the role is at least this one.
    pub fn require(&self, role: Role) -> Result<(), ApiError> {
        if self.0.role.at_least(role) {
            Ok(())
        } else {
            Err(ApiError::forbidden())
        }
    }

    /// Which company's rows an admin may see: `None` means all (SUPER_ADMIN), else one's own.
    /// Somebody below SUPER_ADMIN without a company sees nothing.
    pub fn scope(&self) -> Result<Option<CompanyId>, ApiError> {
        match (self.0.role, self.0.company_id) {
            (Role::SuperAdmin, _) => Ok(None),
            (_, Some(company)) => Ok(Some(company)),
            (_, None) => Err(ApiError::forbidden()),
        }
    }
}

impl<S> FromRequestParts<S> for Session
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let app = App::from_ref(state);
        unlimited(&app, authenticate(&app, bearer(parts)?)?)
    }
}

impl<S> FromRequestParts<S> for EnrolmentSession
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let LimitedSession(found) = LimitedSession::from_request_parts(parts, state).await?;
        with_own_password(found).map(Self)
    }
}

impl<S> FromRequestParts<S> for LimitedSession
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        authenticate(&App::from_ref(state), bearer(parts)?).map(Self)
    }
}

impl Session {
    /// The session, and the company it is about, in one statement: `named`, or else the person's own.
    pub fn with_company(
        app: &App,
        parts: &Parts,
        named: Option<CompanyId>,
    ) -> Result<(Self, Option<CompanyState>), ApiError> {
        let beside = Self::beside(app, parts, |database, session, now| {
            sessions::find_beside_company(database, session, named, now)
        })?;
        Ok((beside.0, beside.1))
    }

    /// As [`Session::with_company`], and what that company holds under this id.
    pub fn with_entity<I: CompanyOwned>(
        app: &App,
        parts: &Parts,
        named: Option<CompanyId>,
        id: I,
    ) -> Result<SessionContext<I::Entity>, ApiError> {
        Self::beside(app, parts, |database, session, now| {
            sessions::find_with_company(database, session, named, id, now)
        })
    }

    fn beside<T>(
        app: &App,
        parts: &Parts,
        find: impl FnOnce(&Database, SessionId, Timestamp) -> Result<Option<SessionRow<T>>, StoreError>,
    ) -> Result<SessionContext<T>, ApiError> {
        let now = clock::now();
        let claims = claims(app, bearer(parts)?, now)?;
        let found = find(app.database(), claims.sid, now)?
            .filter(|found| found.session.user_id == claims.sub)
            .ok_or_else(ended)?;
        Ok((unlimited(app, found.session)?, found.company, found.held))
    }
}

/// 403 for whoever must first change a password.
fn with_own_password(found: ActiveSession) -> Result<ActiveSession, ApiError> {
    if found.must_change_password {
        return Err(ApiError::new(
            Code::PasswordChangeRequired,
            "This password was given to you for the first sign-in only. Change it first.",
        ));
    }
    Ok(found)
}

/// 403 for whoever must first change a password or set up a second factor.
fn unlimited(app: &App, found: ActiveSession) -> Result<Session, ApiError> {
    let found = with_own_password(found)?;
    if !found.mfa_enabled && app.mfa_required_roles().contains(&found.role) {
        return Err(ApiError::new(
            Code::MfaEnrolmentRequired,
            "Your role needs a second factor. Set one up first.",
        ));
    }
    Ok(Session(found))
}

fn bearer(parts: &Parts) -> Result<&str, ApiError> {
    let header = parts
        .headers
        .get(header::AUTHORIZATION)
        .ok_or_else(|| ApiError::new(Code::Unauthenticated, "Send `Authorization: Bearer <accessToken>`."))?;
    header
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| ApiError::new(Code::Unauthenticated, "Send `Authorization: Bearer <accessToken>`."))
}

/// The session of an access token, if both are good now.
pub fn authenticate(app: &App, token: &str) -> Result<ActiveSession, ApiError> {
    let now = clock::now();
    let claims = claims(app, token, now)?;
    sessions::find_active(app.database(), claims.sid, now)?
        .filter(|session| session.user_id == claims.sub)
        .ok_or_else(ended)
}

fn ended() -> ApiError {
    ApiError::new(Code::InvalidToken, "This session has ended. Sign in again.")
}

/// Tokens that this instance has verified. What a signature says of a text doesn't change while the secrets don't, and
/// an instance reads those once; whether the token has expired is asked every time, and so is the session's state.
#[derive(Default)]
pub struct Verified(Mutex<HashMap<String, AccessClaims>>);

const MAX_VERIFIED: usize = 256;

impl Verified {
    fn find(&self, token: &str) -> Option<AccessClaims> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(token)
            .cloned()
    }

    fn keep(&self, token: &str, claims: &AccessClaims) {
        let mut verified = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= MAX_VERIFIED {
            verified.clear();
        }
        verified.insert(token.to_owned(), claims.clone());
    }
}

fn claims(app: &App, token: &str, now: Timestamp) -> Result<AccessClaims, ApiError> {
    let expired = || ApiError::new(Code::InvalidToken, "The access token has expired. Refresh it.");
    if let Some(claims) = app.verified().find(token) {
        return if claims.exp > now.as_seconds() {
            Ok(claims)
        } else {
            Err(expired())
        };
    }
    let claims = verify_access_token(app.access_keys(), token, now.as_seconds()).map_err(|error| match error {
        TokenError::Expired => expired(),
        TokenError::Invalid => ApiError::new(Code::InvalidToken, "The access token is not valid."),
    })?;
    app.verified().keep(token, &claims);
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use nexus_domain::ids::{SessionId, UserId};
    use nexus_domain::settings;
    use nexus_domain::token::{AccessKey, sign_access_token};

    use super::*;
    use crate::Config;

    const SECRET: &str = "an access secret for tests, long enough";

    #[test]
    fn a_token_that_was_good_before_is_still_held_to_its_end_and_to_every_letter() {
        let config = Config::from_pairs([
            (settings::JWT_ACCESS_SECRET.variable(), SECRET),
            (settings::INTERNAL_SECRET.variable(), SECRET),
        ]);
        let app = App::new(Database::in_memory().unwrap(), config).unwrap();
        let begin = clock::now();
        let (user, session) = (clock::new_id(UserId::generate), clock::new_id(SessionId::generate));
        let made = AccessClaims::new(user, session, Role::Student, None, begin.as_seconds(), 900);
        let token = sign_access_token(&AccessKey::derive(SECRET.as_bytes()), &made).unwrap();
        for _ in 0..2 {
            assert_eq!(claims(&app, &token, begin).unwrap(), made);
        }
        let late = claims(&app, &token, begin.plus_seconds(900)).unwrap_err();
        assert_eq!(late.code(), Code::InvalidToken);
        let mut other = token.clone();
        other.pop();
        assert!(claims(&app, &other, begin).is_err());
    }
}
