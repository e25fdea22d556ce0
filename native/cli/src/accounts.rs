//! Accounts that the operator creates.

use std::time::{SystemTime, UNIX_EPOCH};

use nexus_domain::ids::{AuditId, CompanyId, UserId};
use nexus_domain::password::{self, Owner, Password};
use nexus_domain::password_hash::Hashing;
use nexus_domain::settings::{BCRYPT_COST, PASSWORD_HASH};
use nexus_domain::status::UserStatus;
use nexus_domain::{EmailAddress, Role, Timestamp};
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::identity::users::{self, NewUser};
use nexus_store::{StoreError, Transaction};

use crate::failure::Failure;
use crate::settings_source::Source;

/// An account with its password hash, ready to be stored.
pub struct Account {
    pub id: UserId,
    pub email: EmailAddress,
    pub name: String,
    pub role: Role,
    password_hash: String,
}

pub fn hashing(source: &Source) -> Result<Hashing, Failure> {
    let algorithm = PASSWORD_HASH.read(|name| source.lookup(name))?;
    let cost = BCRYPT_COST.read(|name| source.lookup(name))?;
    Ok(Hashing::new(algorithm, cost))
}

impl Account {
    /// Hashes a password that meets the rules.
    pub fn new(
        email: EmailAddress,
        name: String,
        role: Role,
        password: &str,
        hashing: &Hashing,
    ) -> Result<Self, Failure> {
        let password_hash = hash_password(&email, &name, password, hashing)?;
        Ok(Self {
            id: UserId::generate(now(), random()?),
            email,
            name,
            role,
            password_hash,
        })
    }

    /// Creates an active, verified account without a forced password change. The operator vouches for it.
    pub fn insert(&self, tx: &Transaction<'_>, company: Option<CompanyId>, now: Timestamp) -> Result<(), InsertError> {
        let user = users::insert(
            tx,
            &NewUser {
                id: self.id,
                email: &self.email,
                name: &self.name,
                role: self.role,
                company,
                status: UserStatus::Active,
                password_hash: &self.password_hash,
                email_verified: true,
                document_verified: true,
                locale: "en",
                now,
            },
        )?;
        let entry = NewAuditEntry {
            id: AuditId::generate(now, random().map_err(|_| InsertError::NoRandomness)?),
            at: now,
            actor: None,
            action: "user.created",
            subject_type: "user",
            subject_id: user.id.to_string(),
            company,
            ip: "",
            request_id: "",
            details: serde_json::json!({ "by": "nexus", "role": self.role }),
        };
        audit::append(tx, &entry)?;
        Ok(())
    }
}

/// Checks a password by the common rules, and hashes it.
pub fn hash_password(email: &EmailAddress, name: &str, password: &str, hashing: &Hashing) -> Result<String, Failure> {
    let password: Password =
        password::check_new(password, Owner { email, name }, hashing.algorithm()).map_err(|broken| {
            let problems = broken.iter().map(|rule| format!("the password {}", rule.message));
            Failure::Configuration(problems.collect())
        })?;
    hashing
        .hash(&password, random()?)
        .map_err(|error| Failure::failed("the password", error))
}

#[derive(Debug, thiserror::Error)]
pub enum InsertError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no randomness")]
    NoRandomness,
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

pub fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Failure::failed("no randomness", error))?;
    Ok(bytes)
}
