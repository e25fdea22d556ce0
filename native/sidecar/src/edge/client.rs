//! Who is calling, and under which request id.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use nexus_domain::settings::Networks;
use nexus_protocol::edge::is_request_id;
use uuid::Uuid;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The caller of one request, as far as the edge knows it. Sockets find it in the extensions of
/// their upgrade request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub address: IpAddr,
    /// Of the connection, which may be a proxy's.
    pub port: u16,
    pub request_id: String,
}

impl Caller {
    pub fn of(headers: &HeaderMap, peer: SocketAddr, proxies: &Networks) -> Self {
        Self {
            address: address(headers, peer.ip(), proxies),
            port: peer.port(),
            request_id: request_id(headers),
        }
    }

    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

/// The last address in `X-Forwarded-For` that isn't one of our proxies: everything left of it was
/// written by somebody we have no reason to believe.
fn address(headers: &HeaderMap, peer: IpAddr, proxies: &Networks) -> IpAddr {
    let mut nearest = peer.to_canonical();
    let hops: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in hops.into_iter().rev() {
        if !proxies.contains(nearest) {
            break;
        }
        let Some(address) = hop_address(hop.trim()) else {
            break;
        };
        nearest = address;
    }
    nearest
}

/// Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
fn hop_address(hop: &str) -> Option<IpAddr> {
    hop.parse::<IpAddr>()
        .or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_request_id(id))
        .map(str::to_owned)
        .unwrap_or_else(|| Uuid::now_v7().to_string())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use nexus_domain::settings::TRUSTED_PROXIES;

    use super::*;

    fn caller(forwarded: &'static str, peer: &str, proxies: &str) -> IpAddr {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static(forwarded));
        let proxies = TRUSTED_PROXIES.parse(proxies).expect("networks");
        Caller::of(&headers, peer.parse().expect("a socket address"), &proxies).address
    }

    #[test]
    fn without_trusted_proxies_the_header_is_ignored() {
        assert_eq!(caller("1.2.3.4", "9.9.9.9:1", "").to_string(), "9.9.9.9");
    }

    #[test]
    fn the_nearest_address_that_is_no_proxy_is_the_caller() {
        let forged = "6.6.6.6, 1.2.3.4, 10.0.0.2";
        assert_eq!(caller(forged, "10.0.0.1:1", "10.0.0.0/8").to_string(), "1.2.3.4");
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_search() {
        assert_eq!(
            caller("1.2.3.4, unknown", "10.0.0.1:1", "10.0.0.0/8").to_string(),
            "10.0.0.1"
        );
        assert_eq!(caller("1.2.3.4:80", "10.0.0.1:1", "10.0.0.0/8").to_string(), "1.2.3.4");
    }

    #[test]
    fn an_ipv4_caller_on_an_ipv6_socket_is_an_ipv4_caller() {
        assert_eq!(caller("", "[::ffff:127.0.0.1]:1", "").to_string(), "127.0.0.1");
    }

    #[test]
    fn a_request_id_is_taken_when_it_has_the_right_form() {
        for (id, taken) in [("abcDEF_1-", true), ("short", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(id));
            assert_eq!(request_id(&headers) == id, taken, "{id}");
        }
        assert_eq!(request_id(&HeaderMap::new()).len(), 36);
    }
}
