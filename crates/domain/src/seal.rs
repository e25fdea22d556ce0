//! Sealing of what must not lie open in the database until it is used: temporary passwords, one-time
//! codes and links in outgoing mail, TOTP secrets.
//!
//! XChaCha20-Poly1305 under a key derived by HKDF-SHA-256 from a setting; the sealed form names the
//! key it was sealed with, so that `…_PREVIOUS` opens what the old key sealed.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::keyed_hash::derived_key;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    #[error("no key given opens this")]
    UnknownKey,
    #[error("what was sealed has been damaged or belongs elsewhere")]
    Damaged,
}

const VERSION: u8 = 1;
const KEY_ID_LENGTH: usize = 4;
const NONCE_LENGTH: usize = 24;

/// One secret's derived key and its name.
pub struct SealKey {
    id: [u8; KEY_ID_LENGTH],
    cipher: XChaCha20Poly1305,
}

impl SealKey {
    /// `purpose` separates keys derived from one setting (`"mail"`, `"totp"`).
    pub fn derive(secret: &[u8], purpose: &str) -> Self {
        let key = derived_key(secret, purpose);
        let digest = Sha256::digest(key);
        let mut id = [0u8; KEY_ID_LENGTH];
        id.copy_from_slice(&digest[..KEY_ID_LENGTH]);
        Self {
            id,
            cipher: XChaCha20Poly1305::new(&Key::from(key)),
        }
    }

    /// `context` must be given again to open: it ties the sealed bytes to their row.
    pub fn seal(&self, nonce: [u8; NONCE_LENGTH], context: &str, clear: &[u8]) -> Result<Vec<u8>, SealError> {
        let payload = Payload {
            msg: clear,
            aad: context.as_bytes(),
        };
        let body = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| SealError::Damaged)?;
        Ok([&[VERSION], &self.id[..], &nonce[..], &body].concat())
    }

    /// Opens with whichever of `keys` sealed it.
    pub fn open(keys: &[SealKey], context: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let rest = sealed.strip_prefix(&[VERSION]).ok_or(SealError::Damaged)?;
        let (id, rest) = rest.split_at_checked(KEY_ID_LENGTH).ok_or(SealError::Damaged)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Damaged)?;
        let key = keys.iter().find(|key| key.id == id).ok_or(SealError::UnknownKey)?;
        let payload = Payload {
            msg: body,
            aad: context.as_bytes(),
        };
        key.cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SealError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str) -> SealKey {
        SealKey::derive(secret.as_bytes(), "mail")
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_context() {
        let sealed = key("a").seal([9; 24], "mail:1", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(SealKey::open(&[key("a")], "mail:1", &sealed).unwrap(), b"secret");
    }

    #[test]
    fn the_previous_key_still_opens_and_a_stranger_does_not() {
        let sealed = key("old").seal([1; 24], "c", b"x").unwrap();
        assert_eq!(SealKey::open(&[key("new"), key("old")], "c", &sealed).unwrap(), b"x");
        assert_eq!(SealKey::open(&[key("new")], "c", &sealed), Err(SealError::UnknownKey));
    }

    #[test]
    fn another_row_s_context_or_a_flipped_bit_is_damage() {
        let mut sealed = key("a").seal([1; 24], "mail:1", b"x").unwrap();
        assert_eq!(SealKey::open(&[key("a")], "mail:2", &sealed), Err(SealError::Damaged));
        let last = sealed.len() - 1;
        sealed[last] ^= 1;
        assert_eq!(SealKey::open(&[key("a")], "mail:1", &sealed), Err(SealError::Damaged));
        assert_eq!(SealKey::open(&[key("a")], "mail:1", b""), Err(SealError::Damaged));
    }
}
