//! What settings are made of, and how each kind is read from text.
//!
//! The errors here are the second half of a sentence that begins with the setting's name.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::Secret;
use crate::Role;

/// Which rules apply to weak secrets and development aids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    Development,
    Production,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTransport {
    /// Mails stay in the development mailbox.
    Dev,
    /// Mails go through the transport component bound in `spin.toml`.
    Sendgrid,
}

/// Whether registering with a taken address says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    Open,
    Hidden,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordHash {
    Bcrypt,
    Argon2id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobStore {
    KeyValue,
    S3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Pretty,
}

/// So many in so long: `10/10s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub count: u32,
    pub per: Duration,
}

/// Addresses and networks, as `127.0.0.1, 10.0.0.0/8, ::1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// An IPv4 address that arrives over an IPv6 socket (`::ffff:a.b.c.d`) is that IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Scheme, host and port of a web page, as browsers send it in `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(String);

impl WebOrigin {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host's name or address, without scheme and port.
    pub fn host(&self) -> &str {
        host_of(&self.0)
    }
}

pub(super) fn text(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("contains a control character".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn optional<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, String> {
    if text.is_empty() {
        Ok(None)
    } else {
        parse(text).map(Some)
    }
}

pub(super) fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

pub(super) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            format!("`{text}` is none of {}", names.join(", "))
        })
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    choice(text, &[("true", true), ("false", false), ("1", true), ("0", false)])
        .map_err(|_| format!("`{text}` is neither true nor false"))
}

pub(super) fn number<T>(text: &str, least: T, most: T) -> Result<T, String>
where
    T: FromStr + PartialOrd + std::fmt::Display,
{
    text.parse()
        .ok()
        .filter(|value| *value >= least && *value <= most)
        .ok_or_else(|| format!("`{text}` is not a whole number from {least} to {most}"))
}

/// `15m`, `7d`, `500ms`: a whole number and its unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let problem = || format!("`{text}` is not a duration: a whole number with ms, s, m, h or d");
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = text.split_at(digits);
    let count: u64 = count.parse().map_err(|_| problem())?;
    let milliseconds_per_unit: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(problem()),
    };
    // Ten years is more than any of the settings can mean, and keeps every sum in range.
    count
        .checked_mul(milliseconds_per_unit)
        .filter(|milliseconds| *milliseconds <= 10 * 366 * 86_400_000)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is longer than ten years"))
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    let value = duration(text)?;
    if value.is_zero() {
        return Err("must be longer than nothing".to_owned());
    }
    Ok(value)
}

/// Seconds where the seeds wrote a bare number (`THROTTLE_TTL=60`), or a duration with its unit.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    if text.chars().all(|c| c.is_ascii_digit()) {
        positive_duration(&format!("{text}s")).map_err(|_| format!("`{text}` is not a number of seconds"))
    } else {
        positive_duration(text)
    }
}

pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let problem = || format!("`{text}` is not a rate: a number, a slash and a duration");
    let (count, per) = text.split_once('/').ok_or_else(problem)?;
    Ok(Rate {
        count: number(count.trim(), 1, 1_000_000).map_err(|_| problem())?,
        per: positive_duration(per.trim()).map_err(|_| problem())?,
    })
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

pub(super) fn networks(text: &str) -> Result<Networks, String> {
    items(text)
        .map(|item| {
            item.parse::<IpNet>()
                .or_else(|_| item.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| format!("`{item}` is neither an address nor a network such as 10.0.0.0/8"))
        })
        .collect::<Result<_, _>>()
        .map(Networks)
}

pub(super) fn roles(text: &str) -> Result<Vec<Role>, String> {
    items(text)
        .map(|item| {
            item.parse()
                .map_err(|_| format!("`{item}` is no role: {}", Role::ALL.map(Role::as_str).join(", ")))
        })
        .collect()
}

/// An absolute URL of one of the schemes, without credentials in it. Kept as it was written, less
/// a slash at its end.
fn url(text: &str, schemes: &[&str]) -> Result<String, String> {
    let problem = || format!("`{text}` is not a URL that begins with {}", schemes.join(" or "));
    let (scheme, rest) = text.split_once("://").ok_or_else(problem)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // Redis URLs carry a password, and often no user name: `:password@host`.
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let known = schemes.iter().any(|known| known.strip_suffix("://") == Some(scheme));
    if !known || !clean || host.is_empty() || host.starts_with(':') {
        return Err(problem());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

pub(super) fn web_url(text: &str) -> Result<String, String> {
    let url = url(text, &["http://", "https://"])?;
    if url.contains('@') {
        return Err("must not carry credentials".to_owned());
    }
    Ok(url)
}

pub(super) fn redis_url(text: &str) -> Result<String, String> {
    url(text, &["redis://", "rediss://"])
}

/// The first of them is where links in mails lead.
/// The host of an origin.
pub fn host_of(origin: &str) -> &str {
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// A name, not an address: what browsers bind passkeys to.
pub fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(label) && text.parse::<std::net::IpAddr>().is_err()
}

pub(super) fn domain(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    if is_domain(&text) {
        Ok(text)
    } else {
        Err(format!("`{text}` is not a domain"))
    }
}

pub(super) fn web_origins(text: &str) -> Result<Vec<WebOrigin>, String> {
    let origins: Vec<_> = items(text)
        .map(|item| {
            let url = web_url(item)?;
            let after_scheme = url.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
            if after_scheme.contains(['/', '?', '#']) {
                return Err(format!("`{item}` has a path; an origin is only scheme, host and port"));
            }
            Ok(WebOrigin(url.to_ascii_lowercase()))
        })
        .collect::<Result<_, _>>()?;
    if origins.is_empty() {
        return Err("names no origin".to_owned());
    }
    Ok(origins)
}
