//! Hashes that can't be tried out without a secret of ours: for codes too short to withstand guessing by
//! whoever has read the database, and for values that are derived instead of stored.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// HKDF-SHA-256 (RFC 5869) of a setting, for one purpose.
pub(crate) fn derived_key(secret: &[u8], purpose: &str) -> [u8; 32] {
    let mut key = [0; 32];
    // 32 bytes are far below HKDF's limit of 255 blocks.
    #[allow(clippy::expect_used)]
    Hkdf::<Sha256>::new(None, secret)
        .expand(purpose.as_bytes(), &mut key)
        .expect("32 bytes can be expanded");
    key
}

/// HMAC-SHA-256 under a key derived from a setting for one purpose.
#[derive(Clone)]
pub struct HashKey([u8; 32]);

impl HashKey {
    pub fn derive(secret: &[u8], purpose: &str) -> Self {
        Self(derived_key(secret, purpose))
    }

    /// Each part goes in with its length before it, so that no two lists of parts share a hash.
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of any length; the error can't occur.
        #[allow(clippy::expect_used)]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Whether one of the keys (the present and the previous one) gives this hash; in constant time.
pub fn fits_any(keys: &[HashKey], parts: &[&[u8]], given: &[u8]) -> bool {
    keys.iter().any(|key| bool::from(key.hash(parts).ct_eq(given)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_key_purpose_and_parts_only() {
        let key = HashKey::derive(b"secret", "otp");
        let hash = key.hash(&[b"ab", b"c"]);
        let old_and_new = [HashKey::derive(b"newer", "otp"), key.clone()];
        assert!(fits_any(&old_and_new, &[b"ab", b"c"], &hash));
        assert!(!fits_any(&[key], &[b"a", b"bc"], &hash));
        assert!(!fits_any(&[HashKey::derive(b"secret", "csrf")], &[b"ab", b"c"], &hash));
    }
}
