//! `POST /auth/login`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use deserr::Deserr;
use http::{HeaderMap, header};
use nexus_domain::ids::{SessionId, UserId};
use nexus_domain::password_hash::Verdict;
use nexus_domain::refresh_token::SALT_LENGTH;
use nexus_domain::status::UserStatus;
use nexus_domain::{EmailAddress, Invalid, Timestamp, settings};
use nexus_kit::layers::Observed;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Json, Query, clock};
use nexus_store::identity::sign_ins::{self, Credentials, NewSession};
use nexus_store::identity::users;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::cookies::RequestHeaders;
use crate::rate_limit::Attempt;
use crate::second_factor::{self, GivenFactor, Shown};
use crate::tokens::{self, Grant, SignedIn, TokenDelivery};
use crate::{cookies, passwords, security_log};

/// Enough to tell one's devices apart.
const USER_AGENT_CHARACTERS: usize = 256;

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct SignInBody {
    #[deserr(try_from(String) = EmailAddress::try_from -> Invalid)]
    email: EmailAddress,
    #[schema(format = Password)]
    password: String,
    /// A code of the authenticator app, or a recovery code.
    #[deserr(default)]
    mfa_code: Option<String>,
    /// In place of a code: the browser's answer (`credential.toJSON()`) to `mfa.publicKey` of `MFA_REQUIRED`.
    #[deserr(default)]
    #[schema(value_type = Option<Object>)]
    passkey: Option<Value>,
}

#[derive(Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[into_params(parameter_in = Query)]
pub struct SignInQuery {
    /// `cookie`: the refresh token goes into a cookie instead of the answer.
    #[deserr(default)]
    #[param(pattern = "^cookie$")]
    session: Option<String>,
}

impl SignInQuery {
    fn keeping(&self) -> Result<TokenDelivery, ApiError> {
        match self.session.as_deref() {
            None => Ok(TokenDelivery::Body),
            Some("cookie") => Ok(TokenDelivery::Cookie),
            Some(_) => Err(ApiError::field(
                "session",
                Invalid::new("UNKNOWN_VALUE", "must be `cookie`"),
            )),
        }
    }
}

/// Sign in. What is wrong with an account is told only to who knows its password.
///
/// `MFA_REQUIRED` has a member `mfa`: `methods` (`TOTP`, `PASSKEY`, `RECOVERY_CODE`) and, with a passkey, `publicKey`: what to call
/// `navigator.credentials.get` with. Send the same body again with `mfaCode` or `passkey`.
#[utoipa::path(
    post, path = "/api/v1/auth/login", tag = "auth", params(SignInQuery), request_body = SignInBody,
    responses((status = 200, body = SignedIn), (status = 401), (status = 403), (status = 429)),
    security(())
)]
pub async fn sign_in(
    State(app): State<App>,
    Query(query): Query<SignInQuery>,
    caller: Caller,
    RequestHeaders(headers): RequestHeaders,
    Json(body): Json<SignInBody>,
) -> Response {
    let mut who = None;
    let answer = query
        .keeping()
        .and_then(|keeping| attempt(&app, &caller, &headers, &body, keeping, &mut who));
    let (outcome, result) = match &answer {
        Ok(_) => ("ok", "ok".to_owned()),
        Err(problem) => (
            problem.code().as_str(),
            format!("fail:{}", problem.code().as_str().to_ascii_lowercase()),
        ),
    };
    security_log::record(&caller, "sign_in", outcome, who);
    let mut response = answer.into_response();
    response.extensions_mut().insert(Observed {
        sign_in: Some(result),
        ..Observed::default()
    });
    response
}

/// `who` is told for the log, whatever comes of it.
fn attempt(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    body: &SignInBody,
    keeping: TokenDelivery,
    who: &mut Option<UserId>,
) -> ApiResult {
    if keeping == TokenDelivery::Cookie {
        cookies::check_origin_if_given(app, headers)?;
    }
    let shown = Shown::of(("mfaCode", body.mfa_code.as_deref()), body.passkey.as_ref())?;
    let database = app.database();
    let attempt = Attempt::at_sign_in(app, body.email.key(), caller)?;
    let key = users::account_key(database, &body.email)?;
    let found = sign_ins::credentials_by_email(database, key)?;
    *who = found.as_ref().map(|found| found.user.id);
    let verdict = passwords::verify_at(app, key, &body.password, found.as_ref())?;
    let (Verdict::Right { outdated }, Some(found)) = (verdict, found) else {
        return Err(passwords::wrong());
    };
    let now = clock::now();
    if let Err(problem) = check_standing(&found, now) {
        attempt.release(database)?;
        return Err(problem);
    }
    let factor = match second_factor::check_at_sign_in(app, headers, &found.user, shown, now) {
        // A wrong code is a guess too, and stays counted.
        Err(problem) if problem.code() == Code::MfaRequired => {
            attempt.release(database)?;
            return Err(problem);
        }
        checked => checked?,
    };
    let new_hash = if outdated { rehash(app, &body.password)? } else { None };
    let started = Started {
        attempt: &attempt,
        factor,
        new_hash: new_hash.as_deref(),
    };
    let grant = begin(app, caller, headers, &found, &started, now)?;
    tokens::hand_out(app, headers, grant, keeping, now)
}

/// Whether somebody whose password was right may come in.
fn check_standing(found: &Credentials, now: Timestamp) -> Result<(), ApiError> {
    match found.user.status {
        UserStatus::Active => {}
        UserStatus::Pending => {
            return Err(ApiError::new(
                Code::AccountPending,
                "Your documents are still to be approved. You will get a mail.",
            ));
        }
        UserStatus::Suspended => {
            return Err(ApiError::new(
                Code::AccountSuspended,
                "Your account is suspended. Ask the people who run your house.",
            ));
        }
        UserStatus::Banned => {
            return Err(ApiError::new(
                Code::AccountSuspended,
                "Your account is banned. Ask the people who run your house.",
            ));
        }
    }
    if found.temporary_password_expires_at.is_some_and(|until| until <= now) {
        return Err(ApiError::new(
            Code::TemporaryPasswordExpired,
            "The temporary password has expired. Choose one of your own with `Forgot password`.",
        ));
    }
    Ok(())
}

/// The hash of today's algorithm and cost; `None` for a password that today's can't take (it stays as it is).
fn rehash(app: &App, typed: &str) -> Result<Option<String>, ApiError> {
    let password = nexus_domain::password::Password::typed(typed);
    Ok(passwords::hashing(app)?.hash(&password, clock::random()).ok())
}

/// What goes into the one commit of a sign-in besides the session.
struct Started<'a> {
    attempt: &'a Attempt,
    factor: Option<GivenFactor>,
    new_hash: Option<&'a str>,
}

fn begin(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    found: &Credentials,
    started: &Started<'_>,
    now: Timestamp,
) -> Result<Grant, ApiError> {
    let id = clock::new_id(SessionId::generate);
    let salt: [u8; SALT_LENGTH] = clock::random();
    let lifetime = app.config().get(&settings::JWT_REFRESH_EXPIRATION)?.as_millis();
    let expires_at = now.plus_millis(i64::try_from(lifetime).unwrap_or(i64::MAX));
    let user_agent = user_agent(headers);
    let session = NewSession {
        id,
        refresh_salt: &salt,
        ip: &caller.address,
        user_agent: &user_agent,
        now,
        expires_at,
    };
    let user = app.database().transaction(|tx| {
        if let Some(factor) = &started.factor {
            second_factor::take(tx, found.user.id, factor, now)?;
        }
        // The password was changed, or the account suspended, while we were hashing.
        let user = sign_ins::begin_session(tx, found, started.new_hash, &session)?.ok_or_else(passwords::wrong)?;
        started.attempt.clear(tx)?;
        Ok::<_, ApiError>(user)
    })?;
    let refresh = tokens::refresh_keys(app)?
        .token(id, 0, &salt)
        .ok_or_else(|| ApiError::internal("there is no refresh secret"))?;
    Ok(Grant {
        user,
        session: id,
        session_expires_at: expires_at,
        must_change_password: found.must_change_password,
        refresh,
    })
}

fn user_agent(headers: &HeaderMap) -> String {
    let given = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    given.chars().take(USER_AGENT_CHARACTERS).collect()
}
