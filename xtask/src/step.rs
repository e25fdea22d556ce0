//! Steps: each shows that it has begun and how long it took, and names its command when it fails.

use std::fmt;
use std::io::{IsTerminal, stderr};
use std::process::Command;
use std::time::{Duration, Instant};

/// Why a step did not work, for the person at the terminal.
pub struct Failure(String);

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether somebody is watching: then tools may show bars and colours, else they are kept quiet.
pub fn watched() -> bool {
    stderr().is_terminal()
}

pub fn began(title: &str) -> Instant {
    eprintln!("==> {title} …");
    Instant::now()
}

pub fn ended(title: &str, began: Instant) {
    eprintln!("    {title}: done in {}", spelled(began.elapsed()));
}

/// Runs a command as one step, with our own terminal.
pub fn run(title: &str, command: &mut Command) -> Result<(), Failure> {
    let start = began(title);
    status(command)?;
    ended(title, start);
    Ok(())
}

/// Runs a command and takes anything but success for a failure.
pub fn status(command: &mut Command) -> Result<(), Failure> {
    let shown = shown(command);
    let status = command
        .status()
        .map_err(|error| Failure(format!("`{shown}` can't be run: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("`{shown}` failed ({status})")))
    }
}

/// The standard output of a command that must succeed.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = shown(command);
    let output = command
        .output()
        .map_err(|error| Failure(format!("`{shown}` can't be run: {error}")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure(format!("`{shown}` failed ({}): {told}", output.status)))
    }
}

fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

fn spelled(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}
