//! The two ceremonies of WebAuthn (Level 3, §7.1 and §7.2) as a second factor: what is asked of an authenticator, and
//! whether its answer is good. The crate `webauthn_rp` does the reading and verifying (decisions/0011); here it meets our
//! settings and tables.
//!
//! A challenge is a row of `passkey_ceremonies` and good for one answer. Authenticators needn't verify their user: that the
//! right person sits there is what the password is for.

use http::HeaderMap;
use nexus_domain::ids::{PasskeyId, UserId};
use nexus_domain::{Timestamp, passkey, settings};
use nexus_kit::{ApiError, App, Code};
use nexus_store::identity::passkeys::{self, NewPasskey, Passkey, Purpose};
use nexus_store::identity::users::UserRecord;
use serde::Serialize;
use serde_json::Value;
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::{
    AllowedCredentials, AuthenticationVerificationOptions, NonDiscoverableCredentialRequestOptions,
};
use webauthn_rp::request::register::{
    CoseAlgorithmIdentifier, CoseAlgorithmIdentifiers, Nickname, PublicKeyCredentialCreationOptions,
    PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle16, Username,
};
use webauthn_rp::request::{AsciiDomain, Credentials, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::auth::NonDiscoverableAuthentication16;
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, Registration, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId};
use webauthn_rp::{AuthenticatedCredential, NonDiscoverableAuthenticationServerState, RegistrationServerState};

use crate::cookies;

/// RSA is left out: no authenticator of today needs it, and its crate has an unresolved advisory (RUSTSEC-2023-0071).
const ALGORITHMS: CoseAlgorithmIdentifiers = CoseAlgorithmIdentifiers::ALL.remove(CoseAlgorithmIdentifier::Rs256);

type StoredKey = StaticState<CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>>;

/// To whom passkeys belong, and which pages may use them.
pub struct RelyingParty {
    id: RpId,
    origins: Vec<String>,
}

impl RelyingParty {
    pub fn of(app: &App, request: &HeaderMap) -> Result<Self, ApiError> {
        let configured = app.config().get(&settings::PASSKEY_DOMAIN)?;
        let frontends = app.config().get(&settings::FRONTEND_URL)?;
        let own = cookies::own_origin(request);
        let party = passkey::RelyingParty::of(configured.as_deref(), &frontends, own.as_deref()).ok_or_else(|| {
            ApiError::new(
                Code::Conflict,
                "Passkeys need a domain, and these pages have none. Use an authenticator app.",
            )
        })?;
        let domain = AsciiDomain::try_from(party.domain).map_err(internal)?;
        Ok(Self {
            id: RpId::Domain(domain),
            origins: party.origins,
        })
    }
}

fn internal(error: impl std::fmt::Display) -> ApiError {
    ApiError::internal(format!("passkeys: {error}"))
}

fn handle(user: UserId) -> UserHandle16 {
    // Sixteen bytes always make a handle.
    UserHandle16::decode(user.uuid().into_bytes()).unwrap_or_else(|never| match never {})
}

fn descriptor(passkey: &Passkey) -> Result<PublicKeyCredentialDescriptor<Vec<u8>>, ApiError> {
    let transports = u8::try_from(passkey.transports).map_err(internal)?;
    Ok(PublicKeyCredentialDescriptor {
        id: CredentialId::decode(passkey.credential_id.clone()).map_err(internal)?,
        transports: AuthTransports::decode(transports).map_err(internal)?,
    })
}

fn key_of(challenge: u128) -> String {
    format!("{challenge:032x}")
}

/// What a browser's `navigator.credentials` takes, as JSON.
fn options(client: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(client).map_err(internal)
}

/// Asks for a new passkey. Gives what the browser is to be called with.
pub fn begin_enrolment(app: &App, party: &RelyingParty, user: &UserRecord, now: Timestamp) -> Result<Value, ApiError> {
    let known = passkeys::list(app.database(), user.id)?;
    let known = known.iter().map(descriptor).collect::<Result<Vec<_>, _>>()?;
    let id = handle(user.id);
    let entity = PublicKeyCredentialUserEntity {
        // An address may have characters that no user name has (RFC 8265); then the id has to do.
        name: Username::try_from(user.email.as_str())
            .or_else(|_| Username::try_from(user.id.to_string()))
            .map_err(internal)?,
        id: &id,
        display_name: Nickname::try_from(user.name.as_str()).ok(),
    };
    let mut asked = PublicKeyCredentialCreationOptions::second_factor(&party.id, entity, known);
    asked.pub_key_cred_params = ALGORITHMS;
    let (server, client) = asked.start_ceremony().map_err(internal)?;
    let challenge = key_of(client.options().challenge.as_data());
    let state = server.encode().map_err(internal)?;
    passkeys::begin(app.database(), user.id, Purpose::Enrol, &challenge, &state, now)?;
    options(&client)
}

/// The passkey in a browser's answer, if it is one to what was asked.
pub fn finish_enrolment(
    app: &App,
    party: &RelyingParty,
    user: UserId,
    answer: &Value,
    now: Timestamp,
) -> Result<NewPasskey, ApiError> {
    let text = answer.to_string();
    let registration = Registration::from_json_relaxed(text.as_bytes()).map_err(|error| refused(&error))?;
    let challenge = registration.challenge_relaxed().map_err(|error| refused(&error))?;
    let state = passkeys::take(app.database(), user, Purpose::Enrol, &key_of(challenge.0), now)?
        .ok_or_else(|| refused(&"nobody asked for this, or too long ago"))?;
    let state = RegistrationServerState::<16>::decode(&state).map_err(internal)?;
    let checks = RegistrationVerificationOptions::<String, String> {
        allowed_origins: &party.origins,
        error_on_unsolicited_extensions: false,
        ..Default::default()
    };
    let made = state
        .verify(&party.id, &registration, &checks)
        .map_err(|error| refused(&error))?;
    Ok(NewPasskey {
        credential_id: made.id().as_ref().to_vec(),
        transports: i64::from(made.transports().encode().unwrap_or_else(|never| match never {})),
        static_state: made.static_state().encode().unwrap_or_else(|never| match never {}),
        dynamic_state: state_bytes(made.dynamic_state()),
    })
}

/// Asks for a proof by one of somebody's passkeys; `None` when there is none.
pub fn begin_proof(app: &App, party: &RelyingParty, user: UserId, now: Timestamp) -> Result<Option<Value>, ApiError> {
    let mut allowed = AllowedCredentials::new();
    for passkey in passkeys::list(app.database(), user)? {
        allowed.push(descriptor(&passkey)?.into());
    }
    if allowed.is_empty() {
        return Ok(None);
    }
    let asked = NonDiscoverableCredentialRequestOptions::second_factor(&party.id, allowed).map_err(internal)?;
    let mut asked = asked;
    let challenge = key_of(asked.options().challenge.as_data());
    let (server, client) = asked.start_ceremony().map_err(internal)?;
    let state = server.encode().map_err(internal)?;
    passkeys::begin(app.database(), user, Purpose::Prove, &challenge, &state, now)?;
    options(&client).map(Some)
}

/// A passkey that has proven itself, to be written down in the transaction of what it allows.
pub struct Proven {
    passkey: PasskeyId,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Proven {
    /// `false`: another request has used it in this moment.
    pub fn take(&self, tx: &nexus_store::Transaction<'_>, user: UserId, now: Timestamp) -> Result<bool, ApiError> {
        Ok(passkeys::record_use(
            tx,
            user,
            self.passkey,
            &self.before,
            &self.after,
            now,
        )?)
    }
}

/// Checks the answer to [`begin_proof`].
pub fn finish_proof(
    app: &App,
    party: &RelyingParty,
    user: UserId,
    answer: &Value,
    now: Timestamp,
) -> Result<Proven, ApiError> {
    let text = answer.to_string();
    let given = NonDiscoverableAuthentication16::from_json_relaxed(text.as_bytes()).map_err(|error| refused(&error))?;
    let challenge = given.challenge_relaxed().map_err(|error| refused(&error))?;
    let state = passkeys::take(app.database(), user, Purpose::Prove, &key_of(challenge.0), now)?
        .ok_or_else(|| refused(&"nobody asked for this, or too long ago"))?;
    let state = NonDiscoverableAuthenticationServerState::decode(&state).map_err(internal)?;
    let passkey = passkeys::list(app.database(), user)?
        .into_iter()
        .find(|passkey| passkey.credential_id == given.raw_id().as_ref())
        .ok_or_else(|| refused(&"not a passkey of this person"))?;
    let dynamic: [u8; 7] = passkey.dynamic_state.as_slice().try_into().map_err(internal)?;
    let dynamic = DynamicState::decode(dynamic).map_err(internal)?;
    let key = StoredKey::decode(&passkey.static_state).map_err(internal)?;
    let id = handle(user);
    let mut credential = AuthenticatedCredential::new(given.raw_id(), &id, key, dynamic).map_err(internal)?;
    let checks = AuthenticationVerificationOptions::<String, String> {
        allowed_origins: &party.origins,
        error_on_unsolicited_extensions: false,
        ..Default::default()
    };
    state
        .verify(&party.id, &given, &mut credential, &checks)
        .map_err(|error| refused(&error))?;
    Ok(Proven {
        passkey: passkey.id,
        before: passkey.dynamic_state,
        after: state_bytes(credential.dynamic_state()),
    })
}

fn state_bytes(state: DynamicState) -> Vec<u8> {
    state.encode().unwrap_or_else(|never| match never {}).to_vec()
}

/// What was wrong is for the log: the client could do nothing with it but probe.
fn refused(why: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(
        Code::InvalidMfaCode,
        "The passkey's answer is not good, or came too late. Try once more.",
    )
    .because(why.to_string())
}
