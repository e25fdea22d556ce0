//! Counting: guesses at a password, and requests that cause mail or try codes.

use nexus_domain::Timestamp;
use nexus_domain::ids::{UserId, uuid_v7};
use nexus_kit::{ApiError, App, Caller, Code, clock};
use nexus_store::identity::request_counts::{self, CountLimit};
use nexus_store::identity::sign_in_attempts::{self, Admission, Guess, SIGN_IN_LIMITS};
use nexus_store::{
    Database, StoreError,
    identity::{decoys, passkeys, password_resets},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One guess at a password that may be checked. Unless taken back, it counts as a failure.
pub struct Attempt {
    id: Uuid,
    whose: String,
}

impl Attempt {
    /// For a sign-in with this address, whether it has an account or not.
    pub fn at_sign_in(app: &App, email_key: &str, caller: &Caller) -> Result<Self, ApiError> {
        Self::take(app, hash(email_key), caller)
    }

    /// For somebody who is signed in and shows the password once more.
    pub fn of_user(app: &App, user: UserId, caller: &Caller) -> Result<Self, ApiError> {
        Self::take(app, hash(&format!("user {user}")), caller)
    }

    fn take(app: &App, whose: String, caller: &Caller) -> Result<Self, ApiError> {
        let now = clock::now();
        sweep_sometimes(app.database(), now)?;
        let address = network(&caller.address);
        let guess = Guess {
            email_hash: &whose,
            address: &address,
        };
        match sign_in_attempts::reserve(app.database(), clock::new_id(uuid_v7), guess, SIGN_IN_LIMITS, now)? {
            Admission::Admitted(id) => Ok(Self { id, whose }),
            Admission::Throttled { until } => Err(ApiError::new(
                Code::TooManyLoginAttempts,
                "Too many sign-ins failed. Try again when `Retry-After` has passed.",
            )
            .retry_after(now.seconds_until(until))),
        }
    }

    /// The password was right, whatever else was wrong.
    pub fn release(&self, database: &Database) -> Result<(), StoreError> {
        sign_in_attempts::release(database, self.id)
    }

    /// The owner is in: earlier failures are forgotten.
    pub fn clear(&self, database: &Database) -> Result<(), StoreError> {
        sign_in_attempts::clear(database, &self.whose)
    }
}

/// Forgets the failed sign-ins with this address: its owner has shown a link that came by mail.
pub fn forget_failures(database: &Database, email_key: &str) -> Result<(), StoreError> {
    sign_in_attempts::clear(database, &hash(email_key))
}

/// What is counted besides passwords.
#[derive(Debug, Clone, Copy)]
pub enum Counted {
    OtpMail,
    OtpTry,
    ResetMail,
    EmailChange,
    Registration,
}

const QUARTER_HOUR: i64 = 15 * 60 * 1_000;

impl Counted {
    const fn name(self) -> &'static str {
        match self {
            Self::OtpMail => "otp-mail",
            Self::OtpTry => "otp-try",
            Self::ResetMail => "reset-mail",
            Self::EmailChange => "email-change",
            Self::Registration => "registration",
        }
    }

    const fn per_email(self) -> CountLimit {
        let most = match self {
            // Each new code allows five more tries; together they are what can be guessed in the window.
            Self::OtpTry => 15,
            Self::OtpMail | Self::ResetMail | Self::EmailChange | Self::Registration => 5,
        };
        CountLimit {
            most,
            window_millis: QUARTER_HOUR,
        }
    }

    const fn per_address(self) -> CountLimit {
        CountLimit {
            most: 300,
            window_millis: QUARTER_HOUR,
        }
    }
}

/// Whether one more is within the limit of the e-mail address. Over it nothing is sent, and nothing says so: the
/// answer is the same for every address. Over the limit of the client's address it is 429.
pub fn count(app: &App, what: Counted, email_key: &str, caller: &Caller) -> Result<bool, ApiError> {
    let now = clock::now();
    sweep_sometimes(app.database(), now)?;
    let address = network(&caller.address);
    if !address.is_empty() {
        let key = format!("{}:{address}", what.name());
        if let Err(until) = request_counts::count(app.database(), &key, what.per_address(), now)? {
            return Err(ApiError::new(
                Code::RateLimitExceeded,
                "Too many of these requests came from your address. Try again when `Retry-After` has passed.",
            )
            .retry_after(now.seconds_until(until)));
        }
    }
    let key = format!("{}:{}", what.name(), hash(email_key));
    Ok(request_counts::count(app.database(), &key, what.per_email(), now)?.is_ok())
}

fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// An IPv6 customer has a /64 at least; single addresses of it cost nothing.
fn network(address: &str) -> String {
    match address
        .parse::<std::net::IpAddr>()
        .map(|address| address.to_canonical())
    {
        Ok(std::net::IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Ok(address) => address.to_string(),
        Err(_) => String::new(),
    }
}

/// Once in 256 times: the tables stay small also where no scheduler runs.
fn sweep_sometimes(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    let [chance] = clock::random::<1>();
    if chance == 0 { sweep(database, now) } else { Ok(()) }
}

/// Takes out what counts no more.
pub fn sweep(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    sign_in_attempts::purge(database, SIGN_IN_LIMITS, now)?;
    request_counts::purge(database, now)?;
    decoys::purge(database, now.plus_millis(-QUARTER_HOUR), now)?;
    password_resets::purge(database, now)?;
    passkeys::purge(database, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_client_counts_by_its_64() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::1"));
        assert_ne!(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"));
        assert_eq!(network("::ffff:10.0.0.1"), "10.0.0.1");
        assert_eq!(network("unknown"), "");
    }
}
