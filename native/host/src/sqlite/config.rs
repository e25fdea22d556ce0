//! `[sqlite_database.LABEL]` of the runtime configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::Database;
use super::libsql::LibsqlDatabase;
use super::local::LocalDatabase;
use crate::error::LoadError;
use crate::runtime_config::{Entry, RawStore};

#[derive(Clone, Debug, PartialEq)]
pub enum SqliteDatabase {
    File(SqliteFile),
    Libsql(LibsqlServer),
}

/// A file, or memory when there is no path.
#[derive(Clone, Debug, PartialEq)]
pub struct SqliteFile {
    pub path: Option<PathBuf>,
    pub allow_attach_file: bool,
}

#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibsqlServer {
    pub url: String,
    /// Empty for a server that needs none.
    pub token: String,
}

/// Leaves out the token, which is a secret.
impl std::fmt::Debug for LibsqlServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LibsqlServer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Reads all databases of a runtime configuration file. `file` is for messages and relative paths.
pub fn read(file: &Path, stores: BTreeMap<String, RawStore>) -> Result<BTreeMap<String, SqliteDatabase>, LoadError> {
    let mut databases = BTreeMap::new();
    for (label, store) in stores {
        let entry = Entry::new(file, format!("sqlite_database.{label}"));
        let database = match store.r#type.as_str() {
            "spin" => SqliteDatabase::File(entry.file(store.fields)?),
            "libsql" => SqliteDatabase::Libsql(server(&entry, store.fields)?),
            other => {
                let problem = format!("{other:?} is unknown; use \"spin\" or \"libsql\"");
                return Err(entry.wrong(".type", problem));
            }
        };
        databases.insert(label, database);
    }
    Ok(databases)
}

fn server(entry: &Entry<'_>, fields: toml::Table) -> Result<LibsqlServer, LoadError> {
    let server: LibsqlServer = entry.read(fields)?;
    let is_http = server.url.starts_with("https://") || server.url.starts_with("http://");
    if !is_http || LibsqlDatabase::new(&server.url, &server.token).is_none() {
        let problem = "must be an address that begins with https:// or http://, with a token that fits a header";
        return Err(entry.wrong(".url", problem.to_owned()));
    }
    Ok(server)
}

/// Returns the database that the configuration describes, or `None` for an address that [`read`] would have refused.
pub fn database(config: SqliteDatabase) -> Option<Arc<dyn Database>> {
    match config {
        SqliteDatabase::File(file) => Some(Arc::new(LocalDatabase::new(file))),
        SqliteDatabase::Libsql(server) => Some(Arc::new(LibsqlDatabase::new(&server.url, &server.token)?)),
    }
}
