//! Passkeys: what they are called, and to which pages they belong. The ceremonies are the identity component's.

use crate::field_types::{name, text_type};
use crate::settings::{WebOrigin, host_of, is_domain};

text_type! {
    /// What somebody calls a passkey: "my phone".
    PasskeyName: 1..=60, name;
}

/// More than anybody has devices; an upper bound for what a sign-in reads.
pub const MAX_PER_PERSON: usize = 20;

/// The relying party of WebAuthn: the domain that passkeys are bound to, and the pages that may ask for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    pub domain: String,
    pub origins: Vec<String>,
}

impl RelyingParty {
    /// `configured`: the setting; else the domain of the first frontend counts. `own`: the origin under which the request
    /// reached us, as the console is served from here. `None`: the pages have an address but no domain.
    pub fn of(configured: Option<&str>, frontends: &[WebOrigin], own: Option<&str>) -> Option<Self> {
        let domain = configured.or_else(|| frontends.first().map(WebOrigin::host))?;
        if !is_domain(domain) {
            return None;
        }
        let mut origins: Vec<String> = Vec::new();
        for origin in frontends.iter().map(WebOrigin::as_str).chain(own) {
            if belongs_to(host_of(origin), domain) && !origins.iter().any(|known| known == origin) {
                origins.push(origin.to_owned());
            }
        }
        (!origins.is_empty()).then(|| Self {
            domain: domain.to_owned(),
            origins,
        })
    }
}

/// Whether a page of `host` may use passkeys of `domain`: it is that domain or one below it.
fn belongs_to(host: &str, domain: &str) -> bool {
    host == domain || host.strip_suffix(domain).is_some_and(|above| above.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::FRONTEND_URL;

    fn frontends(text: &str) -> Vec<WebOrigin> {
        FRONTEND_URL.parse(text).unwrap()
    }

    #[test]
    fn passkeys_belong_to_the_first_frontend_s_domain_unless_one_is_set() {
        let pages = frontends("https://app.example.com, https://example.org");
        let party = RelyingParty::of(None, &pages, Some("https://api.example.com")).unwrap();
        assert_eq!(party.domain, "app.example.com");
        assert_eq!(party.origins, ["https://app.example.com"]);
        let wider = RelyingParty::of(Some("example.com"), &pages, Some("https://api.example.com")).unwrap();
        assert_eq!(wider.origins, ["https://app.example.com", "https://api.example.com"]);
    }

    #[test]
    fn a_domain_that_only_ends_alike_is_another() {
        let pages = frontends("https://evilexample.com");
        assert_eq!(RelyingParty::of(Some("example.com"), &pages, None), None);
    }

    #[test]
    fn without_a_domain_there_are_no_passkeys() {
        assert_eq!(RelyingParty::of(None, &frontends("http://127.0.0.1:3000"), None), None);
        assert_eq!(RelyingParty::of(None, &frontends("http://[::1]:3000"), None), None);
        let local = RelyingParty::of(None, &frontends("http://localhost:3000"), Some("http://localhost:8080")).unwrap();
        assert_eq!(local.origins.len(), 2, "the console on another port");
    }
}
