//! What the edge decides of a request before a component sees it, and what it adds to every answer. Components go by the
//! same rules where they are called without an edge (plain `spin up`).

use std::net::IpAddr;

/// Base path of the HTTP contract.
pub const API: &str = "/api/v1";

/// What every answer says, as Helmet would (docs/security.md), unless it says otherwise itself.
pub const SECURITY_HEADERS: [(&str, &str); 12] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-xss-protection", "0"),
    ("x-permitted-cross-domain-policies", "none"),
    ("origin-agent-cluster", "?1"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
];

/// `Strict-Transport-Security` that lets browsers' makers put the domain on their lists (`HSTS_PRELOAD`).
pub const HSTS_WITH_PRELOAD: &str = "max-age=31536000; includeSubDomains; preload";

/// Whether the path is `prefix` or below it.
pub fn is_under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub fn is_admin(path: &str) -> bool {
    is_under(path, "/api/v1/admin")
}

pub fn is_socket(path: &str) -> bool {
    is_under(path, "/socket.io") || path == "/ws"
}

/// Calls between our own parts, which prove themselves by a signature.
pub fn is_internal(path: &str) -> bool {
    is_under(path, "/internal") || is_under(path, "/relay")
}

/// Whether the request limit counts it. Monitoring must see a system that is under load; sockets have limits of their
/// own; reading the console's files costs next to nothing and one page needs dozens.
pub fn is_throttled(method: &str, path: &str) -> bool {
    let watched = is_under(path, "/api/v1/health") || matches!(path, "/api/v1/metrics" | "/api/v1/openapi.json");
    let is_file = matches!(method, "GET" | "HEAD") && !is_under(path, "/api");
    !(watched || is_socket(path) || is_internal(path) || is_file)
}

/// Whose requests the limit counts together: one subscriber usually has a whole IPv6 /64.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & (u128::MAX << 64)).into()),
        v4 => v4,
    }
}

/// Whether a caller's `X-Request-Id` is taken over, for logs and answers.
pub fn is_request_id(given: &str) -> bool {
    (8..=64).contains(&given.len())
        && given
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_metrics_sockets_and_files_are_not_throttled() {
        for (method, path, throttled) in [
            ("GET", "/api/v1/health/ready", false),
            ("GET", "/api/v1/metrics", false),
            ("GET", "/api/v1/openapi.json", false),
            ("POST", "/internal/chat/batch", false),
            ("GET", "/socket.io/", false),
            ("GET", "/assets/app.js", false),
            ("POST", "/assets/app.js", true),
            ("GET", "/api/v1/healthy", true),
            ("GET", "/api/v1/chats", true),
        ] {
            assert_eq!(is_throttled(method, path), throttled, "{method} {path}");
        }
    }

    #[test]
    fn administration_is_a_segment_of_the_path() {
        assert!(is_admin("/api/v1/admin") && is_admin("/api/v1/admin/users"));
        assert!(!is_admin("/api/v1/administrators"));
    }

    #[test]
    fn a_subscriber_is_an_ipv4_address_or_half_of_an_ipv6_one() {
        for (address, subscriber_of_it) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::"),
            ("2001:db8:0:1::3", "2001:db8:0:1::"),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(subscriber(address).to_string(), subscriber_of_it, "{address}");
        }
    }

    #[test]
    fn a_request_id_is_short_plain_and_not_too_short() {
        for (id, taken) in [
            ("abcDEF_1-", true),
            ("short", false),
            ("has space in it", false),
            ("a23456789", true),
        ] {
            assert_eq!(is_request_id(id), taken, "{id}");
        }
    }
}
