//! Failures of commands. Exit codes: 1 failed; 2 wrong usage or configuration.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use nexus_domain::settings::SettingError;

#[derive(Debug)]
pub enum Failure {
    /// The command line or settings are wrong. Each entry names one problem and a remedy.
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

    /// A named file or folder is unusable: a wrong configuration, unless the machine has run out of space or memory.
    pub fn unusable(what: impl Display, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::OutOfMemory => {
                Self::failed(what, error)
            }
            _ => Self::configuration(format!("{what}: {error}")),
        }
    }

    /// Prints the problems on standard error.
    pub fn print(&self) {
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
