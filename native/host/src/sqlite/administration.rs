//! Access to the databases for an operator's commands.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Counters;
use super::config::SqliteDatabase;
use super::libsql::{LibsqlDatabase, Remote};
use crate::bindings::sqlite::{Error, Value};
use crate::error::LoadError;
use crate::runtime_config::RuntimeConfig;

/// The place of a database.
pub enum DatabasePlace {
    File(PathBuf),
    /// It ends with the process that opened it.
    Memory,
    Server(Box<LibsqlClient>),
}

impl DatabasePlace {
    /// Finds the database with this label in the same files as [`Host::load`](crate::Host::load).
    pub fn find(runtime_config: Option<&Path>, state_dir: &Path, label: &str) -> Result<Option<Self>, LoadError> {
        let mut config = RuntimeConfig::databases(runtime_config, state_dir)?;
        Ok(match config.sqlite.remove(label) {
            Some(SqliteDatabase::File(file)) => Some(file.path.map_or(Self::Memory, Self::File)),
            Some(SqliteDatabase::Libsql(server)) => {
                let client = LibsqlClient::new(&server.url, &server.token)?;
                client.map(|client| Self::Server(Box::new(client)))
            }
            None => None,
        })
    }
}

/// A blocking connection to a libSQL server.
pub struct LibsqlClient {
    url: String,
    remote: Remote,
    runtime: Mutex<tokio::runtime::Runtime>,
}

impl LibsqlClient {
    fn new(url: &str, token: &str) -> Result<Option<Self>, LoadError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| LoadError::Engine(error.to_string()))?;
        Ok(LibsqlDatabase::new(url, token).map(|database| Self {
            url: url.to_owned(),
            remote: database.remote(Arc::<Counters>::default()),
            runtime: Mutex::new(runtime),
        }))
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs one statement and returns all rows. Must not be called within a runtime's task.
    pub fn execute(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Vec<Value>>, String> {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        match runtime.block_on(self.remote.execute(sql, params)) {
            Ok(result) => Ok(result.rows.into_iter().map(|row| row.values).collect()),
            Err(Error::Io(message)) => Err(message),
            Err(other) => Err(format!("{other:?}")),
        }
    }
}
