//! `nexus audit verify`: proves that the audit log is unchanged. Works while the product runs, and on a restored backup.

use clap::{Args, Subcommand};
use nexus_store::audit::reader;

use crate::data_dir::Installation;
use crate::failure::Failure;

#[derive(Subcommand)]
pub enum Action {
    /// Recomputes every hash of every chain; exit code 1 if one does not follow from the one before it.
    Verify(VerifyArguments),
}

#[derive(Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    installation: Installation,
}

pub fn verify(arguments: &VerifyArguments) -> Result<(), Failure> {
    if arguments.installation.is_empty()? {
        return Err(Failure::configuration(
            "--data: there is no database yet, so there is no log",
        ));
    }
    let found = reader::verify(&arguments.installation.database()?)
        .map_err(|error| Failure::failed("the log can't be read", error))?;
    match found.first_broken {
        None => {
            println!("{} entries, each follows from the one before it", found.entries);
            Ok(())
        }
        Some(entry) => Err(Failure::failed(
            format!("of {} entries", found.entries),
            format!("{entry} is the first that doesn't follow from the one before it: the log was changed"),
        )),
    }
}
