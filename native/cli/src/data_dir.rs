//! The folder under which an installation keeps everything.

use std::fs;
use std::path::{Path, PathBuf};

use nexus_store::Database;

use crate::failure::Failure;

#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The folder, made if it isn't there, for its owner only.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let dir = Self(path.to_path_buf());
        let failed = |error| Failure::failed(format!("the data folder {} can't be used", path.display()), error);
        if !path.exists() {
            fs::create_dir_all(path).map_err(failed)?;
            restrict(path).map_err(failed)?;
        }
        fs::create_dir_all(dir.state()).map_err(failed)?;
        Ok(dir)
    }

    /// Where the host keeps the `default` stores, as Spin does in its `.spin`.
    pub fn state(&self) -> PathBuf {
        self.0.join(".spin")
    }

    pub fn database_file(&self) -> PathBuf {
        self.state().join("sqlite_db.db")
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
