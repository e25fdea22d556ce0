//! `/auth/mfa/*`: an authenticator app as the second factor, and recovery codes for when it is gone.

use axum::extract::State;
use axum::response::Response;
use deserr::Deserr;
use nexus_domain::ids::{AuditId, UserId};
use nexus_domain::seal::SealKey;
use nexus_domain::settings::Secret;
use nexus_domain::totp::{self, RECOVERY_CODES, SECRET_LENGTH};
use nexus_domain::{Timestamp, settings};
use nexus_kit::session::LimitedSession;
use nexus_kit::{Answer, App, Caller, Code, FieldErrors, Json, Problem, clock, respond};
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::second_factors::{self, SecondFactor};
use nexus_store::users::{self, UserRecord};
use nexus_store::{Transaction, sign_ins};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// A second factor that fits, to be taken (it is good once) in the transaction of what it allows.
pub enum GivenFactor {
    Step(i64),
    RecoveryCode(String),
}

/// Asks for the second factor where there is one.
pub fn check_at_sign_in(
    app: &App,
    user: &UserRecord,
    given: Option<&str>,
    now: Timestamp,
) -> Result<Option<GivenFactor>, Problem> {
    if !user.mfa_enabled {
        return Ok(None);
    }
    let given = given.ok_or_else(|| {
        Problem::new(
            Code::MfaRequired,
            "Send `mfaCode` as well: a code of your authenticator app, or a recovery code.",
        )
    })?;
    check(app, user.id, given, now).map(Some)
}

fn check(app: &App, user: UserId, given: &str, now: Timestamp) -> Result<GivenFactor, Problem> {
    let given = given.trim();
    if !totp::is_app_code(given) {
        return Ok(GivenFactor::RecoveryCode(totp::recovery_code_hash(given)));
    }
    let factor = second_factors::find(app.database(), user)?
        .filter(|factor| factor.active)
        .ok_or_else(wrong_code)?;
    let secret = open_secret(app, user, &factor)?;
    totp::matching_step(&secret, given, now)
        .filter(|step| *step > factor.last_step)
        .map(GivenFactor::Step)
        .ok_or_else(wrong_code)
}

/// Uses the factor up; of two requests with the same code one gets 401.
pub fn take(tx: &Transaction<'_>, user: UserId, factor: &GivenFactor, now: Timestamp) -> Result<(), Problem> {
    let taken = match factor {
        GivenFactor::Step(step) => second_factors::take_step(tx, user, *step)?,
        GivenFactor::RecoveryCode(hash) => second_factors::take_recovery_code(tx, user, hash, now)?,
    };
    if taken { Ok(()) } else { Err(wrong_code()) }
}

fn wrong_code() -> Problem {
    Problem::new(
        Code::InvalidMfaCode,
        "The code is wrong, was used before or has expired.",
    )
}

fn keys(app: &App) -> Result<Vec<SealKey>, Problem> {
    let secrets = app
        .config()
        .secrets(&settings::MAIL_SEAL_KEY, &settings::MAIL_SEAL_KEY_PREVIOUS)?;
    Ok(secrets
        .iter()
        .map(Secret::as_bytes)
        .map(|secret| SealKey::derive(secret, "totp"))
        .collect())
}

fn context(user: UserId) -> String {
    format!("totp:{user}")
}

fn seal(app: &App, user: UserId, secret: &[u8]) -> Result<Vec<u8>, Problem> {
    keys(app)?
        .first()
        .ok_or_else(|| Problem::internal("there is no seal key"))?
        .seal(clock::random(), &context(user), secret)
        .map_err(|error| Problem::internal(error.to_string()))
}

/// The clear secret. One that the previous key sealed is sealed anew, so that the previous key can go.
fn open_secret(app: &App, user: UserId, factor: &SecondFactor) -> Result<Vec<u8>, Problem> {
    let keys = keys(app)?;
    let internal =
        |error: nexus_domain::seal::SealError| Problem::internal(format!("second factor of {user}: {error}"));
    let secret = SealKey::open(&keys, &context(user), &factor.sealed_secret).map_err(internal)?;
    let by_present = keys
        .first()
        .is_some_and(|key| SealKey::open(std::slice::from_ref(key), &context(user), &factor.sealed_secret).is_ok());
    if !by_present {
        second_factors::reseal(app.database(), user, &factor.sealed_secret, seal(app, user, &secret)?)?;
    }
    Ok(secret)
}

/// Setting up a factor is open to those whose role demands it, but not before the password is their own.
fn require_own_password(session: &LimitedSession) -> Result<(), Problem> {
    if session.must_change_password {
        return Err(Problem::new(
            Code::PasswordChangeRequired,
            "This password was given to you for the first sign-in only. Change it first.",
        ));
    }
    Ok(())
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Enrolment {
    /// For typing into the app by hand, in base32.
    secret: String,
    otpauth_url: String,
    /// The URL as a QR code, an SVG image.
    qr_svg: String,
}

/// Begin to set up an authenticator app. It counts once a first code has been given to `/auth/mfa/activate`.
#[utoipa::path(
    post, path = "/api/v1/auth/mfa/enroll", tag = "auth",
    responses((status = 200, body = Enrolment), (status = 401), (status = 403), (status = 409)), security(("bearer" = []))
)]
pub async fn enroll(State(app): State<App>, session: LimitedSession) -> Answer<Response> {
    require_own_password(&session)?;
    let user = users::by_id(app.database(), session.user_id)?.ok_or_else(Problem::not_found)?;
    let secret: [u8; SECRET_LENGTH] = clock::random();
    let sealed = seal(&app, user.id, &secret)?;
    if !second_factors::enroll(app.database(), user.id, sealed, clock::now())? {
        return Err(already_active());
    }
    let issuer = app.config().get(&settings::BRAND_NAME)?;
    let otpauth_url = totp::otpauth_url(&secret, &issuer, &user.email);
    let enrolment = Enrolment {
        secret: totp::base32(&secret),
        qr_svg: qr_svg(&otpauth_url)?,
        otpauth_url,
    };
    Ok(respond::ok(&enrolment))
}

fn already_active() -> Problem {
    Problem::new(Code::Conflict, "A second factor is set up already. Disable it first.")
}

fn qr_svg(text: &str) -> Result<String, Problem> {
    let code =
        QrCode::with_error_correction_level(text, EcLevel::M).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
pub struct ActivateBody {
    code: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodes {
    /// Ten codes, each good once. They are shown this one time.
    recovery_codes: Vec<String>,
}

/// Put the authenticator app to use by a first code of it.
#[utoipa::path(
    post, path = "/api/v1/auth/mfa/activate", tag = "auth", request_body = ActivateBody,
    responses((status = 200, body = RecoveryCodes), (status = 401), (status = 403), (status = 409)), security(("bearer" = []))
)]
pub async fn activate(
    State(app): State<App>,
    session: LimitedSession,
    caller: Caller,
    Json(body): Json<ActivateBody>,
) -> Answer<Response> {
    require_own_password(&session)?;
    let user = session.user_id;
    let factor = second_factors::find(app.database(), user)?
        .ok_or_else(|| Problem::new(Code::Conflict, "Begin with `/auth/mfa/enroll`."))?;
    if factor.active {
        return Err(already_active());
    }
    let now = clock::now();
    let secret = open_secret(&app, user, &factor)?;
    let step = totp::matching_step(&secret, body.code.trim(), now).ok_or_else(wrong_code)?;
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| totp::recovery_code(clock::random()))
        .collect();
    let hashes: Vec<String> = codes.iter().map(|code| totp::recovery_code_hash(code)).collect();
    app.database().transaction(|tx| {
        if !second_factors::activate(tx, user, &factor.sealed_secret, step, &hashes, now)? {
            return Err(already_active());
        }
        audit::append(tx, &entry("user.mfa_enabled", &session, &caller))?;
        Ok::<_, Problem>(())
    })?;
    Ok(respond::ok(&RecoveryCodes { recovery_codes: codes }))
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
pub struct DisableBody {
    #[schema(format = Password)]
    password: String,
    /// A code of the app, or a recovery code.
    code: String,
}

/// Take the second factor away.
#[utoipa::path(
    post, path = "/api/v1/auth/mfa/disable", tag = "auth", request_body = DisableBody,
    responses((status = 204), (status = 401), (status = 403), (status = 409), (status = 429)), security(("bearer" = []))
)]
pub async fn disable(
    State(app): State<App>,
    session: LimitedSession,
    caller: Caller,
    Json(body): Json<DisableBody>,
) -> Answer<Response> {
    require_own_password(&session)?;
    let found = sign_ins::credentials(app.database(), session.user_id)?.ok_or_else(Problem::not_found)?;
    if !found.user.mfa_enabled {
        return Err(Problem::new(Code::Conflict, "There is no second factor."));
    }
    let now = clock::now();
    // Code and password count as one guess, so that neither can be tried out with the help of the other.
    let attempt = crate::guard::Attempt::of_user(&app, found.user.id, &caller)?;
    if crate::passwords::verify(&app, &body.password, Some(&found))? == nexus_domain::password_hash::Verdict::Wrong {
        return Err(Problem::new(Code::InvalidCredentials, "The password is wrong."));
    }
    let factor = check(&app, found.user.id, &body.code, now)?;
    app.database().transaction(|tx| {
        take(tx, found.user.id, &factor, now)?;
        second_factors::reset(tx, found.user.id, now)?;
        attempt.clear(tx)?;
        audit::append(tx, &entry("user.mfa_disabled", &session, &caller))?;
        Ok::<_, Problem>(())
    })?;
    Ok(respond::no_content())
}

fn entry<'a>(action: &'a str, session: &LimitedSession, caller: &'a Caller) -> NewAuditEntry<'a> {
    NewAuditEntry {
        id: clock::new_id(AuditId::generate),
        at: clock::now(),
        actor: Some(session.user_id),
        action,
        subject_type: "user",
        subject_id: session.user_id.to_string(),
        company: session.company_id,
        ip: &caller.address,
        request_id: &caller.request_id,
        details: json!({}),
    }
}
