//! `allowed_outbound_hosts`: which hosts a component may call.
//!
//! An entry is `scheme://host[:port]`. Each part may be `*`. A host may be `*.domain`, an address, a network (`10.0.0.0/8`) or
//! `self`. A port may be a range (`8000..9000`). The default port is the scheme's.

use std::net::IpAddr;
use std::ops::Range;

use url::Host;

use crate::template::Template;
use crate::variables::Variables;

/// The domain of the application's components.
const INTERNAL_SUFFIX: &str = ".spin.internal";
/// The authority of calls to the application itself, for libraries that need an absolute URI.
pub const OWN_HOST: &str = "self.alt";

#[derive(Debug, Default)]
pub struct AllowedHosts(Vec<Entry>);

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    scheme: Option<String>,
    host: HostRule,
    port: PortRule,
}

#[derive(Clone, Debug, PartialEq)]
enum HostRule {
    Any,
    /// With its leading dot.
    Subdomains(String),
    /// The application itself.
    Own,
    Exactly(Host),
    Network(IpAddr, u8),
}

#[derive(Clone, Debug, PartialEq)]
enum PortRule {
    Any,
    Exactly(u16),
    Within(Range<u16>),
}

impl AllowedHosts {
    /// Parses the entries. Templates are resolved first; one that resolves to nothing is skipped: its endpoint is optional.
    pub fn parse(entries: &[String], variables: &Variables, components: &[String]) -> Result<Self, String> {
        let mut parsed = Vec::new();
        for text in entries {
            let template = Template::parse(text)?;
            let resolved = template
                .resolve(|name| variables.get(name))
                .map_err(|error| error.to_string())?;
            if !template.is_literal() && matches!(resolved.as_str(), "" | "http://" | "https://") {
                continue;
            }
            let entry = Entry::parse(&resolved)?;
            if entry.host == HostRule::Subdomains(INTERNAL_SUFFIX.into()) {
                parsed.extend(components.iter().map(|name| Entry {
                    host: HostRule::Exactly(Host::Domain(format!("{name}{INTERNAL_SUFFIX}"))),
                    ..entry.clone()
                }));
            } else {
                parsed.push(entry);
            }
        }
        Ok(Self(parsed))
    }

    /// Whether the component may call this address.
    pub fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let Ok(host) = Host::parse(host) else {
            return false;
        };
        let Some(port) = port.or_else(|| default_port(scheme)) else {
            return false;
        };
        self.0
            .iter()
            .any(|entry| entry.allows_scheme(scheme) && entry.host.allows(&host) && entry.port.allows(port))
    }

    /// Whether the component may call its own application.
    pub fn allows_own(&self) -> bool {
        self.0.iter().any(|entry| {
            (entry.allows_scheme("http") || entry.allows_scheme("https"))
                && matches!(entry.host, HostRule::Any | HostRule::Own)
        })
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        let problem = |what: &str| format!("{text:?}: {what}");
        let Some((scheme, rest)) = text.trim().split_once("://") else {
            return Err(problem("write it as `scheme://host[:port]`; each part may be `*`"));
        };
        // An IPv6 address contains colons.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if HostRule::parse(rest).is_err() => (host, port.strip_suffix('/').unwrap_or(port)),
            _ => (rest, ""),
        };
        let port = match port {
            "*" => PortRule::Any,
            "" => PortRule::Exactly(
                default_port(scheme).ok_or_else(|| problem("the scheme has no port of its own; name one"))?,
            ),
            port => {
                PortRule::parse(port).ok_or_else(|| problem("the port must be a number, a range `a..b`, or `*`"))?
            }
        };
        let scheme = match scheme {
            "*" => None,
            name if name.chars().all(char::is_alphabetic) && !name.is_empty() => Some(name.to_owned()),
            _ => return Err(problem("a scheme has letters only")),
        };
        Ok(Self {
            scheme,
            host: HostRule::parse(host).map_err(|what| problem(&what))?,
            port,
        })
    }

    fn allows_scheme(&self, scheme: &str) -> bool {
        self.scheme.as_deref().is_none_or(|own| own == scheme)
    }
}

impl HostRule {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text {
            "*" => return Ok(Self::Any),
            "self" | "self.alt" => return Ok(Self::Own),
            _ => {}
        }
        if let Some((address, bits)) = text.split_once('/')
            && let (Ok(address), Ok(bits)) = (address.parse::<IpAddr>(), bits.parse::<u8>())
        {
            let most = if address.is_ipv4() { 32 } else { 128 };
            return if bits <= most {
                Ok(Self::Network(address, bits))
            } else {
                Err(format!("a network mask has at most {most} bits"))
            };
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Exactly(match address {
                IpAddr::V4(v4) => Host::Ipv4(v4),
                IpAddr::V6(v6) => Host::Ipv6(v6),
            }));
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.contains('/') {
            return Err("a path is not possible here".into());
        }
        let parse = |host: &str| Host::parse(host).map_err(|e| format!("{host:?}: {e}"));
        if let Some(domain) = text.strip_prefix("*.") {
            return match parse(domain)? {
                Host::Domain(domain) if !domain.contains('*') => Ok(Self::Subdomains(format!(".{domain}"))),
                _ => Err("behind `*.` must be a domain".into()),
            };
        }
        if text.contains('*') {
            return Err("`*` is possible as the whole host or as its first part".into());
        }
        parse(text).map(Self::Exactly)
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Subdomains(suffix), Host::Domain(domain)) => domain.ends_with(suffix.as_str()),
            (Self::Exactly(own), host) => own == host,
            (Self::Network(IpAddr::V4(net), bits), Host::Ipv4(ip)) => {
                u32::from(*net).checked_shr(32 - u32::from(*bits)).unwrap_or(0)
                    == u32::from(*ip).checked_shr(32 - u32::from(*bits)).unwrap_or(0)
            }
            (Self::Network(IpAddr::V6(net), bits), Host::Ipv6(ip)) => {
                u128::from(*net).checked_shr(128 - u32::from(*bits)).unwrap_or(0)
                    == u128::from(*ip).checked_shr(128 - u32::from(*bits)).unwrap_or(0)
            }
            _ => false,
        }
    }
}

impl PortRule {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once("..") {
            Some((from, to)) => Some(Self::Within(from.parse().ok()?..to.parse().ok()?)),
            None => text.parse().ok().map(Self::Exactly),
        }
    }

    fn allows(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(own) => *own == port,
            Self::Within(range) => range.contains(&port),
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" => 80,
        "https" => 443,
        "postgres" => 5432,
        "mysql" => 3306,
        "redis" => 6379,
        "mqtt" => 1883,
        _ => return None,
    })
}

/// The component that a host of the domain `spin.internal` names.
pub fn internal_target(host: &str) -> Option<&str> {
    let (name, rest) = host.split_once('.')?;
    (rest == &INTERNAL_SUFFIX[1..]).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(entries: &[&str]) -> AllowedHosts {
        let entries: Vec<String> = entries.iter().map(|e| (*e).to_owned()).collect();
        let components = ["api".to_owned(), "mailer".to_owned()];
        AllowedHosts::parse(&entries, &Variables::default(), &components).unwrap()
    }

    #[track_caller]
    fn assert_allows(entry: &str, scheme: &str, host: &str, port: Option<u16>, expected: bool) {
        let allowed = hosts(&[entry]).allows(scheme, host, port);
        assert_eq!(allowed, expected, "{entry} ~ {scheme}://{host}:{port:?}");
    }

    #[test]
    fn scheme_host_and_port_must_all_match() {
        assert_allows("https://example.com", "https", "example.com", None, true);
        assert_allows("https://example.com", "https", "example.com", Some(443), true);
        assert_allows("https://example.com", "http", "example.com", None, false);
        assert_allows("https://example.com", "https", "example.com", Some(8443), false);
        assert_allows("https://example.com", "https", "evil.com", None, false);
        assert_allows("http://127.0.0.1:*", "http", "127.0.0.1", Some(9), true);
        assert_allows("http://127.0.0.1:8000..8010", "http", "127.0.0.1", Some(8010), false);
        assert_allows("*://*:*", "https", "anything.test", None, true);
    }

    #[test]
    fn a_subdomain_wildcard_needs_a_subdomain() {
        assert_allows("https://*.example.com:443", "https", "a.example.com", None, true);
        assert_allows("https://*.example.com:443", "https", "a.b.example.com", None, true);
        assert_allows("https://*.example.com:443", "https", "example.com", None, false);
        assert_allows("https://*.example.com:443", "https", "badexample.com", None, false);
    }

    #[test]
    fn networks_and_addresses_of_both_versions_work() {
        assert_allows("http://10.0.0.0/8:80", "http", "10.9.8.7", None, true);
        assert_allows("http://10.0.0.0/8:80", "http", "11.9.8.7", None, false);
        assert_allows("http://0.0.0.0/0:80", "http", "11.9.8.7", None, true);
        assert_allows("http://[::1]:81", "http", "[::1]", Some(81), true);
        assert_allows("http://[::1]", "http", "[::1]", None, true);
    }

    #[test]
    fn only_self_and_a_full_wildcard_reach_the_application_itself() {
        assert!(hosts(&["http://self"]).allows_own());
        assert!(hosts(&["https://self.alt"]).allows_own());
        assert!(hosts(&["*://*:*"]).allows_own());
        assert!(!hosts(&["http://example.com"]).allows_own());
        assert!(!hosts(&["http://self"]).allows("http", "example.com", None));
    }

    #[test]
    fn the_internal_wildcard_covers_the_applications_components_only() {
        let allowed = hosts(&["http://*.spin.internal"]);
        assert!(allowed.allows("http", "api.spin.internal", None));
        assert!(!allowed.allows("http", "other.spin.internal", None));
    }

    #[test]
    fn ambiguous_entries_are_refused() {
        for bad in [
            "*",
            "example.com",
            "https://example.com/path",
            "tcp://x",
            "https://a.*.com",
            "",
        ] {
            assert!(Entry::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_component_is_read_from_an_internal_host() {
        assert_eq!(internal_target("api.spin.internal"), Some("api"));
        assert_eq!(internal_target("a.b.spin.internal"), None);
        assert_eq!(internal_target("example.com"), None);
    }
}
