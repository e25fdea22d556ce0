//! The signatures by which the native side and the components know each other.
//!
//! `X-Nexus-Signature: t=<unix>,v1=<hex hmac-sha256(secret, "<t>.<METHOD>.<path?query>.<sha256 body hex>")>`
//! signs a whole request. `X-Nexus-Client` names the caller of a request that the edge passes on; it
//! signs the request line and the caller but not the body, so that uploads can stream.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// How far a signature's clock may be off, either way.
pub const TOLERANCE_SECONDS: i64 = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    #[error("the signature header is not of the form t=…,v1=…")]
    Malformed,
    #[error("the signature's time is more than 30 s off")]
    Stale,
    #[error("the signature does not fit the request")]
    Mismatch,
}

/// The value of `X-Nexus-Signature` for a request.
pub fn sign_request(secret: &[u8], now: i64, method: &str, path_and_query: &str, body: &[u8]) -> String {
    let mac = request_mac(secret, now, method, path_and_query, body);
    format!("t={now},v1={}", hex::encode(mac.finalize().into_bytes()))
}

/// Checks `X-Nexus-Signature` against each secret that is valid now (two while one is being replaced).
pub fn verify_request(
    secrets: &[&[u8]],
    header: &str,
    now: i64,
    method: &str,
    path_and_query: &str,
    body: &[u8],
) -> Result<(), SignatureError> {
    let [signed_at, signature] = fields(header, ["t", "v1"])?;
    let signed_at = fresh(signed_at, now)?;
    matches_any(secrets, signature, |secret| {
        request_mac(secret, signed_at, method, path_and_query, body)
    })
}

/// Who is calling, as the edge saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub address: String,
    pub request_id: String,
}

/// The value of `X-Nexus-Client` for a request that the edge passes on.
pub fn client_header(
    secret: &[u8],
    now: i64,
    method: &str,
    path_and_query: &str,
    address: &str,
    request_id: &str,
) -> String {
    let mac = client_mac(secret, now, method, path_and_query, address, request_id);
    format!(
        "t={now},addr={address},rid={request_id},v1={}",
        hex::encode(mac.finalize().into_bytes())
    )
}

/// Checks `X-Nexus-Client` and says who is calling.
pub fn verify_client_header(
    secrets: &[&[u8]],
    header: &str,
    now: i64,
    method: &str,
    path_and_query: &str,
) -> Result<Client, SignatureError> {
    let [signed_at, address, request_id, signature] = fields(header, ["t", "addr", "rid", "v1"])?;
    let signed_at = fresh(signed_at, now)?;
    matches_any(secrets, signature, |secret| {
        client_mac(secret, signed_at, method, path_and_query, address, request_id)
    })?;
    Ok(Client {
        address: address.to_owned(),
        request_id: request_id.to_owned(),
    })
}

type HmacSha256 = Hmac<Sha256>;

fn keyed(secret: &[u8]) -> HmacSha256 {
    // HMAC takes keys of any length; the error of `new_from_slice` can't occur for it.
    #[allow(clippy::expect_used)]
    HmacSha256::new_from_slice(secret).expect("HMAC takes a key of any length")
}

fn request_mac(secret: &[u8], at: i64, method: &str, path_and_query: &str, body: &[u8]) -> HmacSha256 {
    let digest = hex::encode(Sha256::digest(body));
    let mut mac = keyed(secret);
    mac.update(format!("{at}.{method}.{path_and_query}.{digest}").as_bytes());
    mac
}

fn client_mac(
    secret: &[u8],
    at: i64,
    method: &str,
    path_and_query: &str,
    address: &str,
    request_id: &str,
) -> HmacSha256 {
    let mut mac = keyed(secret);
    // A prefix of its own, so that neither kind of signature can pass for the other.
    mac.update(format!("client.{at}.{method}.{path_and_query}.{address}.{request_id}").as_bytes());
    mac
}

fn fields<'a, const N: usize>(header: &'a str, names: [&str; N]) -> Result<[&'a str; N], SignatureError> {
    let mut parts = header.split(',');
    let mut found = [""; N];
    for (slot, name) in found.iter_mut().zip(names) {
        *slot = parts
            .next()
            .and_then(|part| part.strip_prefix(name))
            .and_then(|rest| rest.strip_prefix('='))
            .ok_or(SignatureError::Malformed)?;
    }
    if parts.next().is_some() {
        return Err(SignatureError::Malformed);
    }
    Ok(found)
}

fn fresh(signed_at: &str, now: i64) -> Result<i64, SignatureError> {
    let at: i64 = signed_at.parse().map_err(|_| SignatureError::Malformed)?;
    if now.abs_diff(at) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(SignatureError::Stale);
    }
    Ok(at)
}

fn matches_any(secrets: &[&[u8]], signature: &str, mac: impl Fn(&[u8]) -> HmacSha256) -> Result<(), SignatureError> {
    let given = hex::decode(signature).map_err(|_| SignatureError::Malformed)?;
    // `verify_slice` compares in constant time.
    if secrets.iter().any(|secret| mac(secret).verify_slice(&given).is_ok()) {
        Ok(())
    } else {
        Err(SignatureError::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"an internal secret of at least thirty-two bytes";

    #[test]
    fn a_signed_request_verifies_and_any_change_is_seen() {
        let header = sign_request(SECRET, 100, "POST", "/internal/x?y=1", b"{}");
        let check = |now, method, path, body: &[u8]| verify_request(&[SECRET], &header, now, method, path, body);
        assert_eq!(check(130, "POST", "/internal/x?y=1", b"{}"), Ok(()));
        assert_eq!(check(131, "POST", "/internal/x?y=1", b"{}"), Err(SignatureError::Stale));
        assert_eq!(
            check(100, "GET", "/internal/x?y=1", b"{}"),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(check(100, "POST", "/internal/x", b"{}"), Err(SignatureError::Mismatch));
        assert_eq!(
            check(100, "POST", "/internal/x?y=1", b"{ }"),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn either_of_two_secrets_is_good_while_one_is_replaced() {
        let header = sign_request(SECRET, 100, "POST", "/", b"");
        assert_eq!(
            verify_request(&[b"the new one", SECRET], &header, 100, "POST", "/", b""),
            Ok(())
        );
        assert_eq!(
            verify_request(&[b"the new one"], &header, 100, "POST", "/", b""),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn the_client_header_names_the_caller() {
        let header = client_header(SECRET, 7, "GET", "/a", "2001:db8::1", "req-12345678");
        let client = verify_client_header(&[SECRET], &header, 7, "GET", "/a");
        assert_eq!(
            client,
            Ok(Client {
                address: "2001:db8::1".into(),
                request_id: "req-12345678".into()
            })
        );
        assert!(verify_client_header(&[SECRET], &header, 7, "GET", "/b").is_err());
    }

    #[test]
    fn garbage_is_malformed_and_nothing_worse() {
        for header in ["", "t=1", "t=x,v1=00", "v1=00,t=1", "t=1,v1=zz", "t=1,v1=00,v1=00"] {
            assert_eq!(
                verify_request(&[SECRET], header, 1, "GET", "/", b""),
                Err(SignatureError::Malformed),
                "{header}"
            );
        }
    }
}
