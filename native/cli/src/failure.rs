//! How a command ends when it doesn't end well. Exit codes: 1 failed, 2 wrong usage or configuration.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use nexus_domain::settings::SettingError;

#[derive(Debug)]
pub enum Failure {
    /// The command line or a setting is wrong; each line says what, and how it should look.
    Configuration(Vec<String>),
    Failed(String),
}

impl Failure {
    pub fn failed(what: impl Display, why: impl Display) -> Self {
        Self::Failed(format!("{what}: {why}"))
    }

    pub fn configuration(problem: impl Display) -> Self {
        Self::Configuration(vec![problem.to_string()])
    }

    /// A file or folder that somebody named: unless the machine is at its end, naming it was the fault.
    pub fn unusable(what: impl Display, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::OutOfMemory => {
                Self::failed(what, error)
            }
            _ => Self::configuration(format!("{what}: {error}")),
        }
    }

    pub fn tell(&self) {
        match self {
            Self::Failed(what) => eprintln!("nexus: {what}"),
            Self::Configuration(problems) => {
                for problem in problems {
                    eprintln!("nexus: {problem}");
                }
            }
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Failed(_) => ExitCode::FAILURE,
            Self::Configuration(_) => ExitCode::from(2),
        }
    }
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        Self::configuration(error)
    }
}

impl From<Vec<SettingError>> for Failure {
    fn from(errors: Vec<SettingError>) -> Self {
        Self::Configuration(errors.iter().map(ToString::to_string).collect())
    }
}
