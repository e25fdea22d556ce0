//! How passwords are kept: bcrypt or argon2id, told apart by the text of the hash.
//!
//! Checking takes the same time whether there is a hash to check against or not: without one, as much
//! is computed for nothing.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::password::{BCRYPT_LIMIT_BYTES, ImportedPassword, Password};
use crate::settings::PasswordHash;

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const ARGON2_MEMORY_KIB: u32 = 19 * 1_024;
const ARGON2_PASSES: u32 = 2;
const ARGON2_LANES: u32 = 1;
const ARGON2_OUTPUT: usize = 32;

/// A hash that costs more than this was not made by us or by the old system, and checking it would be an
/// attack on ourselves.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashError {
    #[error("is longer than bcrypt can hash")]
    TooLong,
    #[error("is no bcrypt ($2a$, $2b$, $2y$, cost 4 to 16) or argon2id hash")]
    Unreadable,
    #[error("could not be hashed")]
    Failed,
}

/// How new passwords are hashed, by the settings `PASSWORD_HASH` and `BCRYPT_COST`.
#[derive(Debug, Clone, Copy)]
pub struct Hashing {
    algorithm: PasswordHash,
    bcrypt_cost: u32,
}

/// Whether a stored hash was made by another system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    Yes,
    No,
}

impl From<bool> for Imported {
    fn from(imported: bool) -> Self {
        if imported { Self::Yes } else { Self::No }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right {
        /// Made with another algorithm or cost than today's: hash it again while the password is at hand.
        outdated: bool,
    },
}

impl Hashing {
    pub const fn new(algorithm: PasswordHash, bcrypt_cost: u32) -> Self {
        Self { algorithm, bcrypt_cost }
    }

    pub const fn algorithm(&self) -> PasswordHash {
        self.algorithm
    }

    pub fn hash(&self, password: &Password, salt: [u8; 16]) -> Result<String, HashError> {
        match self.algorithm {
            PasswordHash::Bcrypt if password.as_bytes().len() > BCRYPT_LIMIT_BYTES => Err(HashError::TooLong),
            PasswordHash::Bcrypt => bcrypt::hash_with_salt(password.as_bytes(), self.bcrypt_cost, salt)
                .map(|parts| parts.to_string())
                .map_err(|_| HashError::Failed),
            PasswordHash::Argon2id => Argon2id::today(salt.to_vec())
                .compute(password.as_bytes(), ARGON2_OUTPUT)
                .map(|(parts, output)| parts.text(&output)),
        }
    }

    /// Checks a password against what is stored; `None`: there is nobody, which takes just as long.
    pub fn verify(&self, password: &Password, stored: Option<&str>) -> Verdict {
        self.verify_or_spend(password, stored, None)
    }

    /// As [`Self::verify`]. While hashes of two algorithms are stored, their times differ; so for nobody as much is spent as
    /// for somebody else's hash, `like`, and nobody's times are spread as everybody's are. Its text is never compared with.
    pub fn verify_or_spend(&self, password: &Password, stored: Option<&str>, like: Option<&str>) -> Verdict {
        match stored.and_then(|text| StoredHash::parse(text).ok()) {
            Some(stored) => self.check(password, &stored),
            None => {
                self.spend_like(password, like.and_then(|text| StoredHash::parse(text).ok()));
                Verdict::Wrong
            }
        }
    }

    /// As [`Self::verify_or_spend`], of what somebody typed. A hash that came from another system (`imported`) is also
    /// compared with what that system would have hashed: the bytes as they were typed, of which bcrypt reads 72.
    ///
    /// Whether that differs depends on what was typed alone, and then two hashes are computed for everybody: the time
    /// does not tell who was imported.
    pub fn verify_typed(&self, typed: &str, stored: Option<(&str, Imported)>, like: Option<&str>) -> Verdict {
        let password = Password::typed(typed);
        let text = stored.map(|(text, _)| text);
        let verdict = self.verify_or_spend(&password, text, like);
        let other = ImportedPassword::typed(typed);
        let differs = other.cut() != password.as_bytes();
        if !differs || verdict != Verdict::Wrong {
            return verdict;
        }
        let parsed = stored.and_then(|(text, imported)| Some((StoredHash::parse(text).ok()?, imported)));
        match parsed {
            Some((stored, Imported::Yes)) => self.check_imported(&other, &stored),
            _ => {
                // As long as the check of the same hash. Its result is not looked at.
                self.spend_for(parsed.map(|(stored, _)| stored), like);
                Verdict::Wrong
            }
        }
    }

    fn check(&self, password: &Password, stored: &StoredHash<'_>) -> Verdict {
        match stored {
            StoredHash::Bcrypt { cost, text } => self.verify_bcrypt(password, *cost, text),
            StoredHash::Argon2id(parts, output) => self.verify_argon2id(password, parts, output),
        }
    }

    /// What is right by another system's rules is always outdated by ours.
    fn check_imported(&self, password: &ImportedPassword<'_>, stored: &StoredHash<'_>) -> Verdict {
        let is_right = match stored {
            StoredHash::Bcrypt { cost, text } => {
                let is_right = bcrypt::verify(password.cut(), text).unwrap_or(false);
                if !is_right {
                    self.top_up(*cost);
                }
                is_right
            }
            StoredHash::Argon2id(parts, output) => parts
                .clone()
                .compute(password.as_bytes(), output.len())
                .is_ok_and(|(_, computed)| bool::from(computed.ct_eq(output))),
        };
        if is_right {
            Verdict::Right { outdated: true }
        } else {
            Verdict::Wrong
        }
    }

    fn spend_like(&self, password: &Password, like: Option<StoredHash<'_>>) {
        match like {
            // A check of bcrypt does no more for such a password than this.
            Some(StoredHash::Bcrypt { .. }) if password.as_bytes().len() > BCRYPT_LIMIT_BYTES => self.spend(),
            like => self.spend_once(like),
        }
    }

    fn spend_for(&self, stored: Option<StoredHash<'_>>, like: Option<&str>) {
        self.spend_once(stored.or_else(|| like.and_then(|text| StoredHash::parse(text).ok())));
    }

    /// The work of comparing with such a hash.
    fn spend_once(&self, like: Option<StoredHash<'_>>) {
        match like {
            Some(StoredHash::Bcrypt { cost, .. }) => {
                spend_bcrypt(cost);
                self.top_up(cost);
            }
            Some(StoredHash::Argon2id(parts, output)) => {
                std::hint::black_box(parts.compute(b"nobody", output.len()).is_ok());
            }
            None => self.spend(),
        }
    }

    /// 2^c + 2^c + 2^(c+1) + … + 2^(n-1) = 2^n: a cheap old hash takes as long as one of today.
    fn top_up(&self, cost: u32) {
        if self.algorithm == PasswordHash::Bcrypt {
            for step in cost..self.bcrypt_cost {
                spend_bcrypt(step);
            }
        }
    }

    fn verify_bcrypt(&self, password: &Password, cost: u32, text: &str) -> Verdict {
        if password.as_bytes().len() > BCRYPT_LIMIT_BYTES {
            self.spend();
            return Verdict::Wrong;
        }
        if bcrypt::verify(password.as_bytes(), text).unwrap_or(false) {
            return Verdict::Right {
                outdated: self.algorithm != PasswordHash::Bcrypt || cost != self.bcrypt_cost,
            };
        }
        self.top_up(cost);
        Verdict::Wrong
    }

    fn verify_argon2id(&self, password: &Password, parts: &Argon2id, output: &[u8]) -> Verdict {
        match parts.clone().compute(password.as_bytes(), output.len()) {
            Ok((_, computed)) if bool::from(computed.ct_eq(output)) => Verdict::Right {
                outdated: self.algorithm != PasswordHash::Argon2id || !parts.is_of_today(),
            },
            _ => Verdict::Wrong,
        }
    }

    /// The work of one check, for nothing.
    fn spend(&self) {
        match self.algorithm {
            PasswordHash::Bcrypt => spend_bcrypt(self.bcrypt_cost),
            PasswordHash::Argon2id => {
                std::hint::black_box(Argon2id::today(vec![0; 16]).compute(b"nobody", ARGON2_OUTPUT).is_ok());
            }
        }
    }
}

fn spend_bcrypt(cost: u32) {
    std::hint::black_box(bcrypt::hash_with_salt(b"nobody", cost, [0; 16]).is_ok());
}

/// A hash that this product can check: its own, or one of the old system's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredHash<'a> {
    Bcrypt { cost: u32, text: &'a str },
    Argon2id(Argon2id, Vec<u8>),
}

impl<'a> StoredHash<'a> {
    pub fn parse(text: &'a str) -> Result<Self, HashError> {
        if text.starts_with("$argon2id$") {
            return Argon2id::parse(text).map(|(parts, output)| Self::Argon2id(parts, output));
        }
        // `$2x$` marks hashes of a program with a known fault; nobody should import those.
        let known = ["$2a$", "$2b$", "$2y$"].iter().any(|version| text.starts_with(version));
        let parts: bcrypt::HashParts = text.parse().map_err(|_| HashError::Unreadable)?;
        let cost = parts.get_cost();
        if !known || !BCRYPT_COSTS.contains(&cost) {
            return Err(HashError::Unreadable);
        }
        Ok(Self::Bcrypt { cost, text })
    }
}

/// The parameters and salt in a PHC string, `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argon2id {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
}

impl Argon2id {
    const fn today(salt: Vec<u8>) -> Self {
        Self {
            memory_kib: ARGON2_MEMORY_KIB,
            passes: ARGON2_PASSES,
            lanes: ARGON2_LANES,
            salt,
        }
    }

    fn is_of_today(&self) -> bool {
        *self == Self::today(self.salt.clone())
    }

    fn parse(text: &str) -> Result<(Self, Vec<u8>), HashError> {
        let mut fields = text.split('$').skip(2);
        let mut next = || fields.next().ok_or(HashError::Unreadable);
        if next()? != "v=19" {
            return Err(HashError::Unreadable);
        }
        let mut numbers = next()?.split(',').zip(["m=", "t=", "p="]).map(|(field, name)| {
            field
                .strip_prefix(name)
                .and_then(|number| number.parse::<u32>().ok())
                .ok_or(HashError::Unreadable)
        });
        let mut number = || numbers.next().unwrap_or(Err(HashError::Unreadable));
        let (memory_kib, passes, lanes) = (number()?, number()?, number()?);
        let decode = |text: &str| STANDARD_NO_PAD.decode(text).map_err(|_| HashError::Unreadable);
        let (salt, output) = (decode(next()?)?, decode(next()?)?);
        let sane = (8..=65_536).contains(&memory_kib)
            && (1..=10).contains(&passes)
            && (1..=4).contains(&lanes)
            && (8..=64).contains(&salt.len())
            && (16..=64).contains(&output.len());
        if !sane || next().is_ok() {
            return Err(HashError::Unreadable);
        }
        Ok((
            Self {
                memory_kib,
                passes,
                lanes,
                salt,
            },
            output,
        ))
    }

    fn compute(self, password: &[u8], length: usize) -> Result<(Self, Vec<u8>), HashError> {
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(length)).map_err(|_| HashError::Failed)?;
        let mut output = vec![0; length];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(password, &self.salt, &mut output)
            .map_err(|_| HashError::Failed)?;
        Ok((self, output))
    }

    fn text(&self, output: &[u8]) -> String {
        format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            self.memory_kib,
            self.passes,
            self.lanes,
            STANDARD_NO_PAD.encode(&self.salt),
            STANDARD_NO_PAD.encode(output)
        )
    }
}

#[cfg(test)]
mod tests;
