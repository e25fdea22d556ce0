//! `nexus config`: prints the effective settings and the source of each.

use std::io::{Write, stdout};
use std::path::PathBuf;

use clap::Args;
use nexus_domain::settings::{ALL, env_example};

use crate::data_dir::DataDir;
use crate::failure::Failure;
use crate::listen::Listen;
use crate::settings_source::{EnvFile, default_frontend};

#[derive(Args)]
pub struct Arguments {
    /// Prints the text of .env.example instead
    #[arg(long)]
    example: bool,
    /// The address decides whether weak secrets pass, and which pages may call by default
    #[command(flatten)]
    listen: Listen,
    /// The data folder
    #[arg(long, value_name = "DIR", default_value = ".nexus")]
    data: PathBuf,
    #[command(flatten)]
    env_file: EnvFile,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut text = String::new();
    if arguments.example {
        text = env_example();
    } else {
        let mut source = arguments.env_file.read()?;
        let address = source.address(arguments.listen.listen.as_ref())?;
        let mut settings = source.settings(address, &DataDir::open(&arguments.data)?)?;
        default_frontend(&mut settings, address)?;
        source.print_warnings();
        let width = ALL.iter().map(|setting| setting.name().len()).max().unwrap_or_default();
        for setting in ALL {
            let value = settings.effective(*setting);
            let shown = match (setting.secret(), value.is_empty()) {
                (_, true) => "(not set)",
                (true, false) => "********",
                (false, false) => value,
            };
            let origin = source.origin(*setting);
            text.push_str(&format!("{:width$} = {shown}  # {origin}\n", setting.name()));
        }
    }
    // The reader may be gone, for instance a pager that was closed.
    let _ = stdout().write_all(text.as_bytes());
    Ok(())
}
