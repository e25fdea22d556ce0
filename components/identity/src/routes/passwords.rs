//! `/auth/change-password`, `/auth/forgot-password`, `/auth/reset-password`.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deserr::Deserr;
use nexus_domain::password::{Owner, Password};
use nexus_domain::password_hash::Verdict;
use nexus_domain::{EmailAddress, Invalid, email};
use nexus_kit::layers::nudge_mail;
use nexus_kit::session::LimitedSession;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldError, FieldErrors, Json, clock, respond};
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::identity::sessions::SessionEnd;
use nexus_store::identity::sign_ins::{self, Credentials};
use nexus_store::identity::{password_resets, sessions, users};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::Accepted;
use crate::mails::{Mail, Recipient};
use crate::rate_limit::{self, Attempt, Counted};
use crate::{passwords, security_log, session_events};

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ChangePasswordBody {
    #[schema(format = Password)]
    current_password: String,
    #[schema(format = Password)]
    new_password: String,
}

/// Choose a new password. All other sessions end.
#[utoipa::path(
    post, path = "/api/v1/auth/change-password", tag = "auth", request_body = ChangePasswordBody,
    responses((status = 204), (status = 429))
)]
pub async fn change_password(
    State(app): State<App>,
    session: LimitedSession,
    caller: Caller,
    Json(body): Json<ChangePasswordBody>,
) -> ApiResult {
    let found = sign_ins::credentials(app.database(), session.user_id)?.ok_or_else(ApiError::not_found)?;
    prove_password(&app, &found, &body.current_password, &caller)?;
    let password = check_new(&app, &found, &body.new_password)?;
    if password == Password::typed(&body.current_password) {
        return Err(same_as_current());
    }
    let new_hash = passwords::hash(&app, &password)?;
    let now = clock::now();
    let ended = app.database().transaction(|tx| {
        if !sign_ins::change_password(tx, found.user.id, &found.password_hash, &new_hash, now)? {
            return Err(wrong_password());
        }
        let ended = sessions::end_all(
            tx,
            found.user.id,
            Some(session.session_id),
            SessionEnd::PasswordChanged,
            now,
        )?;
        // Who got hold of a link in the mailbox must not undo this.
        password_resets::revoke_all(tx, found.user.id, now)?;
        audit::append(tx, &entry("user.password_changed", &found, &caller))?;
        Ok::<_, ApiError>(ended)
    })?;
    session_events::publish_sessions(&app, ended);
    Ok(respond::no_content())
}

/// Checks the password of somebody who is signed in: who has found an open laptop must not change its owner's account.
/// Counted like a sign-in.
pub fn prove_password(app: &App, found: &Credentials, typed: &str, caller: &Caller) -> Result<(), ApiError> {
    let attempt = Attempt::of_user(app, found.user.id, caller)?;
    match passwords::verify(app, typed, found)? {
        Verdict::Right { .. } => Ok(attempt.clear(app.database())?),
        Verdict::Wrong => {
            security_log::record(
                caller,
                "password_proof",
                Code::WrongPassword.as_str(),
                Some(found.user.id),
            );
            Err(wrong_password())
        }
    }
}

/// No 401: the access token is good, and a new one would change nothing.
pub fn wrong_password() -> ApiError {
    ApiError::new(Code::WrongPassword, "The password is wrong.")
}

fn check_new(app: &App, found: &Credentials, typed: &str) -> Result<Password, ApiError> {
    let email: EmailAddress = found
        .user
        .email
        .parse()
        .map_err(|_| ApiError::internal("a stored address is not an address"))?;
    let owner = Owner {
        email: &email,
        name: &found.user.name,
    };
    passwords::check_new(app, "newPassword", typed, owner)
}

fn same_as_current() -> ApiError {
    let invalid = Invalid::new("SAME_AS_CURRENT", "must differ from the present password");
    passwords::weak(vec![FieldError::new("newPassword", invalid)])
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ForgotPasswordBody {
    #[deserr(try_from(String) = EmailAddress::try_from -> Invalid)]
    email: EmailAddress,
}

/// Have a link mailed that sets a new password. The answer, its time included, is the same for every address.
#[utoipa::path(
    post, path = "/api/v1/auth/forgot-password", tag = "auth", request_body = ForgotPasswordBody,
    responses((status = 202, body = Accepted), (status = 429)),
    security(())
)]
pub async fn forgot_password(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<ForgotPasswordBody>,
) -> ApiResult {
    let within_limit = rate_limit::count(&app, Counted::ResetMail, body.email.key(), &caller)?;
    let found = users::by_email(app.database(), &body.email)?;
    let token = URL_SAFE_NO_PAD.encode(clock::random::<32>());
    let to = found
        .as_ref()
        .map_or_else(|| Recipient::nobody(body.email.as_str()), Recipient::from);
    let mail = Mail::password_reset(&app, to, &token)?;
    let hash = token_hash(&token);
    let now = clock::now();
    app.database().transaction(|tx| match &found {
        Some(user) if within_limit => {
            password_resets::put(tx, &hash, user.id, now)?;
            mail.enqueue(tx)
        }
        _ => {
            mail.pretend_link(tx, &hash)?;
            mail.pretend(tx)
        }
    })?;
    Ok(nudge_mail(respond::accepted(&Accepted::mail())))
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ResetPasswordBody {
    /// From the link in the mail.
    token: String,
    #[schema(format = Password)]
    new_password: String,
}

/// Set a new password by the link that was mailed. All sessions end.
#[utoipa::path(
    post, path = "/api/v1/auth/reset-password", tag = "auth", request_body = ResetPasswordBody,
    responses((status = 204), (status = 401)),
    security(())
)]
pub async fn reset_password(State(app): State<App>, caller: Caller, Json(body): Json<ResetPasswordBody>) -> ApiResult {
    let hash = token_hash(&body.token);
    let found = password_resets::find(app.database(), &hash, clock::now())?.ok_or_else(bad_link)?;
    let password = check_new(&app, &found, &body.new_password)?;
    let new_hash = passwords::hash(&app, &password)?;
    let now = clock::now();
    let ended = app.database().transaction(|tx| {
        if !password_resets::use_up(tx, &hash, found.user.id, now)? {
            return Err(bad_link());
        }
        password_resets::set_password(tx, found.user.id, &new_hash, now)?;
        rate_limit::forget_failures(tx, &email::key_of(&found.user.email))?;
        let ended = sessions::end_all(tx, found.user.id, None, SessionEnd::PasswordChanged, now)?;
        audit::append(tx, &entry("user.password_reset", &found, &caller))?;
        Ok::<_, ApiError>(ended)
    })?;
    session_events::publish_sessions(&app, ended);
    Ok(respond::no_content())
}

fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

fn bad_link() -> ApiError {
    ApiError::new(
        Code::InvalidToken,
        "This link was used before or has expired. Ask for a new one.",
    )
}

fn entry<'a>(action: &'a str, about: &Credentials, caller: &'a Caller) -> NewAuditEntry<'a> {
    NewAuditEntry {
        action,
        subject_type: "user",
        subject_id: about.user.id.to_string(),
        company: about.user.company_id,
        ..caller.audit_entry(Some(about.user.id), clock::now())
    }
}
