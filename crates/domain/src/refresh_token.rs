//! Refresh tokens: the name of a session, how often it has been refreshed, and a MAC over both.
//!
//! A token is derived, not drawn: the n-th of a session can be computed again from the refresh secret
//! and the session's salt. So two tabs that refresh at once get the *same* successor, and the database
//! holds no token in any form, only the salt and the number of the present one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::ids::SessionId;
use crate::keyed_hash::{HashKey, fits_any};

pub const SALT_LENGTH: usize = 16;
const MAC_LENGTH: usize = 32;
const LENGTH: usize = 16 + 4 + MAC_LENGTH;

#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    pub session: SessionId,
    /// 0 at sign-in, one more at every refresh.
    pub counter: u32,
    mac: [u8; MAC_LENGTH],
}

/// Derived from `JWT_REFRESH_SECRET`, the present one first.
pub struct RefreshKeys {
    tokens: Vec<HashKey>,
    csrf: Vec<HashKey>,
}

impl RefreshKeys {
    pub fn derive<'a>(secrets: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        Self {
            tokens: secrets
                .clone()
                .map(|secret| HashKey::derive(secret, "refresh token"))
                .collect(),
            csrf: secrets.map(|secret| HashKey::derive(secret, "csrf token")).collect(),
        }
    }

    /// The token with this number; `None` only without any key.
    pub fn token(&self, session: SessionId, counter: u32, salt: &[u8]) -> Option<RefreshToken> {
        let mac = self
            .tokens
            .first()?
            .hash(&token_parts(session.uuid().as_bytes(), &counter.to_be_bytes(), salt));
        Some(RefreshToken { session, counter, mac })
    }

    /// Whether we made this token.
    pub fn made(&self, token: &RefreshToken, salt: &[u8]) -> bool {
        let counter = token.counter.to_be_bytes();
        fits_any(
            &self.tokens,
            &token_parts(token.session.uuid().as_bytes(), &counter, salt),
            &token.mac,
        )
    }

    /// What a browser session must send back in `X-CSRF-Token`: tied to the session, so that a cookie
    /// planted from a sibling domain doesn't do.
    pub fn csrf_token(&self, session: SessionId) -> Option<String> {
        let hash = self.csrf.first()?.hash(&[session.uuid().as_bytes()]);
        Some(URL_SAFE_NO_PAD.encode(hash))
    }

    pub fn is_csrf_token(&self, session: SessionId, given: &str) -> bool {
        let Ok(given) = URL_SAFE_NO_PAD.decode(given) else {
            return false;
        };
        fits_any(&self.csrf, &[session.uuid().as_bytes()], &given)
    }
}

fn token_parts<'a>(session: &'a [u8; 16], counter: &'a [u8; 4], salt: &'a [u8]) -> [&'a [u8]; 3] {
    [session, counter, salt]
}

impl RefreshToken {
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        if bytes.len() != LENGTH {
            return None;
        }
        let (session, rest) = bytes.split_first_chunk::<16>()?;
        let (counter, rest) = rest.split_first_chunk::<4>()?;
        Some(Self {
            session: SessionId::from_uuid(Uuid::from_bytes(*session)),
            counter: u32::from_be_bytes(*counter),
            mac: rest.try_into().ok()?,
        })
    }

    pub fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(self.session.uuid().as_bytes());
        bytes.extend_from_slice(&self.counter.to_be_bytes());
        bytes.extend_from_slice(&self.mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

/// It never shows itself in logs.
impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RefreshToken({} #{})", self.session, self.counter)
    }
}

/// Whether two texts are equal, in constant time.
pub fn same_text(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    const SALT: [u8; SALT_LENGTH] = [5; SALT_LENGTH];

    fn keys(secrets: &[&'static str]) -> RefreshKeys {
        RefreshKeys::derive(secrets.iter().map(|secret| secret.as_bytes()))
    }

    fn session() -> SessionId {
        SessionId::generate(Timestamp::from_millis(1), [1; 10])
    }

    #[test]
    fn a_token_reads_back_and_is_known_as_ours() {
        let token = keys(&["a"]).token(session(), 3, &SALT).unwrap();
        let read = RefreshToken::parse(&token.text()).unwrap();
        assert_eq!(read, token);
        assert!(keys(&["a"]).made(&read, &SALT));
    }

    #[test]
    fn the_same_number_gives_the_same_token() {
        let keys = keys(&["a"]);
        assert_eq!(keys.token(session(), 4, &SALT), keys.token(session(), 4, &SALT));
        assert_ne!(keys.token(session(), 4, &SALT), keys.token(session(), 5, &SALT));
    }

    #[test]
    fn another_number_salt_or_secret_is_not_ours() {
        let mut token = keys(&["a"]).token(session(), 3, &SALT).unwrap();
        assert!(!keys(&["b"]).made(&token, &SALT));
        assert!(!keys(&["a"]).made(&token, &[6; SALT_LENGTH]));
        token.counter = 4;
        assert!(!keys(&["a"]).made(&token, &SALT));
    }

    #[test]
    fn while_a_secret_is_replaced_both_are_good() {
        let token = keys(&["old"]).token(session(), 0, &SALT).unwrap();
        assert!(keys(&["new", "old"]).made(&token, &SALT));
        let csrf = keys(&["old"]).csrf_token(session()).unwrap();
        assert!(keys(&["new", "old"]).is_csrf_token(session(), &csrf));
    }

    #[test]
    fn garbage_is_no_token() {
        for text in ["", "x", "AAAA", &"A".repeat(69), &"A".repeat(71), "ü"] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }
}
