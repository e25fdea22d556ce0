//! What operators meet: settings, commands and their exit codes, the data folder, the log.

mod addresses;
mod commands;
mod demo;
mod env_file;
mod folder;
mod log;
mod metrics;
mod readiness;
mod schema;
mod settings;

use std::path::Path;
use std::process::{Command, Stdio};

use nexus_tests::binary;

/// How a command ended.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command with these settings alone; its folder is `folder`.
pub fn nexus(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
    let output = Command::new(binary())
        .args(arguments)
        .env_clear()
        .envs(settings.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("nexus runs");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Ran {
    /// Checks the exit code, and that the message has these parts.
    #[track_caller]
    pub fn expect(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in: {}", self.stderr);
        }
        self
    }
}
