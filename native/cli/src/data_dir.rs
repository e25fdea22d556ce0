//! The data folder of an installation.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use nexus_host::DatabasePlace;
use nexus_store::{Database, StoreError};
use sha2::Digest as _;

use crate::failure::Failure;
use crate::libsql_engine;

/// The installation that a command works on.
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
    pub fn new(data: PathBuf, runtime_config: Option<PathBuf>) -> Self {
        Self { data, runtime_config }
    }

    /// Returns the migrated database and its name for messages. Works while the product runs.
    pub fn named_database(&self) -> Result<(Database, String), Failure> {
        let (opened, name) = open(self.place()?)?;
        opened
            .map(|database| (database, name.clone()))
            .map_err(|error| unopened(&name, &error))
    }

    fn place(&self) -> Result<DatabasePlace, Failure> {
        let dir = DataDir::open(&self.data)?;
        let place = DatabasePlace::find(self.runtime_config.as_deref(), &dir.state(), "default")
            .map_err(|error| Failure::configuration(format!("--runtime-config: {error}")))?;
        Ok(place.unwrap_or(DatabasePlace::Memory))
    }

    /// Checks the database before a start. An incompatible schema is a failure. An unreachable or locked database is not:
    /// requests wait for it.
    pub fn check(&self) -> Result<(), Failure> {
        let place = self.place()?;
        let is_file = matches!(place, DatabasePlace::File(_));
        if matches!(place, DatabasePlace::Memory) {
            return Ok(());
        }
        let (opened, name) = open(place)?;
        match opened {
            Ok(_) => Ok(()),
            Err(error) if error.is_foreign_schema() || (is_file && error != StoreError::Busy) => {
                Err(unopened(&name, &error))
            }
            Err(error) => {
                tracing::warn!(database = name, %error, "the database can't be used yet");
                Ok(())
            }
        }
    }

    /// Stores a content for the components and returns its key, or `None` if the store is not on this machine.
    pub fn put_blob(&self, content: &[u8]) -> Result<Option<String>, Failure> {
        let key = hex::encode(sha2::Sha256::digest(content));
        let dir = DataDir::open(&self.data)?;
        let path = format!("blobs/{key}");
        let put = nexus_host::put_key_value(self.runtime_config.as_deref(), &dir.state(), "default", &path, content)
            .map_err(|error| Failure::failed("the key-value store", error))?;
        Ok(put.then_some(key))
    }

    pub fn database(&self) -> Result<Database, Failure> {
        self.named_database().map(|(database, _)| database)
    }

    /// Whether the database is a file that does not exist yet.
    pub fn is_empty(&self) -> Result<bool, Failure> {
        Ok(self.runtime_config.is_none() && !DataDir::at(&self.data).database_file().is_file())
    }
}

fn open(place: DatabasePlace) -> Result<(Result<Database, StoreError>, String), Failure> {
    match place {
        DatabasePlace::File(file) => Ok((Database::open_file(&file), file.display().to_string())),
        DatabasePlace::Server(client) => {
            let url = client.url().to_owned();
            Ok((libsql_engine::open(*client), url))
        }
        DatabasePlace::Memory => Err(Failure::configuration(
            "--runtime-config: the database is in the memory of another process; this command cannot reach it",
        )),
    }
}

fn unopened(name: &str, error: &StoreError) -> Failure {
    let what = format!("the database {name} can't be opened");
    match error.is_foreign_schema() {
        // The program or the database is the wrong one.
        true => Failure::configuration(format!("{what}: {error}")),
        false => Failure::failed(what, error),
    }
}

/// The label, as on Spin.
const DATABASE: &str = "sqlite_db.db";

#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The folder, which may be missing.
    pub fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// The folder, created for its owner only if it is missing.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let dir = Self::at(path);
        // Spin's own folder instead of the one above it: an empty database would be created below it.
        if dir.is_state_itself() {
            return Err(Failure::configuration(format!(
                "--data {}: that is the folder of the database itself; give the one above it",
                path.display()
            )));
        }
        let failed = |error| Failure::unusable(format!("--data {}: the folder can't be used", path.display()), &error);
        // The state as well: the folder around it may have been created readable for all.
        for folder in [path, &dir.state()] {
            if !folder.is_dir() {
                fs::create_dir_all(folder).map_err(failed)?;
                restrict(folder).map_err(failed)?;
            }
        }
        Ok(dir)
    }

    /// The folder of the `default` stores, as Spin's `.spin`.
    pub fn state(&self) -> PathBuf {
        self.0.join(".spin")
    }

    pub fn database_file(&self) -> PathBuf {
        self.state().join(DATABASE)
    }

    fn is_state_itself(&self) -> bool {
        self.0.join(DATABASE).is_file() && !self.state().exists()
    }

    /// The folder of compiled components.
    pub fn code_cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// The file of generated secrets, in development.
    pub fn secrets_file(&self) -> PathBuf {
        self.0.join("secrets.env")
    }

    pub fn path(&self) -> &Path {
        &self.0
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
    fn data_is_readable_by_its_owner_only_in_an_existing_folder_as_well() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        let mode = fs::metadata(data.state()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn the_database_folder_itself_is_refused_as_the_data_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::open(folder.path()).unwrap();
        fs::write(data.database_file(), "").unwrap();
        assert!(DataDir::open(folder.path()).is_ok());
        assert!(DataDir::open(&data.state()).is_err());
        assert!(!data.state().join(".spin").exists());
    }
}
