//! The second factor wherever it is asked for: a code of the authenticator app, a recovery code, or a passkey.

use http::HeaderMap;
use nexus_domain::ids::UserId;
use nexus_domain::seal::SealKey;
use nexus_domain::settings::Secret;
use nexus_domain::{Invalid, Timestamp, settings, totp};
use nexus_kit::{ApiError, App, Code};
use nexus_store::Transaction;
use nexus_store::identity::second_factors::{self, SecondFactor};
use nexus_store::identity::users::UserRecord;
use serde_json::{Value, json};

use crate::passkeys::{self, Proven, RelyingParty};

/// A second factor that fits, to be taken (it is good once) in the transaction of what it allows.
pub enum GivenFactor {
    Step(i64),
    RecoveryCode(String),
    Passkey(Proven),
}

/// What somebody has shown.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    Nothing,
    /// Of the app, or a recovery code.
    Code(&'a str),
    /// A browser's answer to a challenge.
    Passkey(&'a Value),
}

impl<'a> Shown<'a> {
    /// One of two members of a body, never both: only one of them would be looked at.
    pub fn of(code: (&'static str, Option<&'a str>), passkey: Option<&'a Value>) -> Result<Self, ApiError> {
        match (code.1, passkey) {
            (None, None) => Ok(Self::Nothing),
            (Some(code), None) => Ok(Self::Code(code)),
            (None, Some(answer)) => Ok(Self::Passkey(answer)),
            (Some(_), Some(_)) => Err(ApiError::field(
                "passkey",
                Invalid::new("TOO_MANY", format!("can't stand beside `{}`", code.0)),
            )),
        }
    }
}

/// Asks for the second factor where there is one.
pub fn check_at_sign_in(
    app: &App,
    request: &HeaderMap,
    user: &UserRecord,
    shown: Shown<'_>,
    now: Timestamp,
) -> Result<Option<GivenFactor>, ApiError> {
    if !user.mfa_enabled {
        return Ok(None);
    }
    if matches!(shown, Shown::Nothing) {
        return Err(required(app, request, user.id, now)?);
    }
    check(app, request, user.id, shown, now).map(Some)
}

/// `MFA_REQUIRED`, with the ways there are. Only who knows the password comes to see it.
fn required(app: &App, request: &HeaderMap, user: UserId, now: Timestamp) -> Result<ApiError, ApiError> {
    let mut methods = Vec::new();
    if second_factors::has_app(app.database(), user)? {
        methods.push("TOTP");
    }
    // Pages without a domain have no passkeys; the recovery codes are left.
    let asked = match RelyingParty::of(app, request) {
        Ok(party) => passkeys::begin_proof(app, &party, user, now)?,
        Err(problem) if problem.code() == Code::Conflict => None,
        Err(problem) => return Err(problem),
    };
    if asked.is_some() {
        methods.push("PASSKEY");
    }
    methods.push("RECOVERY_CODE");
    let mut mfa = json!({ "methods": methods });
    if let Some(asked) = asked {
        mfa["publicKey"] = asked;
    }
    Ok(ApiError::new(
        Code::MfaRequired,
        "Send `mfaCode` as well (a code of your authenticator app, or a recovery code), or `passkey`.",
    )
    .with_member("mfa", mfa))
}

/// Checks a factor of somebody who has some. [`Shown::Nothing`] is none.
pub fn check(
    app: &App,
    request: &HeaderMap,
    user: UserId,
    shown: Shown<'_>,
    now: Timestamp,
) -> Result<GivenFactor, ApiError> {
    match shown {
        Shown::Nothing => Err(wrong_code()),
        Shown::Code(code) => check_code(app, user, code, now),
        Shown::Passkey(answer) => {
            let party = RelyingParty::of(app, request)?;
            passkeys::finish_proof(app, &party, user, answer, now).map(GivenFactor::Passkey)
        }
    }
}

fn check_code(app: &App, user: UserId, code: &str, now: Timestamp) -> Result<GivenFactor, ApiError> {
    let Some(app_code) = totp::app_code(code) else {
        return Ok(GivenFactor::RecoveryCode(totp::recovery_code_hash(code)));
    };
    let factor = second_factors::find(app.database(), user)?
        .filter(|factor| factor.active)
        .ok_or_else(wrong_code)?;
    let secret = open_secret(app, user, &factor)?;
    totp::matching_step(&secret, &app_code, now)
        .filter(|step| *step > factor.last_step)
        .map(GivenFactor::Step)
        .ok_or_else(wrong_code)
}

/// Uses the factor up; of two requests with the same code one gets 401.
pub fn take(tx: &Transaction<'_>, user: UserId, factor: &GivenFactor, now: Timestamp) -> Result<(), ApiError> {
    let taken = match factor {
        GivenFactor::Step(step) => second_factors::take_step(tx, user, *step)?,
        GivenFactor::RecoveryCode(hash) => second_factors::take_recovery_code(tx, user, hash, now)?,
        GivenFactor::Passkey(proven) => proven.take(tx, user, now)?,
    };
    if taken { Ok(()) } else { Err(wrong_code()) }
}

pub fn wrong_code() -> ApiError {
    ApiError::new(
        Code::InvalidMfaCode,
        "The code is wrong, was used before or has expired.",
    )
}

fn keys(app: &App) -> Result<Vec<SealKey>, ApiError> {
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

pub fn seal(app: &App, user: UserId, secret: &[u8]) -> Result<Vec<u8>, ApiError> {
    keys(app)?
        .first()
        .ok_or_else(|| ApiError::internal("there is no seal key"))?
        .seal(nexus_kit::clock::random(), &context(user), secret)
        .map_err(|error| ApiError::internal(error.to_string()))
}

/// The clear secret. One that the previous key sealed is sealed anew, so that the previous key can go.
pub fn open_secret(app: &App, user: UserId, factor: &SecondFactor) -> Result<Vec<u8>, ApiError> {
    let keys = keys(app)?;
    let internal =
        |error: nexus_domain::seal::SealError| ApiError::internal(format!("second factor of {user}: {error}"));
    let secret = SealKey::open(&keys, &context(user), &factor.sealed_secret).map_err(internal)?;
    let by_present = keys
        .first()
        .is_some_and(|key| SealKey::open(std::slice::from_ref(key), &context(user), &factor.sealed_secret).is_ok());
    if !by_present {
        second_factors::reseal(app.database(), user, &factor.sealed_secret, seal(app, user, &secret)?)?;
    }
    Ok(secret)
}
