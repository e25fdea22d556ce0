//! Time-based one-time passwords (RFC 6238 over RFC 4226), as authenticator apps compute them, and the
//! recovery codes for when the app is gone.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Timestamp;
use crate::text::typed_code;

/// RFC 4226 §4 R6 recommends 160 bits.
pub const SECRET_LENGTH: usize = 20;
const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;
/// One step of clock drift either way (RFC 6238 §5.2).
const DRIFT: i64 = 1;

pub const RECOVERY_CODES: usize = 10;
/// 120 random bits: too many to guess from a plain hash.
pub const RECOVERY_CODE_BYTES: usize = 15;

/// The step to which `code` belongs, if that is the present one or next to it.
///
/// The caller remembers it and takes no code of that step or an earlier one again (RFC 6238 §5.2).
pub fn matching_step(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let present = now.as_seconds().div_euclid(STEP_SECONDS);
    let mut found = None;
    // All are compared, so that the time tells nothing.
    for step in present - DRIFT..=present + DRIFT {
        if bool::from(code_at(secret, step).as_bytes().ct_eq(code.as_bytes())) {
            found = Some(step);
        }
    }
    found
}

/// The code of one 30-second step.
pub fn code_at(secret: &[u8], step: i64) -> String {
    // HMAC takes keys of any length; the error can't occur.
    #[allow(clippy::expect_used)]
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(&step.to_be_bytes());
    let hash: [u8; 20] = mac.finalize().into_bytes().into();
    // Dynamic truncation, RFC 4226 §5.3.
    let offset = usize::from(hash[19] & 0x0f);
    let word = u32::from_be_bytes([
        hash[offset] & 0x7f,
        hash[offset + 1],
        hash[offset + 2],
        hash[offset + 3],
    ]);
    format!("{:0width$}", word % 10_u32.pow(DIGITS as u32), width = DIGITS)
}

/// What an authenticator app reads from the QR code.
pub fn otpauth_url(secret: &[u8], issuer: &str, account: &str) -> String {
    let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
    format!(
        "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}",
        base32(secret)
    )
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// RFC 4648 §6, without padding: what authenticator apps take by hand.
pub fn base32(bytes: &[u8]) -> String {
    const ALPHABET: [u8; 32] = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(char::from(ALPHABET[(bits >> count) as usize & 31]));
        }
    }
    if count > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - count)) as usize & 31]));
    }
    text
}

/// A recovery code as it is shown, once: four groups of six letters and digits.
pub fn recovery_code(random: [u8; RECOVERY_CODE_BYTES]) -> String {
    let text = base32(&random);
    let groups: Vec<&str> = [0..6, 6..12, 12..18, 18..24]
        .map(|range| text.get(range).unwrap_or_default())
        .into();
    groups.join("-")
}

/// What is kept of a recovery code. Case, spaces and dashes don't matter.
pub fn recovery_code_hash(code: &str) -> String {
    let plain: String = typed_code(code)
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect();
    hex::encode(Sha256::digest(plain.as_bytes()))
}

/// What was given as the second factor as an app's code, if it has the form of one; else it is a recovery code.
pub fn app_code(given: &str) -> Option<String> {
    let code = typed_code(given);
    (code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit())).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_codes_are_those_of_rfc_6238_appendix_b() {
        // Its vectors have eight digits; ours are their last six.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SECRET, seconds / 30), code);
        }
    }

    #[test]
    fn the_step_before_and_after_are_taken_and_no_other() {
        let now = Timestamp::from_millis(1_111_111_109_000);
        let present = 1_111_111_109 / 30;
        for drift in -3..=3 {
            let matched = matching_step(SECRET, &code_at(SECRET, present + drift), now);
            assert_eq!(matched, (drift.abs() <= 1).then_some(present + drift));
        }
    }

    #[test]
    fn base32_is_rfc_4648_s() {
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(base32(SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn the_url_carries_secret_issuer_and_account() {
        assert_eq!(
            otpauth_url(b"foobar", "My House", "ana@example.org"),
            "otpauth://totp/My%20House:ana%40example.org?secret=MZXW6YTBOI&issuer=My%20House&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn a_recovery_code_is_known_again_however_it_is_typed() {
        let code = recovery_code([0xa5; RECOVERY_CODE_BYTES]);
        assert_eq!(code.len(), 27);
        assert_eq!(
            recovery_code_hash(&code),
            recovery_code_hash(&code.to_lowercase().replace('-', " "))
        );
        assert_eq!(recovery_code_hash("ABC234-"), recovery_code_hash("ａｂｃ٢٣٤"));
        assert_eq!(app_code(&code), None);
        for typed in ["012345", " 012 345", "٠١٢٣٤٥", "۰۱۲-۳۴۵"] {
            assert_eq!(app_code(typed).as_deref(), Some("012345"), "{typed}");
        }
    }
}
