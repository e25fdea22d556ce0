//! Access tokens: JWT HS256 with everything pinned that a verifier must pin.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Role;
use crate::ids::{CompanyId, SessionId, UserId};
use crate::keyed_hash::derived_key;

const ISSUER: &str = "nexus";
const AUDIENCE: &str = "nexus-api";
const TYPE: &str = "access";

/// What an access token says; seconds since 1970 as RFC 7519 §4.1 has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    pub sub: UserId,
    pub sid: SessionId,
    pub role: Role,
    pub cid: Option<CompanyId>,
    pub typ: String,
    pub iat: i64,
    pub exp: i64,
    pub iss: String,
    pub aud: String,
}

impl AccessClaims {
    pub fn new(
        user: UserId,
        session: SessionId,
        role: Role,
        company: Option<CompanyId>,
        now: i64,
        lifetime: i64,
    ) -> Self {
        Self {
            sub: user,
            sid: session,
            role,
            cid: company,
            typ: TYPE.into(),
            iat: now,
            exp: now.saturating_add(lifetime),
            iss: ISSUER.into(),
            aud: AUDIENCE.into(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    #[error("the token is not valid")]
    Invalid,
    #[error("the token has expired")]
    Expired,
}

/// What access tokens are signed with, derived from a setting: another key than any other that the same text gives.
#[derive(Clone)]
pub struct AccessKey([u8; 32]);

impl AccessKey {
    pub fn derive(secret: &[u8]) -> Self {
        Self(derived_key(secret, "access-token"))
    }
}

pub fn sign_access_token(key: &AccessKey, claims: &AccessClaims) -> Result<String, TokenError> {
    jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        claims,
        &EncodingKey::from_secret(&key.0),
    )
    .map_err(|_| TokenError::Invalid)
}

/// Checks algorithm, signature (against each key valid now), issuer, audience, type and times.
pub fn verify_access_token(keys: &[AccessKey], token: &str, now: i64) -> Result<AccessClaims, TokenError> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_issuer(&[ISSUER]);
    rules.set_audience(&[AUDIENCE]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The library would read the system clock; the time is the caller's to give.
    rules.validate_exp = false;
    let claims = keys
        .iter()
        .find_map(|key| jsonwebtoken::decode::<AccessClaims>(token, &DecodingKey::from_secret(&key.0), &rules).ok())
        .ok_or(TokenError::Invalid)?
        .claims;
    if claims.typ != TYPE || claims.iat > now.saturating_add(60) {
        return Err(TokenError::Invalid);
    }
    if claims.exp <= now {
        return Err(TokenError::Expired);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    const SECRET: &[u8] = b"an access secret of at least thirty-two bytes";

    fn key(secret: &[u8]) -> AccessKey {
        AccessKey::derive(secret)
    }

    fn claims() -> AccessClaims {
        let at = Timestamp::from_millis(1_000_000);
        AccessClaims::new(
            UserId::generate(at, [1; 10]),
            SessionId::generate(at, [2; 10]),
            Role::Student,
            None,
            1_000,
            900,
        )
    }

    #[test]
    fn a_token_verifies_until_it_expires() {
        let token = sign_access_token(&key(SECRET), &claims()).unwrap();
        assert_eq!(verify_access_token(&[key(SECRET)], &token, 1_899).unwrap(), claims());
        assert_eq!(
            verify_access_token(&[key(SECRET)], &token, 1_900),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn other_secrets_issuers_audiences_and_types_are_refused() {
        let refused = |claims: &AccessClaims, secret: &[u8]| {
            let token = sign_access_token(&key(secret), claims).unwrap();
            verify_access_token(&[key(SECRET)], &token, 1_001) == Err(TokenError::Invalid)
        };
        assert!(refused(&claims(), b"another secret of at least thirty-two bytes!"));
        assert!(refused(
            &AccessClaims {
                iss: "other".into(),
                ..claims()
            },
            SECRET
        ));
        assert!(refused(
            &AccessClaims {
                aud: "other".into(),
                ..claims()
            },
            SECRET
        ));
        assert!(refused(
            &AccessClaims {
                typ: "refresh".into(),
                ..claims()
            },
            SECRET
        ));
    }

    #[test]
    fn the_secret_itself_signs_nothing() {
        let raw = EncodingKey::from_secret(SECRET);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &raw).unwrap();
        assert_eq!(
            verify_access_token(&[key(SECRET)], &token, 1_001),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn the_algorithm_is_pinned() {
        let none = "eyJhbGciOiJub25lIn0.e30.";
        assert_eq!(verify_access_token(&[key(SECRET)], none, 0), Err(TokenError::Invalid));
        let other = jsonwebtoken::encode(
            &Header::new(Algorithm::HS512),
            &claims(),
            &EncodingKey::from_secret(&key(SECRET).0),
        )
        .unwrap();
        assert_eq!(
            verify_access_token(&[key(SECRET)], &other, 1_001),
            Err(TokenError::Invalid)
        );
    }
}
