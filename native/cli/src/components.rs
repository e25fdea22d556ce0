//! The application's manifest.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::failure::Failure;

#[derive(Args, Debug, Clone, Default)]
pub struct Manifest {
    /// The application's manifest [default: spin.toml here or in a folder above the executable]
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Where stores are kept, if not in the data folder; the same file as for Spin
    #[arg(long, value_name = "FILE")]
    pub runtime_config: Option<PathBuf>,
}

impl Manifest {
    pub fn find(&self) -> Result<PathBuf, Failure> {
        if let Some(given) = &self.manifest {
            return match given.is_file() {
                true => Ok(given.clone()),
                false => Err(Failure::configuration(format!(
                    "--manifest: there is no file {}",
                    given.display()
                ))),
            };
        }
        let here = Path::new("spin.toml");
        if here.is_file() {
            return Ok(here.to_path_buf());
        }
        std::env::current_exe()
            .ok()
            .and_then(|executable| above(&executable))
            .ok_or_else(|| {
                Failure::configuration(
                    "there is no spin.toml here or beside the program; run nexus from its unpacked archive, or name the file with \
                     --manifest FILE",
                )
            })
    }
}

/// `target/release/nexus` is two folders below the repository. An installed `nexus` is beside its files.
fn above(executable: &Path) -> Option<PathBuf> {
    executable
        .ancestors()
        .skip(1)
        .take(4)
        .map(|folder| folder.join("spin.toml"))
        .find(|manifest| manifest.is_file())
}
