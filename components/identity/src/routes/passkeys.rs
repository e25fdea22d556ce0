//! `/auth/mfa/passkeys/*`: passkeys as the second factor, beside or in place of the authenticator app.

use axum::extract::State;
use deserr::Deserr;
use nexus_domain::Timestamp;
use nexus_domain::ids::PasskeyId;
use nexus_domain::passkey::{MAX_PER_PERSON, PasskeyName};
use nexus_kit::session::EnrolmentSession;
use nexus_kit::{ApiError, ApiResult, App, Caller, Code, FieldErrors, Json, Path, clock, respond};
use nexus_store::identity::passkeys::{self, Passkey};
use nexus_store::{
    StoreError, audit,
    identity::{second_factors, sign_ins},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::passwords::prove_password;
use super::second_factor::{BothFactors, BothFactorsBody, entry, new_recovery_codes};
use crate::cookies::RequestHeaders;
use crate::passkeys::{RelyingParty, begin_enrolment, begin_proof, finish_enrolment};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyView {
    id: PasskeyId,
    name: String,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name,
            created_at: passkey.created_at,
            last_used_at: passkey.last_used_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct PasskeyList {
    items: Vec<PasskeyView>,
}

/// One's own passkeys, oldest first.
#[utoipa::path(
    get, path = "/api/v1/auth/mfa/passkeys", tag = "auth",
    responses((status = 200, body = PasskeyList))
)]
pub async fn list_passkeys(State(app): State<App>, session: EnrolmentSession) -> ApiResult {
    let items = passkeys::list(app.database(), session.user_id)?;
    Ok(respond::ok(&PasskeyList {
        items: items.into_iter().map(PasskeyView::from).collect(),
    }))
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
pub struct EnrollPasskeyBody {
    /// Once more: who found an open laptop must not add a key of their own to its owner's account.
    #[schema(format = Password)]
    password: String,
}

/// What `navigator.credentials` is to be called with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasskeyOptions {
    /// For `PublicKeyCredential.parseCreationOptionsFromJSON` or `…RequestOptionsFromJSON` (WebAuthn Level 3, §5.1.8 f.).
    #[schema(value_type = Object)]
    public_key: Value,
}

/// Begin to add a passkey. It counts once the browser's answer has been given to `/auth/mfa/passkeys/activate`, within five
/// minutes.
#[utoipa::path(
    post, path = "/api/v1/auth/mfa/passkeys/enroll", tag = "auth", request_body = EnrollPasskeyBody,
    responses((status = 200, body = PasskeyOptions), (status = 409), (status = 429))
)]
pub async fn enroll_passkey(
    State(app): State<App>,
    session: EnrolmentSession,
    caller: Caller,
    RequestHeaders(headers): RequestHeaders,
    Json(body): Json<EnrollPasskeyBody>,
) -> ApiResult {
    let party = RelyingParty::of(&app, &headers)?;
    let found = sign_ins::credentials(app.database(), session.user_id)?.ok_or_else(ApiError::not_found)?;
    prove_password(&app, &found, &body.password, &caller)?;
    let public_key = begin_enrolment(&app, &party, &found.user, clock::now())?;
    Ok(respond::ok(&PasskeyOptions { public_key }))
}

#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
pub struct ActivatePasskeyBody {
    /// To tell it from others: "my phone".
    name: PasskeyName,
    /// The browser's answer: `credential.toJSON()`.
    #[schema(value_type = Object)]
    credential: Value,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivatedPasskey {
    passkey: PasskeyView,
    /// With the first second factor only: ten codes, each good once. They are shown this one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    recovery_codes: Option<Vec<String>>,
}

/// Put a passkey to use by the browser's answer.
#[utoipa::path(
    post, path = "/api/v1/auth/mfa/passkeys/activate", tag = "auth", request_body = ActivatePasskeyBody,
    responses((status = 201, body = ActivatedPasskey), (status = 409))
)]
pub async fn activate_passkey(
    State(app): State<App>,
    session: EnrolmentSession,
    caller: Caller,
    RequestHeaders(headers): RequestHeaders,
    Json(body): Json<ActivatePasskeyBody>,
) -> ApiResult {
    let user = session.user_id;
    let party = RelyingParty::of(&app, &headers)?;
    let now = clock::now();
    let made = finish_enrolment(&app, &party, user, &body.credential, now)?;
    let id = clock::new_id(PasskeyId::generate);
    let (codes, hashes) = new_recovery_codes();
    let first = app.database().transaction(|tx| {
        // Inside the transaction: of two first factors that come at once, one is the second.
        let first = !second_factors::any(tx, user)?;
        let kept = passkeys::insert(tx, id, user, body.name.as_str(), &made, MAX_PER_PERSON, now);
        if !kept.map_err(explain)? {
            return Err(ApiError::new(
                Code::Conflict,
                "There are as many passkeys as there may be. Remove one first.",
            ));
        }
        if first {
            second_factors::replace_recovery_codes(tx, user, &hashes)?;
        }
        audit::append(tx, &entry("user.passkey_added", &session, &caller))?;
        Ok::<_, ApiError>(first)
    })?;
    Ok(respond::created(&ActivatedPasskey {
        passkey: PasskeyView {
            id,
            name: body.name.as_str().to_owned(),
            created_at: now,
            last_used_at: None,
        },
        recovery_codes: first.then_some(codes),
    }))
}

fn explain(error: StoreError) -> ApiError {
    if error.is_not_unique("passkeys.credential_id") {
        ApiError::new(Code::Conflict, "This passkey is in use already.")
    } else {
        error.into()
    }
}

/// Get a challenge that a passkey answers: for `/auth/mfa/disable`, and for removing a passkey.
#[utoipa::path(
    post, path = "/api/v1/auth/mfa/passkeys/challenge", tag = "auth",
    responses((status = 200, body = PasskeyOptions), (status = 409))
)]
pub async fn challenge_passkey(
    State(app): State<App>,
    session: EnrolmentSession,
    RequestHeaders(headers): RequestHeaders,
) -> ApiResult {
    let party = RelyingParty::of(&app, &headers)?;
    let public_key = begin_proof(&app, &party, session.user_id, clock::now())?
        .ok_or_else(|| ApiError::new(Code::Conflict, "There is no passkey."))?;
    Ok(respond::ok(&PasskeyOptions { public_key }))
}

/// Remove a passkey, by password and a second factor (which may be that passkey). With the last factor the recovery codes go.
#[utoipa::path(
    delete, path = "/api/v1/auth/mfa/passkeys/{id}", tag = "auth", params(("id" = PasskeyId, Path)),
    request_body = BothFactorsBody,
    responses((status = 204), (status = 409), (status = 429))
)]
pub async fn remove_passkey(
    State(app): State<App>,
    session: EnrolmentSession,
    caller: Caller,
    Path(id): Path<PasskeyId>,
    RequestHeaders(headers): RequestHeaders,
    Json(body): Json<BothFactorsBody>,
) -> ApiResult {
    if !passkeys::list(app.database(), session.user_id)?
        .iter()
        .any(|passkey| passkey.id == id)
    {
        return Err(ApiError::not_found());
    }
    let proven = BothFactors::prove(&app, &headers, &session, &caller, &body)?;
    app.database().transaction(|tx| {
        proven.take(tx, &session)?;
        if !passkeys::remove(tx, session.user_id, id, clock::now())? {
            return Err(ApiError::not_found());
        }
        audit::append(tx, &entry("user.passkey_removed", &session, &caller))?;
        Ok::<_, ApiError>(())
    })?;
    Ok(respond::no_content())
}
