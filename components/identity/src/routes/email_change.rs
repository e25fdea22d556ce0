//! `/auth/change-email` and its confirmation.

use axum::extract::State;
use deserr::Deserr;
use nexus_domain::one_time_code::LIFETIME_SECONDS;
use nexus_domain::settings::{self, Disclosure};
use nexus_domain::{EmailAddress, Invalid};
use nexus_kit::layers::nudge_mail;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Json, Session, clock, respond};
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::identity::one_time_codes::{self, NewCode, Purpose};
use nexus_store::identity::sign_ins::{self, Credentials};
use nexus_store::identity::{companies, users};
use utoipa::ToSchema;

use super::me::{self, Me};
use super::passwords::prove_password;
use super::{Accepted, register};
use crate::mails::{self, Mail, Recipient};
use crate::rate_limit::{self, Counted};

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct ChangeEmailBody {
    #[deserr(try_from(String) = EmailAddress::try_from -> Invalid)]
    new_email: EmailAddress,
    #[schema(format = Password)]
    password: String,
}

/// Ask to be reached under another address. A code goes there; nothing changes before it is confirmed.
#[utoipa::path(
    post, path = "/api/v1/auth/change-email", tag = "auth", request_body = ChangeEmailBody,
    responses((status = 202, body = Accepted), (status = 409), (status = 429))
)]
pub async fn request_email_change(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Json(body): Json<ChangeEmailBody>,
) -> ApiResult {
    let found = sign_ins::credentials(app.database(), session.user())?.ok_or_else(ApiError::not_found)?;
    prove_password(&app, &found, &body.password, &caller)?;
    check_domain(&app, &found, &body.new_email)?;
    let within_limit = rate_limit::count(&app, Counted::EmailChange, &session.user().to_string(), &caller)?;
    let taken = users::by_email(app.database(), &body.new_email)?.is_some();
    if taken && app.config().get(&settings::REGISTRATION_DISCLOSURE)? == Disclosure::Open {
        return Err(email_taken());
    }
    let code = mails::new_code();
    let code_hash = mails::code_hash(&app, session.user(), Purpose::ChangeEmail, &code)?;
    let to = Recipient::from(&found.user).at(body.new_email.as_str());
    let mail = Mail::verification_otp(&app, to, &code)?;
    let now = clock::now();
    app.database().transaction(|tx| {
        if taken || !within_limit {
            mail.pretend_code(tx, Purpose::ChangeEmail, &code_hash)?;
            return mail.pretend(tx);
        }
        one_time_codes::put(
            tx,
            &NewCode {
                user: session.user(),
                purpose: Purpose::ChangeEmail,
                code_hash: &code_hash,
                new_email: Some(&body.new_email),
                now,
                expires_at: now.plus_seconds(LIFETIME_SECONDS),
            },
        )?;
        mail.enqueue(tx)
    })?;
    Ok(nudge_mail(respond::accepted(&Accepted::mail())))
}

/// A resident stays within the domains of the company.
fn check_domain(app: &App, found: &Credentials, new_email: &EmailAddress) -> Result<(), ApiError> {
    let Some(company) = found.user.company_id.filter(|_| found.user.role.is_resident()) else {
        return Ok(());
    };
    let allowed = companies::allowed_email_domains(app.database(), company)?;
    if register::domain_allowed(&allowed, new_email) {
        Ok(())
    } else {
        Err(ApiError::field("newEmail", register::domain_refused()))
    }
}

fn email_taken() -> ApiError {
    ApiError::new(Code::EmailTaken, "This e-mail address belongs to another account.")
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
pub struct ConfirmEmailBody {
    #[schema(example = "042137")]
    otp: String,
}

/// Confirm the new address by the code that was mailed to it. The old address is told.
#[utoipa::path(
    post, path = "/api/v1/auth/change-email/confirm", tag = "auth", request_body = ConfirmEmailBody,
    responses((status = 200, body = Me), (status = 409))
)]
pub async fn confirm_email_change(
    State(app): State<App>,
    session: Session,
    caller: Caller,
    Json(body): Json<ConfirmEmailBody>,
) -> ApiResult {
    let now = clock::now();
    let tried = one_time_codes::try_of(app.database(), session.user(), Purpose::ChangeEmail, now)?;
    let tried = super::one_time_codes::checked(&app, &body.otp, tried, Purpose::ChangeEmail)?;
    let before = users::by_id(app.database(), session.user())?.ok_or_else(ApiError::not_found)?;
    let new_email = tried.new_email.as_deref().unwrap_or_default();
    let new_email: EmailAddress = new_email
        .parse()
        .map_err(|_| ApiError::internal("a stored address is not an address"))?;
    let told = Mail::email_changed(&app, Recipient::from(&before), new_email.as_str())?;
    let user = app.database().transaction(|tx| {
        if !one_time_codes::use_up(tx, &tried, Purpose::ChangeEmail, now)? {
            return Err(super::one_time_codes::wrong_code());
        }
        let user = one_time_codes::change_email(tx, before.id, &new_email, now)
            .map_err(|error| {
                if users::is_email_taken(&error) {
                    email_taken()
                } else {
                    error.into()
                }
            })?
            .ok_or_else(ApiError::not_found)?;
        told.enqueue(tx)?;
        audit::append(
            tx,
            &NewAuditEntry {
                action: "user.email_changed",
                subject_type: "user",
                subject_id: before.id.to_string(),
                company: before.company_id,
                ..caller.audit_entry(Some(before.id), now)
            },
        )?;
        Ok::<_, ApiError>(user)
    })?;
    Ok(nudge_mail(me::shown(&Me { user })))
}
