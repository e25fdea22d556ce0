//! The sources of settings: the environment, then the env file, then generated secrets (in development on loopback).

use std::collections::HashMap;
use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use nexus_domain::settings::{
    ALL, AnySetting, Environment, FRONTEND_URL, MAIL_TRANSPORT, MailTransport, NEXUS_ENV, PORT, SENDGRID_API_KEY,
    Settings,
};

use crate::data_dir::DataDir;
use crate::env_file::{self, Entries};
use crate::failure::Failure;
use crate::listen::Address;
use crate::{secrets, setting_names};

#[derive(Args, Debug, Clone, Default)]
pub struct EnvFile {
    /// File with settings, one NAME=value a line [default: .env, if it is there]
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// Raw settings by name. The environment wins over the file.
#[derive(Default)]
pub struct Source {
    file: Entries,
    path: PathBuf,
    secrets: HashMap<String, String>,
    warnings: Vec<String>,
}

impl EnvFile {
    pub fn read(&self) -> Result<Source, Failure> {
        let broken: Vec<String> = ALL
            .iter()
            .flat_map(|setting| setting.names())
            .filter(|name| env::var_os(name).is_some_and(|value| value.to_str().is_none()))
            .map(|name| format!("{name}: its value in the environment is not UTF-8"))
            .collect();
        if !broken.is_empty() {
            return Err(Failure::Configuration(broken));
        }
        let path = match &self.env_file {
            Some(path) => path.as_path(),
            // Not a folder: Python's virtual environments have this name.
            None if Path::new(".env").exists() && !Path::new(".env").is_dir() => Path::new(".env"),
            None => return Ok(Source::with_environment()),
        };
        let mut source = Source {
            file: env_file::read(path).map_err(Failure::configuration)?,
            path: path.to_path_buf(),
            ..Source::default()
        };
        source.warn_of_names();
        Ok(source)
    }
}

impl Source {
    fn with_environment() -> Self {
        let mut source = Self::default();
        source.warn_of_names();
        source
    }

    fn warn_of_names(&mut self) {
        let path = self.path.display().to_string();
        for (name, entry) in &self.file {
            if let Some(problem) = setting_names::problem_in_file(name) {
                self.warnings.push(format!("{path}:{}: {problem}", entry.line));
            }
        }
        let environment = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        self.warnings
            .extend(environment.filter_map(|name| setting_names::problem_in_environment(&name)));
    }

    /// Returns the warnings since the last call.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Prints the warnings, for commands without a log.
    pub fn print_warnings(&mut self) {
        for warning in self.take_warnings() {
            eprintln!("nexus: warning: {warning}");
        }
    }

    pub fn lookup(&self, name: &str) -> Option<String> {
        env::var(name)
            .ok()
            .filter(|text| !text.is_empty())
            .or_else(|| self.in_file(name))
            .or_else(|| self.secrets.get(name).cloned())
    }

    fn in_file(&self, name: &str) -> Option<String> {
        self.file.get(name).map(|entry| entry.value.clone())
    }

    /// Returns the source of a value, for `nexus config`.
    pub fn origin(&self, setting: &dyn AnySetting) -> &'static str {
        let name = setting.name();
        if setting.find(&|name| env::var(name).ok()).is_some() {
            "environment"
        } else if setting.find(&|name| self.in_file(name)).is_some() {
            "file"
        } else if self.secrets.contains_key(name) {
            "made here"
        } else {
            "default"
        }
    }

    /// The address to listen on.
    pub fn address(&self, given: Option<&Address>) -> Result<SocketAddr, Failure> {
        let given = given.cloned().unwrap_or_default();
        let port = match given.has_port() {
            true => 0,
            false => PORT.read(|name| self.lookup(name))?,
        };
        given.resolve(port)
    }

    fn environment(&self) -> Result<Environment, Failure> {
        Ok(NEXUS_ENV.read(|name| self.lookup(name))?)
    }

    fn is_private(&self, address: SocketAddr) -> Result<bool, Failure> {
        Ok(self.environment()? == Environment::Development && address.ip().is_loopback())
    }

    /// Returns all settings for a process with this address and data folder. In development on loopback, missing secrets are
    /// generated. Elsewhere missing and weak secrets are failures.
    pub fn settings(&mut self, address: SocketAddr, data: &DataDir) -> Result<Settings, Failure> {
        let private = self.is_private(address)?;
        if private {
            self.use_kept_secrets(data)?;
        }
        let settings = Settings::read(|name| self.lookup(name)).map_err(|errors| {
            let mut problems: Vec<String> = errors.iter().map(ToString::to_string).collect();
            if !private && secrets::needed().any(|secret| errors.iter().any(|error| error.name == secret.name())) {
                problems.push("secrets are made by themselves only in development on a loopback address".to_owned());
            }
            Failure::Configuration(problems)
        })?;
        self.validate(&settings, private, |_| true)?;
        validate_mail(&settings)?;
        Ok(settings)
    }

    /// Same as `settings`, for a process without a data folder that does not use some of the settings.
    pub fn settings_without(&mut self, address: SocketAddr, unused: &[&dyn AnySetting]) -> Result<Settings, Failure> {
        let private = self.is_private(address)?;
        let settings = Settings::read_unless_missing(|name| self.lookup(name), unused)?;
        let uses = |name: &str| !unused.iter().any(|unused| unused.name() == name);
        self.validate(&settings, private, uses)?;
        Ok(settings)
    }

    /// Refuses settings that are readable but must not be used.
    fn validate(&mut self, settings: &Settings, private: bool, uses: impl Fn(&str) -> bool) -> Result<(), Failure> {
        let mut refused = settings.without_effect();
        if self.environment()? == Environment::Production {
            refused.extend(settings.unfit_for_production(uses));
            let first = settings.get(&FRONTEND_URL)?.into_iter().next();
            if let Some(local) = first.filter(|origin| is_of_this_machine(origin.host())) {
                self.warnings.push(format!(
                    "FRONTEND_URL: links in mails lead to {}, which only this machine can follow",
                    local.as_str()
                ));
            }
        }
        let weak = settings.weak_secrets();
        match private {
            true => self.warnings.extend(weak.iter().map(ToString::to_string)),
            false => refused.extend(weak),
        }
        if refused.is_empty() {
            Ok(())
        } else {
            Err(refused.into())
        }
    }

    fn use_kept_secrets(&mut self, data: &DataDir) -> Result<(), Failure> {
        let missing: Vec<&str> = secrets::needed()
            .filter(|setting| setting.find(&|name| self.lookup(name)).is_none())
            .map(|setting| setting.name())
            .collect();
        if !missing.is_empty() {
            self.secrets = secrets::kept_or_made(&data.secrets_file(), &missing)?
                .into_iter()
                .filter(|(name, _)| missing.contains(&name.as_str()))
                .collect();
        }
        Ok(())
    }
}

/// Sets the default origins in development: this process and a frontend's development server (Vite's port).
pub fn default_frontend(settings: &mut Settings, address: SocketAddr) -> Result<(), Failure> {
    if settings.get(&NEXUS_ENV)? != Environment::Development || settings.is_given(FRONTEND_URL.name) {
        return Ok(());
    }
    let port = address.port();
    let ip = address.ip();
    let mut origins = match ip.is_loopback() || ip.is_unspecified() {
        true => vec![format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")],
        false => vec![format!("http://{address}")],
    };
    if ip.is_loopback() && ip.is_ipv6() {
        origins.push(format!("http://{address}"));
    }
    origins.extend(["http://localhost:5173".to_owned(), "http://127.0.0.1:5173".to_owned()]);
    settings.set(&FRONTEND_URL, origins.join(", "))?;
    Ok(())
}

fn is_of_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Refuses SendGrid without a key: no mail would be sent.
fn validate_mail(settings: &Settings) -> Result<(), Failure> {
    if settings.get(&MAIL_TRANSPORT)? != MailTransport::Sendgrid {
        return Ok(());
    }
    let key = settings.get(&SENDGRID_API_KEY)?;
    let placeholder = key.as_ref().is_none_or(|key| {
        let key = key.reveal().to_ascii_lowercase();
        key.contains("your-") || key.contains("change") || key.contains("example")
    });
    if placeholder {
        return Err(Failure::configuration(format!(
            "SENDGRID_API_KEY: is {} (for example SENDGRID_API_KEY=SG.…); or set MAIL_TRANSPORT=dev to keep mails in the development mailbox",
            if key.is_some() {
                "the value of an example"
            } else {
                "not set, but MAIL_TRANSPORT=sendgrid needs it"
            }
        )));
    }
    Ok(())
}
