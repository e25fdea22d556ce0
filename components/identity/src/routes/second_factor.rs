//! `/auth/mfa/*`: an authenticator app as the second factor, and recovery codes for when it is gone.

use axum::extract::State;
use deserr::Deserr;
use http::HeaderMap;
use nexus_domain::password_hash::Verdict;
use nexus_domain::totp::{self, RECOVERY_CODES, SECRET_LENGTH};
use nexus_domain::{Invalid, settings};
use nexus_kit::session::EnrolmentSession;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Json, clock, respond};
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::{
    Transaction,
    identity::{second_factors, sign_ins, users},
};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::passwords::wrong_password;
use crate::cookies::RequestHeaders;
use crate::passwords;
use crate::rate_limit::Attempt;
use crate::second_factor::{self, GivenFactor, Shown, open_secret, seal, wrong_code};

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
    responses((status = 200, body = Enrolment), (status = 409))
)]
pub async fn enroll(State(app): State<App>, session: EnrolmentSession) -> ApiResult {
    let user = users::by_id(app.database(), session.user_id)?.ok_or_else(ApiError::not_found)?;
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

fn already_active() -> ApiError {
    ApiError::new(Code::Conflict, "A second factor is set up already. Disable it first.")
}

fn qr_svg(text: &str) -> Result<String, ApiError> {
    let code =
        QrCode::with_error_correction_level(text, EcLevel::M).map_err(|error| ApiError::internal(error.to_string()))?;
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
    responses((status = 200, body = RecoveryCodes), (status = 409))
)]
pub async fn activate(
    State(app): State<App>,
    session: EnrolmentSession,
    caller: Caller,
    Json(body): Json<ActivateBody>,
) -> ApiResult {
    let user = session.user_id;
    let factor = second_factors::find(app.database(), user)?
        .ok_or_else(|| ApiError::new(Code::Conflict, "Begin with `/auth/mfa/enroll`."))?;
    if factor.active {
        return Err(already_active());
    }
    let now = clock::now();
    let secret = open_secret(&app, user, &factor)?;
    let code = totp::app_code(&body.code).ok_or_else(wrong_code)?;
    let step = totp::matching_step(&secret, &code, now).ok_or_else(wrong_code)?;
    let (codes, hashes) = new_recovery_codes();
    app.database().transaction(|tx| {
        if !second_factors::activate(tx, user, &factor.sealed_secret, step, &hashes, now)? {
            return Err(already_active());
        }
        audit::append(tx, &entry("user.mfa_enabled", &session, &caller))?;
        Ok::<_, ApiError>(())
    })?;
    Ok(respond::ok(&RecoveryCodes { recovery_codes: codes }))
}

/// Ten codes to show, and their hashes to keep.
pub fn new_recovery_codes() -> (Vec<String>, Vec<String>) {
    let codes: Vec<String> = (0..RECOVERY_CODES)
        .map(|_| totp::recovery_code(clock::random()))
        .collect();
    let hashes = codes.iter().map(|code| totp::recovery_code_hash(code)).collect();
    (codes, hashes)
}

/// The password and a second factor, from somebody who is signed in already.
#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
pub struct BothFactorsBody {
    #[schema(format = Password)]
    password: String,
    /// A code of the app, or a recovery code.
    #[deserr(default)]
    code: Option<String>,
    /// In place of the code: the browser's answer to `/auth/mfa/passkeys/challenge`.
    #[deserr(default)]
    #[schema(value_type = Option<Object>)]
    passkey: Option<Value>,
}

/// Both factors of somebody, shown once more; [`BothFactors::take`] belongs into the transaction.
pub struct BothFactors {
    attempt: Attempt,
    factor: GivenFactor,
}

impl BothFactors {
    /// They count as one guess, so that neither can be tried out with the help of the other.
    pub fn prove(
        app: &App,
        headers: &HeaderMap,
        session: &EnrolmentSession,
        caller: &Caller,
        body: &BothFactorsBody,
    ) -> Result<Self, ApiError> {
        let found = sign_ins::credentials(app.database(), session.user_id)?.ok_or_else(ApiError::not_found)?;
        if !found.user.mfa_enabled {
            return Err(ApiError::new(Code::Conflict, "There is no second factor."));
        }
        let shown = Shown::of(("code", body.code.as_deref()), body.passkey.as_ref())?;
        if matches!(shown, Shown::Nothing) {
            return Err(ApiError::field(
                "code",
                Invalid::new("REQUIRED", "or `passkey` is required"),
            ));
        }
        let attempt = Attempt::of_user(app, found.user.id, caller)?;
        if passwords::verify(app, &body.password, &found)? == Verdict::Wrong {
            return Err(wrong_password());
        }
        let factor = second_factor::check(app, headers, found.user.id, shown, clock::now())?;
        Ok(Self { attempt, factor })
    }

    pub fn take(&self, tx: &Transaction<'_>, session: &EnrolmentSession) -> Result<(), ApiError> {
        second_factor::take(tx, session.user_id, &self.factor, clock::now())?;
        self.attempt.clear(tx)?;
        Ok(())
    }
}

/// Take the second factor away: the app, its recovery codes, and all passkeys.
#[utoipa::path(
    post, path = "/api/v1/auth/mfa/disable", tag = "auth", request_body = BothFactorsBody,
    responses((status = 204), (status = 409), (status = 429))
)]
pub async fn disable(
    State(app): State<App>,
    session: EnrolmentSession,
    caller: Caller,
    RequestHeaders(headers): RequestHeaders,
    Json(body): Json<BothFactorsBody>,
) -> ApiResult {
    let proven = BothFactors::prove(&app, &headers, &session, &caller, &body)?;
    app.database().transaction(|tx| {
        proven.take(tx, &session)?;
        second_factors::reset(tx, session.user_id, clock::now())?;
        audit::append(tx, &entry("user.mfa_disabled", &session, &caller))?;
        Ok::<_, ApiError>(())
    })?;
    Ok(respond::no_content())
}

pub fn entry<'a>(action: &'a str, session: &EnrolmentSession, caller: &'a Caller) -> NewAuditEntry<'a> {
    NewAuditEntry {
        action,
        subject_type: "user",
        subject_id: session.user_id.to_string(),
        company: session.company_id,
        ..caller.audit_entry(Some(session.user_id), clock::now())
    }
}
