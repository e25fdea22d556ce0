//! The folder under which an installation keeps everything.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use nexus_host::DatabasePlace;
use nexus_store::Database;

use crate::failure::Failure;
use crate::libsql_engine;

/// Which installation a command works on.
#[derive(Args, Debug, Clone)]
pub struct Installation {
    /// The data folder
    #[arg(long, value_name = "DIR", default_value = ".nexus")]
    data: PathBuf,
    /// Where stores are kept, if not in the data folder; the same file as for `nexus serve`
    #[arg(long, value_name = "FILE")]
    runtime_config: Option<PathBuf>,
}

impl Installation {
    #[cfg(test)]
    pub fn in_folder(data: PathBuf) -> Self {
        Self {
            data,
            runtime_config: None,
        }
    }

    /// The database, its schema brought up to date, and what to call it. Works while the product runs.
    pub fn named_database(&self) -> Result<(Database, String), Failure> {
        let dir = DataDir::open(&self.data)?;
        let place = DatabasePlace::find(self.runtime_config.as_deref(), &dir.state(), "default")
            .map_err(|error| Failure::configuration(format!("--runtime-config: {error}")))?;
        let (opened, name) = match place {
            Some(DatabasePlace::File(file)) => (Database::open_file(&file), file.display().to_string()),
            Some(DatabasePlace::Server(client)) => {
                let url = client.url().to_owned();
                (libsql_engine::open(*client), url)
            }
            Some(DatabasePlace::Memory) | None => {
                return Err(Failure::configuration(
                    "--runtime-config: the database is in the memory of another process; there is nothing to work on",
                ));
            }
        };
        match opened {
            Ok(database) => Ok((database, name)),
            Err(error) => Err(Failure::failed(format!("the database {name} can't be opened"), error)),
        }
    }

    pub fn database(&self) -> Result<Database, Failure> {
        self.named_database().map(|(database, _)| database)
    }

    /// Whether its database is a file that nobody has made yet.
    pub fn is_empty(&self) -> Result<bool, Failure> {
        Ok(self.runtime_config.is_none() && !DataDir::at(&self.data).database_file().is_file())
    }
}

/// As Spin calls it.
const DATABASE: &str = "sqlite_db.db";

#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The folder as it is, for looking whether something is there.
    pub fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// The folder, made if it isn't there, for its owner only.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let dir = Self::at(path);
        // Spin's own folder, where somebody meant the one above it: another, empty database would be made below.
        if dir.is_state_itself() {
            return Err(Failure::configuration(format!(
                "--data {}: that is the folder of the database itself; give the one above it",
                path.display()
            )));
        }
        let failed = |error| Failure::failed(format!("the data folder {} can't be used", path.display()), error);
        // The state by itself too: the folder around it may have been made by somebody else, for all to read.
        for folder in [path, &dir.state()] {
            if !folder.exists() {
                fs::create_dir_all(folder).map_err(failed)?;
                restrict(folder).map_err(failed)?;
            }
        }
        Ok(dir)
    }

    /// Where the host keeps the `default` stores, as Spin does in its `.spin`.
    pub fn state(&self) -> PathBuf {
        self.0.join(".spin")
    }

    pub fn database_file(&self) -> PathBuf {
        self.state().join(DATABASE)
    }

    fn is_state_itself(&self) -> bool {
        self.0.join(DATABASE).is_file() && !self.state().exists()
    }

    /// Compiled components.
    pub fn code_cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// Secrets that were made here, in development.
    pub fn secrets_file(&self) -> PathBuf {
        self.0.join("secrets.env")
    }

    /// The database, its schema brought up to date. Works while the product runs.
    pub fn database(&self) -> Result<Database, Failure> {
        Database::open_file(&self.database_file()).map_err(|error| {
            Failure::failed(
                format!("the database {} can't be opened", self.database_file().display()),
                error,
            )
        })
    }
}

fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_kept_is_its_owners_also_in_a_folder_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let mode = fs::metadata(data.state()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn the_folder_of_the_database_is_not_taken_for_the_one_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        fs::write(data.database_file(), "").unwrap();
        assert!(DataDir::open(folder.path()).is_ok());
        assert!(DataDir::open(&data.state()).is_err());
        assert!(!data.state().join(".spin").exists());
    }
}
