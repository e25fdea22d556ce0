//! `nexus doctor`: checks everything that a start depends on.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use nexus_domain::settings::{MAIL_TRANSPORT, MailTransport};
use nexus_store::integrity;

use crate::components::Manifest;
use crate::data_dir::{DataDir, Installation};
use crate::disk_space::{self, MIN_FREE};
use crate::failure::Failure;
use crate::listen;

pub use crate::command::ServerArguments as Arguments;

enum Finding {
    Good(String),
    /// It works, but deserves attention.
    Doubtful(String),
    Bad(String),
}

use Finding::{Bad, Doubtful, Good};

/// Bytes below which a busy installation fills the disk within days.
const LITTLE_SPACE: u64 = 1 << 30;

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut report = Report::default();
    report.add("settings", settings(arguments));
    report.add("address", address(arguments));
    report.add("data folder", writable(&arguments.data));
    report.add("disk space", space(&arguments.data));
    report.add("database", database(arguments));
    report.add("components", components(&arguments.manifest));
    report.add("wasm target", wasm_target());
    report.add("mail", mail(arguments));
    match report.bad {
        0 => Ok(()),
        bad => Err(Failure::Failed(format!("{bad} of the checks failed"))),
    }
}

#[derive(Default)]
struct Report {
    bad: u32,
}

impl Report {
    fn add(&mut self, what: &str, finding: Finding) {
        let (word, text) = match finding {
            Good(text) => ("ok", text),
            Doubtful(text) => ("warn", text),
            Bad(text) => {
                self.bad += 1;
                ("FAIL", text)
            }
        };
        println!("{word:4}  {what:12}  {text}");
    }
}

fn settings(arguments: &Arguments) -> Finding {
    let checked = arguments.env_file.read().and_then(|mut source| {
        let address = source.address(arguments.listen.listen.as_ref())?;
        source.settings(address, &DataDir::open(&arguments.data)?)?;
        Ok(source.take_warnings())
    });
    match checked {
        Ok(warnings) if warnings.is_empty() => Good("all valid, secrets strong enough for this address".to_owned()),
        Ok(warnings) => Doubtful(warnings.join("; ")),
        Err(failure) => Bad(text(&failure)),
    }
}

fn address(arguments: &Arguments) -> Finding {
    let address = match arguments
        .env_file
        .read()
        .and_then(|source| source.address(arguments.listen.listen.as_ref()))
    {
        Ok(address) => address,
        Err(failure) => return Bad(text(&failure)),
    };
    match TcpListener::bind(address) {
        Ok(_) => Good(format!("{address} is free")),
        // Nexus itself may run there.
        Err(error) if error.kind() == ErrorKind::AddrInUse => Doubtful(listen::explain(address, &error)),
        Err(error) => Bad(listen::explain(address, &error)),
    }
}

fn writable(data: &Path) -> Finding {
    let probe = data.join(".doctor");
    let tried = fs::create_dir_all(data)
        .and_then(|()| fs::write(&probe, b"x"))
        .and_then(|()| fs::remove_file(&probe));
    match tried {
        Ok(()) => Good(format!("{} is writable", data.display())),
        Err(error) => Bad(format!("{}: {error}", data.display())),
    }
}

fn space(data: &Path) -> Finding {
    let free = match disk_space::free(data) {
        Ok(free) => free,
        Err(error) => return Doubtful(format!("unknown: {error}")),
    };
    let text = format!("{} MiB free", free >> 20);
    match free {
        0..MIN_FREE => Bad(text),
        MIN_FREE..LITTLE_SPACE => Doubtful(text),
        _ => Good(text),
    }
}

fn database(arguments: &Arguments) -> Finding {
    let installation = Installation::new(arguments.data.clone(), arguments.manifest.runtime_config.clone());
    match installation.is_empty() {
        Ok(true) => return Good("does not exist yet; the first use creates it".to_owned()),
        Ok(false) => {}
        Err(failure) => return Bad(text(&failure)),
    }
    let checked = installation.named_database().and_then(|(database, name)| {
        let found = integrity::quick_check(&database).map_err(|error| Failure::failed("quick_check", error))?;
        Ok((found, name))
    });
    match checked {
        Ok((found, name)) if found.is_empty() => Good(format!("{name} has no errors")),
        Ok((found, _)) => Bad(found.join("; ")),
        Err(failure) => Bad(text(&failure)),
    }
}

/// Checks that the manifest and every component that it names exist.
fn components(manifest: &Manifest) -> Finding {
    let path = match manifest.find() {
        Ok(path) => path,
        Err(failure) => return Bad(text(&failure)),
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Bad(format!("{}: {error}", path.display())),
    };
    let parsed: toml::Table = match text.parse() {
        Ok(parsed) => parsed,
        Err(error) => return Bad(format!("{}: {error}", path.display())),
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let components = parsed.get("component").and_then(toml::Value::as_table);
    let sources: Vec<&str> = components
        .into_iter()
        .flat_map(|table| table.values())
        .filter_map(|component| component.get("source")?.as_str())
        .collect();
    let missing: Vec<&str> = sources
        .iter()
        .copied()
        .filter(|source| !folder.join(source).exists())
        .collect();
    match missing.as_slice() {
        [] => Good(format!(
            "{} names {} components, all present",
            path.display(),
            sources.len()
        )),
        missing => Bad(format!("not built: {}; run `cargo xtask build`", missing.join(", "))),
    }
}

fn wasm_target() -> Finding {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", "wasm32-wasip2"])
        .output();
    match output {
        Ok(output) if Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists() => {
            Good("wasm32-wasip2 is installed".to_owned())
        }
        Ok(_) => Doubtful("wasm32-wasip2 is not installed; `cargo xtask build` installs it".to_owned()),
        Err(_) => Good("Rust is not installed; only builds need it".to_owned()),
    }
}

fn mail(arguments: &Arguments) -> Finding {
    let transport = arguments
        .env_file
        .read()
        .and_then(|source| Ok(MAIL_TRANSPORT.read(|name| source.lookup(name))?));
    match transport {
        Ok(MailTransport::Dev) => Doubtful("kept in the development mailbox, not sent (MAIL_TRANSPORT=dev)".to_owned()),
        Ok(MailTransport::Sendgrid) => Good("goes through the transport bound in spin.toml".to_owned()),
        Err(failure) => Bad(text(&failure)),
    }
}

fn text(failure: &Failure) -> String {
    match failure {
        Failure::Configuration(problems) => problems.join("; "),
        Failure::Failed(what) => what.clone(),
    }
}
