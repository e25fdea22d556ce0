//! Every setting of the product, in one registry: its name, its default, what a value may look like.
//!
//! `nexus` reads them from the environment or `.env` and hands them to the components as Spin
//! variables of the same names in lower case; the components parse those with the same functions.
//! So a value that `nexus` accepts can't be refused later by a component, and `.env.example` is
//! rendered from here.

mod registry;
mod secret;
mod values;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use thiserror::Error;

pub use registry::*;
pub use secret::{Secret, SecretWeakness};
pub use values::{
    BlobStore, Disclosure, Environment, LogFormat, MailTransport, Networks, PasswordHash, Rate, WebOrigin, duration,
    host_of, is_domain,
};

/// One setting: how it is called, what it means, and how its text becomes a `T`.
pub struct Setting<T: 'static> {
    /// As in the environment; the Spin variable has the same name in lower case.
    pub name: &'static str,
    /// Older spellings that are still read when the name itself is not set.
    pub aliases: &'static [&'static str],
    /// `None`: there is no default, it must be given (only secrets). An empty default means "not set".
    pub default: Option<&'static str>,
    pub secret: bool,
    pub section: Section,
    pub doc: &'static str,
    pub example: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

/// The headings of `.env.example` and of `nexus config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    Serving,
    Secrets,
    Sessions,
    Mail,
    Limits,
    Storage,
    Realtime,
    Branding,
    Observing,
}

impl Section {
    const fn title(self) -> &'static str {
        match self {
            Section::Serving => "Serving",
            Section::Secrets => {
                "Secrets (any strings of at least 32 bytes; made and kept by `nexus serve` in development on loopback)"
            }
            Section::Sessions => "Sessions and accounts",
            Section::Mail => "Mail",
            Section::Limits => "Limits and access",
            Section::Storage => "Storage",
            Section::Realtime => "Realtime",
            Section::Branding => "Branding",
            Section::Observing => "Logs, metrics, traces",
        }
    }
}

/// Why a setting can't be used, in words for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name}: {problem} (for example {name}={example})")]
pub struct SettingError {
    pub name: &'static str,
    pub problem: String,
    pub example: &'static str,
}

impl<T> Setting<T> {
    /// The value of this text. An empty text stands for the default, as an unset variable does.
    pub fn parse(&self, text: &str) -> Result<T, SettingError> {
        let text = text.trim();
        let text = match (text.is_empty(), self.default) {
            (false, _) => text,
            (true, Some(default)) => default,
            (true, None) => return Err(self.error("is not set".to_owned())),
        };
        (self.parse)(text).map_err(|problem| self.error(problem))
    }

    /// Looks the setting up under its environment name, then its older spellings.
    pub fn read(&self, lookup: impl Fn(&str) -> Option<String>) -> Result<T, SettingError> {
        self.parse(&self.text(lookup).unwrap_or_default())
    }

    /// The name of the Spin variable that carries this setting into the components.
    pub fn variable(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    fn text(&self, lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
        std::iter::once(&self.name)
            .chain(self.aliases)
            .filter_map(|name| lookup(name))
            .find(|text| !text.trim().is_empty())
    }

    /// What is wrong with the value, where only whoever uses it can tell.
    pub fn error(&self, problem: String) -> SettingError {
        SettingError {
            name: self.name,
            problem,
            example: self.example,
        }
    }
}

impl Secret {
    fn weakness_as<T>(&self, setting: &Setting<T>) -> Option<SettingError> {
        let is_example = self.reveal() == setting.example;
        let weakness = is_example.then_some(SecretWeakness::Placeholder).or(self.weakness())?;
        Some(setting.error(weakness.to_string()))
    }
}

/// A setting of whatever type, for code that goes through all of them.
pub trait AnySetting: Sync {
    fn name(&self) -> &'static str;
    /// The name and its older spellings.
    fn names(&self) -> Vec<&'static str>;
    fn default(&self) -> Option<&'static str>;
    fn secret(&self) -> bool;
    fn section(&self) -> Section;
    fn doc(&self) -> &'static str;
    fn example(&self) -> &'static str;
    fn check(&self, text: &str) -> Result<(), SettingError>;
    fn find(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String>;
}

impl<T> AnySetting for Setting<T> {
    fn name(&self) -> &'static str {
        self.name
    }
    fn names(&self) -> Vec<&'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied()).collect()
    }
    fn default(&self) -> Option<&'static str> {
        self.default
    }
    fn secret(&self) -> bool {
        self.secret
    }
    fn section(&self) -> Section {
        self.section
    }
    fn doc(&self) -> &'static str {
        self.doc
    }
    fn example(&self) -> &'static str {
        self.example
    }
    fn check(&self, text: &str) -> Result<(), SettingError> {
        self.parse(text).map(drop)
    }
    fn find(&self, lookup: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        self.text(lookup)
    }
}

/// All settings with the text each was given, every one of them checked.
#[derive(Clone, Default)]
pub struct Settings {
    given: BTreeMap<&'static str, String>,
}

impl Settings {
    /// Reads and checks every setting; all that is wrong is told at once.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<SettingError>> {
        Self::read_unless_missing(lookup, &[])
    }

    /// As `read`, for a process that has no use for some settings: those may be missing, not wrong.
    pub fn read_unless_missing(
        lookup: impl Fn(&str) -> Option<String>,
        unused: &[&dyn AnySetting],
    ) -> Result<Self, Vec<SettingError>> {
        let mut given = BTreeMap::new();
        let mut errors = Vec::new();
        for setting in ALL {
            let text = setting.find(&lookup);
            if text.is_none() && unused.iter().any(|unused| unused.name() == setting.name()) {
                continue;
            }
            if let Err(error) = setting.check(text.as_deref().unwrap_or_default()) {
                errors.push(error);
            }
            if let Some(text) = text {
                given.insert(setting.name(), text.trim().to_owned());
            }
        }
        if errors.is_empty() {
            Ok(Self { given })
        } else {
            Err(errors)
        }
    }

    /// The value of one setting. It was checked when the settings were read, so this fails only for
    /// a setting that is not in the registry.
    pub fn get<T>(&self, setting: &Setting<T>) -> Result<T, SettingError> {
        setting.parse(self.given.get(setting.name).map(String::as_str).unwrap_or_default())
    }

    /// What was given for a setting, or its default.
    pub fn effective(&self, setting: &dyn AnySetting) -> &str {
        self.given
            .get(setting.name())
            .map(String::as_str)
            .or(setting.default())
            .unwrap_or_default()
    }

    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    /// Gives a setting that nobody gave a value which only the running process knows.
    pub fn set<T>(&mut self, setting: &Setting<T>, text: String) -> Result<(), SettingError> {
        setting.parse(&text)?;
        self.given.insert(setting.name, text);
        Ok(())
    }

    /// Settings that were given and wouldn't do anything.
    pub fn without_effect(&self) -> Vec<SettingError> {
        let traces = self.given.contains_key(OTEL_EXPORTER_OTLP_ENDPOINT.name);
        let problem = "traces can't be exported yet; leave it out";
        traces
            .then(|| OTEL_EXPORTER_OTLP_ENDPOINT.error(problem.to_owned()))
            .map(|error| SettingError { example: "", ..error })
            .into_iter()
            .collect()
    }

    /// Settings that suit a try-out and lose mail, or lead people to the wrong machine, once others depend on it.
    /// Only those that the process `uses` are looked at.
    pub fn unfit_for_production(&self, uses: impl Fn(&str) -> bool) -> Vec<SettingError> {
        let mut unfit = Vec::new();
        if uses(MAIL_TRANSPORT.name) && self.get(&MAIL_TRANSPORT) == Ok(MailTransport::Dev) {
            let problem = "is `dev`, which keeps mails here and sends none; production needs one that sends";
            unfit.push(MAIL_TRANSPORT.error(problem.to_owned()));
        }
        let frontend = self.given.get(FRONTEND_URL.name).map(String::as_str);
        if uses(FRONTEND_URL.name) && (frontend.is_none() || frontend == FRONTEND_URL.default) {
            let problem = "is not set; production needs the address of its web pages, to which links in mails lead";
            unfit.push(FRONTEND_URL.error(problem.to_owned()));
        }
        unfit
    }

    /// The Spin variables that carry the settings into the components.
    pub fn variables(&self) -> BTreeMap<String, String> {
        ALL.iter()
            .map(|setting| (setting.name().to_ascii_lowercase(), self.effective(*setting).to_owned()))
            .collect()
    }

    /// Secrets that anybody could guess, and pairs that should differ but don't.
    pub fn weak_secrets(&self) -> Vec<SettingError> {
        let mut weak = Vec::new();
        for setting in STRONG_SECRETS {
            let secret = self.get(setting).ok();
            weak.extend(secret.and_then(|secret| secret.weakness_as(setting)));
        }
        // What they signed is still believed.
        for setting in PREVIOUS_SECRETS {
            let secret = self.get(setting).ok().flatten();
            weak.extend(secret.and_then(|secret| secret.weakness_as(setting)));
        }
        if self.given.get(METRICS_TOKEN.name).map(String::as_str) == Some(METRICS_TOKEN.example) {
            weak.push(METRICS_TOKEN.error(SecretWeakness::Placeholder.to_string()));
        }
        let access = self.given.get(JWT_ACCESS_SECRET.name);
        if access.is_some() && access == self.given.get(JWT_REFRESH_SECRET.name) {
            weak.push(JWT_REFRESH_SECRET.error("must differ from JWT_ACCESS_SECRET".to_owned()));
        }
        weak
    }
}

/// The text of `.env.example`.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Settings of Nexus, read from the environment or from `.env`. The environment wins.\n\
         # A line that is commented out shows the default; secrets have none.\n\
         # Written by `nexus config --example`; a test keeps it equal to the registry.\n",
    );
    let mut section = None;
    for setting in ALL {
        if section != Some(setting.section()) {
            section = Some(setting.section());
            // Writing into a String can't fail.
            let _ = write!(text, "\n# --- {} ---\n", setting.section().title());
        }
        text.push('\n');
        for line in setting.doc().lines() {
            let _ = writeln!(text, "# {}", line.trim());
        }
        let _ = match setting.default() {
            None => writeln!(text, "{}={}", setting.name(), setting.example()),
            Some("") => writeln!(text, "# e.g. {}\n#{}=", setting.example(), setting.name()),
            Some(default) => writeln!(text, "#{}={default}", setting.name()),
        };
    }
    text
}

#[cfg(test)]
mod tests;
