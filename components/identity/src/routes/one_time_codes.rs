//! `/auth/verify-email`, `/auth/resend-otp`.

use axum::extract::State;
use deserr::Deserr;
use nexus_domain::keyed_hash::fits_any;
use nexus_domain::one_time_code::{LIFETIME_SECONDS, OneTimeCode};
use nexus_domain::{EmailAddress, Invalid};
use nexus_kit::layers::nudge_mail;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Json, clock, respond};
use nexus_store::identity::one_time_codes::{self, NewCode, Purpose, TriedCode};
use nexus_store::identity::users::{self, UserRecord};
use serde::Serialize;
use utoipa::ToSchema;

use super::Accepted;
use crate::mails::{self, Mail, Recipient};
use crate::rate_limit::{self, Counted};

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct VerifyEmailBody {
    #[deserr(try_from(String) = EmailAddress::try_from -> Invalid)]
    email: EmailAddress,
    #[schema(example = "042137")]
    otp: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailVerified {
    email_verified: bool,
}

/// Prove one's address by the code that was mailed: ten minutes, five tries, one use.
#[utoipa::path(
    post, path = "/api/v1/auth/verify-email", tag = "auth", request_body = VerifyEmailBody,
    responses((status = 200, body = EmailVerified), (status = 429)),
    security(())
)]
pub async fn verify_email(State(app): State<App>, caller: Caller, Json(body): Json<VerifyEmailBody>) -> ApiResult {
    let within_limit = rate_limit::count(&app, Counted::OtpTry, body.email.key(), &caller)?;
    let now = clock::now();
    // Over the limit as well: no address is this one.
    let whose = match within_limit {
        true => users::account_key(app.database(), &body.email)?,
        false => "",
    };
    let tried = one_time_codes::try_by_email(app.database(), whose, now)?;
    let tried = checked(&app, &body.otp, tried, Purpose::VerifyEmail)?;
    app.database().transaction(|tx| {
        if !one_time_codes::use_up(tx, &tried, Purpose::VerifyEmail, now)? {
            return Err(wrong_code());
        }
        one_time_codes::mark_email_verified(tx, tried.user, now)?;
        Ok::<_, ApiError>(())
    })?;
    Ok(respond::ok(&EmailVerified { email_verified: true }))
}

/// The code that was tried, if it was the right one. There being none takes as long.
pub fn checked(app: &App, given: &str, tried: Option<TriedCode>, purpose: Purpose) -> Result<TriedCode, ApiError> {
    let keys = mails::code_keys(app)?;
    let (user, stored) = tried.as_ref().map_or(([0; 16], [0; 32].as_slice()), |tried| {
        (tried.user.uuid().into_bytes(), &tried.code_hash)
    });
    let code = given.parse::<OneTimeCode>();
    let fits = code.is_ok_and(|code| fits_any(&keys, &mails::code_parts(&user, purpose, &code), stored));
    tried.filter(|_| fits).ok_or_else(wrong_code)
}

pub fn wrong_code() -> ApiError {
    ApiError::new(
        Code::InvalidOtp,
        "The code is wrong, was used before or has expired. Ask for a new one.",
    )
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ResendOtpBody {
    #[deserr(try_from(String) = EmailAddress::try_from -> Invalid)]
    email: EmailAddress,
}

/// Have a new code mailed, if the address waits to be proven. The answer is the same for every address.
#[utoipa::path(
    post, path = "/api/v1/auth/resend-otp", tag = "auth", request_body = ResendOtpBody,
    responses((status = 202, body = Accepted), (status = 429)),
    security(())
)]
pub async fn resend_otp(State(app): State<App>, caller: Caller, Json(body): Json<ResendOtpBody>) -> ApiResult {
    let within_limit = rate_limit::count(&app, Counted::OtpMail, body.email.key(), &caller)?;
    let found = users::by_email(app.database(), &body.email)?;
    let waiting = found.as_ref().filter(|user| within_limit && !user.email_verified);
    send_code(&app, &body.email, waiting)?;
    Ok(nudge_mail(respond::accepted(&Accepted::mail())))
}

fn send_code(app: &App, email: &EmailAddress, waiting: Option<&UserRecord>) -> Result<(), ApiError> {
    let code = mails::new_code();
    let to = waiting.map_or_else(|| Recipient::nobody(email.as_str()), Recipient::from);
    let mail = Mail::verification_otp(app, to, &code)?;
    let nobody = nexus_domain::ids::UserId::from_uuid(nexus_domain::ids::uuid_v7(clock::now(), [0; 10]));
    let user = waiting.map_or(nobody, |user| user.id);
    let code_hash = mails::code_hash(app, user, Purpose::VerifyEmail, &code)?;
    let now = clock::now();
    app.database().transaction(|tx| {
        if waiting.is_none() {
            mail.pretend_code(tx, Purpose::VerifyEmail, &code_hash)?;
            return mail.pretend(tx);
        }
        one_time_codes::put(
            tx,
            &NewCode {
                user,
                purpose: Purpose::VerifyEmail,
                code_hash: &code_hash,
                new_email: None,
                now,
                expires_at: now.plus_seconds(LIFETIME_SECONDS),
            },
        )?;
        mail.enqueue(tx)
    })?;
    Ok(())
}
