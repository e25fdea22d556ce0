//! The same databases for commands of an operator, from outside of any component.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Counters;
use super::config::SqliteDatabase;
use super::libsql::{LibsqlDatabase, Remote};
use crate::bindings::sqlite::{Error, Value};
use crate::error::LoadError;
use crate::runtime_config::RuntimeConfig;

/// Where a database is.
pub enum DatabasePlace {
    File(PathBuf),
    /// It goes with the process that opened it.
    Memory,
    Server(Box<LibsqlClient>),
}

impl DatabasePlace {
    /// Of the database with this label, by the same files as [`Host::load`](crate::Host::load).
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

/// One connection to a libSQL server, for callers that wait.
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

    /// All rows of one statement. Must not be called from a task of a runtime.
    pub fn execute(&self, sql: &str, params: Vec<Value>) -> Result<Vec<Vec<Value>>, String> {
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        match runtime.block_on(self.remote.execute(sql, params)) {
            Ok(result) => Ok(result.rows.into_iter().map(|row| row.values).collect()),
            Err(Error::Io(message)) => Err(message),
            Err(other) => Err(format!("{other:?}")),
        }
    }
}
