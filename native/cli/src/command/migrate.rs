//! `nexus migrate`: migrates the database before the first request does.

use clap::Args;

use crate::data_dir::Installation;
use crate::failure::Failure;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    installation: Installation,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (_, name) = arguments.installation.named_database()?;
    println!("{name} is up to date");
    Ok(())
}
