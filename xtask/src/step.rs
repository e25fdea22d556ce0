//! Steps: each prints its title and its duration. A failed step names its command.

use std::fmt;
use std::io::{IsTerminal, stderr};
use std::process::Command;
use std::time::{Duration, Instant};

/// Why a step failed, for the person at the terminal.
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

/// Whether standard error is a terminal. Then tools show bars and colours; otherwise they are quiet.
pub fn is_terminal() -> bool {
    stderr().is_terminal()
}

pub fn begin(title: &str) -> Instant {
    eprintln!("==> {title} …");
    Instant::now()
}

pub fn end(title: &str, start: Instant) {
    eprintln!("    {title}: done in {}", spelled(start.elapsed()));
}

/// Runs a command as one step, with this terminal.
pub fn run(title: &str, command: &mut Command) -> Result<(), Failure> {
    let start = begin(title);
    status(command)?;
    end(title, start);
    Ok(())
}

/// Runs a command. Any exit code but 0 is a failure.
pub fn status(command: &mut Command) -> Result<(), Failure> {
    let shown = shown(command);
    let status = command
        .status()
        .map_err(|error| Failure(format!("cannot run `{shown}`: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!("`{shown}` failed ({status})")))
    }
}

/// Runs a command that must succeed, and returns its standard output.
pub fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = shown(command);
    let output = command
        .output()
        .map_err(|error| Failure(format!("cannot run `{shown}`: {error}")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure(format!("`{shown}` failed ({}): {errors}", output.status)))
    }
}

/// The command line for messages, without cargo's settings.
pub fn shown(command: &Command) -> String {
    let mut parts = vec![command.get_program().to_string_lossy()];
    let mut arguments = command.get_args();
    while let Some(argument) = arguments.next() {
        if argument == "--config" {
            arguments.next();
        } else {
            parts.push(argument.to_string_lossy());
        }
    }
    parts.join(" ")
}

fn spelled(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
    }
}
