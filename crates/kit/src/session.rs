//! Who is asking: the session behind an access token, checked against the database on every request, so
//! that a revocation is seen at once and everywhere.

use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::token::{TokenError, verify_access_token};
use nexus_domain::{Role, settings};
use nexus_store::sessions::{self, ActiveSession};

use crate::{App, Code, Problem, clock};

/// A signed-in person who may call anything their role allows.
#[derive(Debug, Clone)]
pub struct Session(ActiveSession);

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
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.0.role.at_least(role) {
            Ok(())
        } else {
            Err(Problem::forbidden())
        }
    }

    /// Which company's rows an admin may see: `None` means all (SUPER_ADMIN), else one's own.
    /// Somebody below SUPER_ADMIN without a company sees nothing.
    pub fn scope(&self) -> Result<Option<CompanyId>, Problem> {
        match (self.0.role, self.0.company_id) {
            (Role::SuperAdmin, _) => Ok(None),
            (_, Some(company)) => Ok(Some(company)),
            (_, None) => Err(Problem::forbidden()),
        }
    }
}

impl<S> FromRequestParts<S> for Session
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        let EnrolmentSession(found) = EnrolmentSession::from_request_parts(parts, state).await?;
        if !found.mfa_enabled && app.config().get(&settings::MFA_REQUIRED_ROLES)?.contains(&found.role) {
            return Err(Problem::new(
                Code::MfaEnrolmentRequired,
                "Your role needs a second factor. Set one up first.",
            ));
        }
        Ok(Self(found))
    }
}

impl<S> FromRequestParts<S> for EnrolmentSession
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let LimitedSession(found) = LimitedSession::from_request_parts(parts, state).await?;
        if found.must_change_password {
            return Err(Problem::new(
                Code::PasswordChangeRequired,
                "This password was given to you for the first sign-in only. Change it first.",
            ));
        }
        Ok(Self(found))
    }
}

impl<S> FromRequestParts<S> for LimitedSession
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        authenticate(&App::from_ref(state), bearer(parts)?).map(Self)
    }
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let header = parts
        .headers
        .get(header::AUTHORIZATION)
        .ok_or_else(|| Problem::new(Code::Unauthenticated, "Send `Authorization: Bearer <accessToken>`."))?;
    header
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| Problem::new(Code::Unauthenticated, "Send `Authorization: Bearer <accessToken>`."))
}

/// The session of an access token, if both are good now.
pub fn authenticate(app: &App, token: &str) -> Result<ActiveSession, Problem> {
    let now = clock::now();
    let claims = verify_access_token(&app.access_secrets(), token, now.as_seconds()).map_err(|error| match error {
        TokenError::Expired => Problem::new(Code::InvalidToken, "The access token has expired. Refresh it."),
        TokenError::Invalid => Problem::new(Code::InvalidToken, "The access token is not valid."),
    })?;
    sessions::find_active(app.database(), claims.sid, now)?
        .filter(|session| session.user_id == claims.sub)
        .ok_or_else(|| Problem::new(Code::InvalidToken, "This session has ended. Sign in again."))
}
