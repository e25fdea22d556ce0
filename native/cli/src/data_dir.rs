//! The folder under which an installation keeps everything.

use std::fs;
use std::path::{Path, PathBuf};

use nexus_store::Database;

use crate::failure::Failure;

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
}
