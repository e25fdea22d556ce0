//! `nexus doctor`: everything that a start depends on, checked one by one.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use nexus_domain::settings::{MAIL_TRANSPORT, MailTransport};
use nexus_store::integrity;

use crate::components::Manifest;
use crate::data_dir::{DataDir, Installation};
use crate::failure::Failure;
use crate::listen::{self, Listen};
use crate::settings_source::EnvFile;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    listen: Listen,
    /// The data folder
    #[arg(long, value_name = "DIR", default_value = ".nexus")]
    data: PathBuf,
    #[command(flatten)]
    manifest: Manifest,
    #[command(flatten)]
    env_file: EnvFile,
}

enum Finding {
    Good(String),
    /// It works, but somebody should know.
    Doubtful(String),
    Bad(String),
}

use Finding::{Bad, Doubtful, Good};

/// Below this a busy house fills the disk within days.
const LITTLE_SPACE: u64 = 1 << 30;
const NO_SPACE: u64 = 64 << 20;

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
        Ok(warnings) if warnings.is_empty() => Good("all readable, secrets strong enough for this address".to_owned()),
        Ok(warnings) => Doubtful(warnings.join("; ")),
        Err(failure) => Bad(spelled(&failure)),
    }
}

fn address(arguments: &Arguments) -> Finding {
    let address = match arguments
        .env_file
        .read()
        .and_then(|source| source.address(arguments.listen.listen.as_ref()))
    {
        Ok(address) => address,
        Err(failure) => return Bad(spelled(&failure)),
    };
    match TcpListener::bind(address) {
        Ok(_) => Good(format!("{address} is free")),
        // It may be Nexus itself that runs there.
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
        Ok(()) => Good(format!("{} can be written to", data.display())),
        Err(error) => Bad(format!("{}: {error}", data.display())),
    }
}

fn space(data: &Path) -> Finding {
    match rustix::fs::statvfs(data) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let text = format!("{} MiB free", free >> 20);
            match free {
                0..NO_SPACE => Bad(text),
                NO_SPACE..LITTLE_SPACE => Doubtful(text),
                _ => Good(text),
            }
        }
        Err(error) => Doubtful(format!("can't be told: {error}")),
    }
}

fn database(arguments: &Arguments) -> Finding {
    let installation = Installation::new(arguments.data.clone(), arguments.manifest.runtime_config.clone());
    match installation.is_empty() {
        Ok(true) => return Good("not there yet; made on first use".to_owned()),
        Ok(false) => {}
        Err(failure) => return Bad(spelled(&failure)),
    }
    let checked = installation.named_database().and_then(|(database, name)| {
        let found = integrity::quick_check(&database).map_err(|error| Failure::failed("quick_check", error))?;
        Ok((found, name))
    });
    match checked {
        Ok((found, name)) if found.is_empty() => Good(format!("{name} is sound")),
        Ok((found, _)) => Bad(found.join("; ")),
        Err(failure) => Bad(spelled(&failure)),
    }
}

/// The manifest is there and so is every file that it names as a component.
fn components(manifest: &Manifest) -> Finding {
    let path = match manifest.find() {
        Ok(path) => path,
        Err(failure) => return Bad(spelled(&failure)),
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
        [] => Good(format!("{} names {}, all there", path.display(), sources.len())),
        missing => Bad(format!("not built: {}; run `cargo xtask build`", missing.join(", "))),
    }
}

fn wasm_target() -> Finding {
    let asked = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", "wasm32-wasip2"])
        .output();
    match asked {
        Ok(output) if Path::new(String::from_utf8_lossy(&output.stdout).trim()).exists() => {
            Good("wasm32-wasip2 is installed".to_owned())
        }
        Ok(_) => Doubtful("wasm32-wasip2 is not installed; `cargo xtask build` installs it".to_owned()),
        Err(_) => Good("no Rust here, so nothing is built here".to_owned()),
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
        Err(failure) => Bad(spelled(&failure)),
    }
}

fn spelled(failure: &Failure) -> String {
    match failure {
        Failure::Configuration(problems) => problems.join("; "),
        Failure::Failed(what) => what.clone(),
    }
}
