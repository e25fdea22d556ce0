//! Mails of this component: composed and sealed before the transaction that writes them down.

use nexus_domain::ids::{CompanyId, MailId, UserId};
use nexus_domain::keyed_hash::HashKey;
use nexus_domain::mail::{TIMEOUT_SECONDS, Template};
use nexus_domain::one_time_code::{self, OneTimeCode};
use nexus_domain::settings::Secret;
use nexus_domain::{Timestamp, settings};
use nexus_kit::audit::seal_for_mail;
use nexus_kit::{ApiError, App, clock};
use nexus_store::identity::decoys::{self, DecoyMail};
use nexus_store::identity::one_time_codes::Purpose;
use nexus_store::identity::users::UserRecord;
use nexus_store::mail::outbox::{self, NewMail};
use nexus_store::{StoreError, Transaction};
use serde_json::{Value, json};

/// Whom a mail goes to.
#[derive(Debug, Clone)]
pub struct Recipient {
    pub user: Option<UserId>,
    pub company: Option<CompanyId>,
    pub address: String,
    pub name: String,
    pub locale: String,
}

impl Recipient {
    /// Somebody who has no account, and will get no mail either: the work for them is the same.
    pub fn nobody(address: &str) -> Self {
        Self {
            user: None,
            company: None,
            address: address.to_owned(),
            name: String::new(),
            locale: "en".to_owned(),
        }
    }

    pub fn at(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }
}

impl From<&UserRecord> for Recipient {
    fn from(user: &UserRecord) -> Self {
        Self {
            user: Some(user.id),
            company: user.company_id,
            address: user.email.clone(),
            name: user.name.clone(),
            locale: user.locale.clone(),
        }
    }
}

/// A mail ready to be written down.
pub struct Mail {
    id: MailId,
    to: Recipient,
    template: Template,
    params: Value,
    sealed: Vec<u8>,
    now: Timestamp,
    expires_at: Timestamp,
}

impl Mail {
    fn compose(
        app: &App,
        to: Recipient,
        template: Template,
        params: Value,
        secret: &Value,
        lifetime: i64,
    ) -> Result<Self, ApiError> {
        let id = clock::new_id(MailId::generate);
        let sealed = seal_for_mail(app, id, secret)?;
        let now = clock::now();
        Ok(Self {
            id,
            to,
            template,
            params,
            sealed,
            now,
            expires_at: now.plus_seconds(lifetime),
        })
    }

    /// The code that proves an address.
    pub fn verification_otp(app: &App, to: Recipient, code: &OneTimeCode) -> Result<Self, ApiError> {
        let minutes = one_time_code::LIFETIME_SECONDS / 60;
        let secret = json!({ "otp": code.as_str() });
        Self::compose(
            app,
            to,
            Template::VerificationOtp,
            json!({ "minutes": minutes }),
            &secret,
            one_time_code::LIFETIME_SECONDS,
        )
    }

    /// The link by which somebody who registered without documents hands them in.
    pub fn documents_requested(app: &App, to: Recipient, token: &str) -> Result<Self, ApiError> {
        Self::compose(
            app,
            to,
            Template::DocumentsRequested,
            json!({}),
            &json!({ "token": token }),
            TIMEOUT_SECONDS,
        )
    }

    pub fn password_reset(app: &App, to: Recipient, token: &str) -> Result<Self, ApiError> {
        let lifetime = nexus_store::identity::password_resets::LIFETIME_SECONDS;
        Self::compose(
            app,
            to,
            Template::PasswordReset,
            json!({ "minutes": lifetime / 60 }),
            &json!({ "token": token }),
            lifetime,
        )
    }

    /// To the address that an account had until now.
    pub fn email_changed(app: &App, to: Recipient, new_email: &str) -> Result<Self, ApiError> {
        Self::compose(
            app,
            to,
            Template::EmailChanged,
            json!({ "newEmail": new_email }),
            &json!({}),
            TIMEOUT_SECONDS,
        )
    }

    /// To the owner of an address that somebody tried to register again.
    pub fn registration_attempted(app: &App, to: Recipient) -> Result<Self, ApiError> {
        Self::compose(
            app,
            to,
            Template::RegistrationAttempted,
            json!({}),
            &json!({}),
            TIMEOUT_SECONDS,
        )
    }

    pub fn enqueue(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        outbox::enqueue(
            tx,
            &NewMail {
                id: self.id,
                company: self.to.company,
                user: self.to.user,
                recipient: &self.to.address,
                recipient_name: &self.to.name,
                template: self.template.as_str(),
                locale: &self.to.locale,
                params: self.params.clone(),
                sealed: Some(self.sealed.clone()),
                now: self.now,
                expires_at: self.expires_at,
            },
        )
    }

    /// As much work as writing down the code that goes with the mail.
    pub fn pretend_code(&self, tx: &Transaction<'_>, purpose: Purpose, hash: &[u8]) -> Result<(), StoreError> {
        decoys::put_code(tx, purpose, hash, self.now)
    }

    /// As much work as writing down the token that goes with the mail.
    pub fn pretend_link(&self, tx: &Transaction<'_>, hash: &str) -> Result<(), StoreError> {
        decoys::put_link(tx, hash, &self.id.to_string(), self.now)
    }

    /// As much work as [`Self::enqueue`], and nothing sent.
    pub fn pretend(&self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        decoys::put_mail(
            tx,
            &DecoyMail {
                id: self.id,
                recipient: &self.to.address,
                params: &self.params,
                sealed: &self.sealed,
                now: self.now,
                expires_at: self.expires_at,
            },
        )
    }
}

pub fn new_code() -> OneTimeCode {
    OneTimeCode::generate(|| u32::from_be_bytes(clock::random()))
}

/// The keys under which codes are hashed, the present one first.
pub fn code_keys(app: &App) -> Result<Vec<HashKey>, ApiError> {
    let secrets = app
        .config()
        .secrets(&settings::JWT_REFRESH_SECRET, &settings::JWT_REFRESH_SECRET_PREVIOUS)?;
    Ok(secrets
        .iter()
        .map(Secret::as_bytes)
        .map(|secret| HashKey::derive(secret, "one-time code"))
        .collect())
}

/// What goes into a code's hash: it is good for one person and one purpose.
pub fn code_parts<'a>(user: &'a [u8; 16], purpose: Purpose, code: &'a OneTimeCode) -> [&'a [u8]; 3] {
    [user, purpose.as_str().as_bytes(), code.as_str().as_bytes()]
}

pub fn code_hash(app: &App, user: UserId, purpose: Purpose, code: &OneTimeCode) -> Result<[u8; 32], ApiError> {
    let keys = code_keys(app)?;
    let key = keys
        .first()
        .ok_or_else(|| ApiError::internal("there is no refresh secret"))?;
    Ok(key.hash(&code_parts(user.uuid().as_bytes(), purpose, code)))
}
