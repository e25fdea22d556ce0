//! `nexus-bench-chat [what…] [--option number] [--short]`; see `bench/chat/README.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

mod chat;
mod figures;
mod listeners;
mod peer;
mod product;
mod raw_sqlite;
mod socket;

use std::collections::HashMap;

/// The command line.
pub struct Wishes {
    pub what: Vec<String>,
    options: HashMap<String, u64>,
}

impl Wishes {
    fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut wishes = Self {
            what: Vec::new(),
            options: HashMap::new(),
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix("--") {
                Some("short") => {
                    let short = [("rounds", 2), ("seconds", 1), ("sockets", 500), ("messages", 10_000)];
                    wishes
                        .options
                        .extend(short.map(|(name, number)| (name.to_owned(), number)));
                }
                Some(name) => {
                    let value = arguments.next().and_then(|value| value.parse().ok());
                    let value = value.ok_or_else(|| format!("--{name} needs a number"))?;
                    wishes.options.insert(name.to_owned(), value);
                }
                None => wishes.what.push(argument),
            }
        }
        Ok(wishes)
    }

    pub fn option(&self, name: &str, default: u64) -> u64 {
        self.options.get(name).copied().unwrap_or(default)
    }

    /// Whether this part runs. Without a name all parts run.
    pub fn wants(&self, name: &str) -> bool {
        self.what.is_empty() || self.what.iter().any(|what| what == name)
    }
}

fn main() -> std::process::ExitCode {
    let wishes = match Wishes::read(std::env::args().skip(1)) {
        Ok(wishes) => wishes,
        Err(problem) => {
            eprintln!("{problem}");
            return std::process::ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(chat::run(&wishes));
    std::process::ExitCode::SUCCESS
}
