//! Where settings come from: the environment, then the env file, then (in development on loopback)
//! secrets of our own.

use std::collections::HashMap;
use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use nexus_domain::settings::{
    AnySetting, Environment, MAIL_TRANSPORT, MailTransport, NEXUS_ENV, PORT, SENDGRID_API_KEY, Settings,
};

use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::secrets;

#[derive(Args, Debug, Clone, Default)]
pub struct EnvFile {
    /// File with settings, one NAME=value a line [default: .env, if it is there]
    #[arg(long, value_name = "FILE")]
    pub env_file: Option<PathBuf>,
}

/// Raw settings by name. The environment wins over the file.
#[derive(Default)]
pub struct Source {
    file: HashMap<String, String>,
    secrets: HashMap<String, String>,
}

impl EnvFile {
    pub fn read(&self) -> Result<Source, Failure> {
        let path = match &self.env_file {
            Some(path) => path.as_path(),
            None if Path::new(".env").exists() => Path::new(".env"),
            None => return Ok(Source::default()),
        };
        let wrong = |error: dotenvy::Error| Failure::configuration(format!("{}: {error}", path.display()));
        let file = dotenvy::from_path_iter(path)
            .and_then(Iterator::collect::<Result<_, _>>)
            .map_err(wrong)?;
        Ok(Source {
            file,
            secrets: HashMap::new(),
        })
    }
}

impl Source {
    pub fn lookup(&self, name: &str) -> Option<String> {
        env::var(name)
            .ok()
            .filter(|text| !text.is_empty())
            .or_else(|| self.file.get(name).cloned())
            .or_else(|| self.secrets.get(name).cloned())
    }

    /// Where a value comes from, for `nexus config`.
    pub fn origin(&self, setting: &dyn AnySetting) -> &'static str {
        let name = setting.name();
        if setting.find(&|name| env::var(name).ok()).is_some() {
            "environment"
        } else if setting.find(&|name| self.file.get(name).cloned()).is_some() {
            "file"
        } else if self.secrets.contains_key(name) {
            "made here"
        } else {
            "default"
        }
    }

    /// The address to listen on.
    pub fn address(&self, given: Option<SocketAddr>) -> Result<SocketAddr, Failure> {
        match given {
            Some(address) => Ok(address),
            None => Ok(SocketAddr::from(([127, 0, 0, 1], PORT.read(|name| self.lookup(name))?))),
        }
    }

    fn is_private(&self, address: SocketAddr) -> Result<bool, Failure> {
        let environment = NEXUS_ENV.read(|name| self.lookup(name))?;
        Ok(environment == Environment::Development && address.ip().is_loopback())
    }

    /// All settings, for a process that listens there and keeps its data here. In development on
    /// loopback, missing secrets are made; elsewhere missing and weak ones stop the start.
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
        judge_secrets(&settings, private)?;
        judge_mail(&settings)?;
        Ok(settings)
    }

    /// As `settings`, for a process that has no data folder and no use for some of them.
    pub fn settings_without(&self, address: SocketAddr, unused: &[&dyn AnySetting]) -> Result<Settings, Failure> {
        let private = self.is_private(address)?;
        let settings = Settings::read_unless_missing(|name| self.lookup(name), unused)?;
        judge_secrets(&settings, private)?;
        Ok(settings)
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

fn judge_secrets(settings: &Settings, private: bool) -> Result<(), Failure> {
    let weak = settings.weak_secrets();
    if weak.is_empty() {
        return Ok(());
    }
    if !private {
        return Err(weak.into());
    }
    for secret in weak {
        eprintln!("nexus: warning: {secret}");
    }
    Ok(())
}

/// Without a key no mail would ever leave; better said now than found out by those who wait for one.
fn judge_mail(settings: &Settings) -> Result<(), Failure> {
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
