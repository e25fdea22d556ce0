//! `nexus migrate`: the database brought up to date, before rather than by the first request.

use std::path::PathBuf;

use clap::Args;

use crate::data_dir::DataDir;
use crate::failure::Failure;

#[derive(Args)]
pub struct Arguments {
    /// The data folder
    #[arg(long, value_name = "DIR", default_value = ".nexus")]
    data: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let data = DataDir::open(&arguments.data)?;
    data.database()?;
    println!("{} is up to date", data.database_file().display());
    Ok(())
}
