//! The runtime configuration: which database and key-value store stands behind each label.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::LoadError;
use crate::sqlite::LibsqlDatabase;

/// The label that exists without any configuration.
pub const DEFAULT_LABEL: &str = "default";
const DEFAULT_SQLITE_FILE: &str = "sqlite_db.db";
const DEFAULT_KEY_VALUE_FILE: &str = "sqlite_key_value.db";

#[derive(Debug, Default)]
pub struct RuntimeConfig {
    pub sqlite: BTreeMap<String, SqliteDatabase>,
    pub key_value: BTreeMap<String, KeyValueStore>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SqliteDatabase {
    File(SqliteFile),
    Libsql(LibsqlServer),
}

/// A file, or memory when there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct SqliteFile {
    pub path: Option<PathBuf>,
    pub allow_attach_file: bool,
}

#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibsqlServer {
    pub url: String,
    /// Empty for a server that wants none.
    pub token: String,
}

/// The token is a secret.
impl std::fmt::Debug for LibsqlServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LibsqlServer")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct KeyValueStore {
    pub path: Option<PathBuf>,
}

/// Other tables belong to parts of Spin that this host doesn't have; they are left alone.
#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    sqlite_database: BTreeMap<String, RawStore>,
    #[serde(default)]
    key_value_store: BTreeMap<String, RawStore>,
}

#[derive(Deserialize)]
struct RawStore {
    r#type: String,
    #[serde(flatten)]
    fields: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    path: Option<PathBuf>,
    #[serde(default)]
    allow_attach_file: bool,
}

/// What of the file it is about, for messages.
struct Place<'a> {
    file: &'a Path,
    key: String,
}

impl Place<'_> {
    fn wrong(&self, field: &str, problem: String) -> LoadError {
        LoadError::Value {
            path: self.file.to_owned(),
            key: format!("{}{field}", self.key),
            problem,
        }
    }

    fn read<T: serde::de::DeserializeOwned>(&self, fields: toml::Table) -> Result<T, LoadError> {
        fields
            .try_into()
            .map_err(|error: toml::de::Error| self.wrong("", error.to_string().trim_end().to_owned()))
    }

    fn file(&self, fields: toml::Table) -> Result<SqliteFile, LoadError> {
        let raw: RawFile = self.read(fields)?;
        let base = self.file.parent().unwrap_or(Path::new("."));
        Ok(SqliteFile {
            path: raw.path.map(|path| base.join(path)),
            allow_attach_file: raw.allow_attach_file,
        })
    }

    fn server(&self, fields: toml::Table) -> Result<LibsqlServer, LoadError> {
        let server: LibsqlServer = self.read(fields)?;
        let is_http = server.url.starts_with("https://") || server.url.starts_with("http://");
        if !is_http || LibsqlDatabase::new(&server.url, &server.token).is_none() {
            let problem = "must be an address that begins with https:// or http://, with a token that fits a header";
            return Err(self.wrong(".url", problem.to_owned()));
        }
        Ok(server)
    }
}

impl RuntimeConfig {
    /// Reads `file` if there is one, and adds the defaults in `state_dir`.
    pub fn load(file: Option<&Path>, state_dir: &Path) -> Result<Self, LoadError> {
        let mut config = Self::databases(file, state_dir)?;
        if let Some(path) = file {
            let raw = Raw::read(path)?;
            config.key_value = key_values(path, raw.key_value_store)?;
        }
        config
            .key_value
            .entry(DEFAULT_LABEL.into())
            .or_insert_with(|| KeyValueStore {
                path: Some(state_dir.join(DEFAULT_KEY_VALUE_FILE)),
            });
        Ok(config)
    }

    /// As `load`, for whoever needs the databases alone: what the file says of key-value stores may be anything.
    pub fn databases(file: Option<&Path>, state_dir: &Path) -> Result<Self, LoadError> {
        let mut config = Self::default();
        if let Some(path) = file {
            config.sqlite = databases(path, Raw::read(path)?.sqlite_database)?;
        }
        config.sqlite.entry(DEFAULT_LABEL.into()).or_insert_with(|| {
            SqliteDatabase::File(SqliteFile {
                path: Some(state_dir.join(DEFAULT_SQLITE_FILE)),
                allow_attach_file: false,
            })
        });
        Ok(config)
    }
}

impl Raw {
    fn read(file: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read_to_string(file).map_err(|source| LoadError::Read {
            path: file.to_owned(),
            source,
        })?;
        Self::parse(file, &text)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, LoadError> {
        toml::from_str(text).map_err(|error| LoadError::Syntax {
            path: file.to_owned(),
            problem: error.to_string().trim_end().to_owned(),
        })
    }
}

fn databases(file: &Path, stores: BTreeMap<String, RawStore>) -> Result<BTreeMap<String, SqliteDatabase>, LoadError> {
    let mut found = BTreeMap::new();
    for (label, store) in stores {
        let place = Place {
            file,
            key: format!("sqlite_database.{label}"),
        };
        let database = match store.r#type.as_str() {
            "spin" => SqliteDatabase::File(place.file(store.fields)?),
            "libsql" => SqliteDatabase::Libsql(place.server(store.fields)?),
            other => {
                let problem = format!("{other:?} is unknown; use \"spin\" or \"libsql\"");
                return Err(place.wrong(".type", problem));
            }
        };
        found.insert(label, database);
    }
    Ok(found)
}

fn key_values(file: &Path, stores: BTreeMap<String, RawStore>) -> Result<BTreeMap<String, KeyValueStore>, LoadError> {
    let mut found = BTreeMap::new();
    for (label, store) in stores {
        let place = Place {
            file,
            key: format!("key_value_store.{label}"),
        };
        let path = match store.r#type.as_str() {
            "spin" => place.file(store.fields)?.path,
            "redis" => {
                let problem = "\"redis\" is not supported yet by this host; use \"spin\"";
                return Err(place.wrong(".type", problem.to_owned()));
            }
            other => return Err(place.wrong(".type", format!("{other:?} is unknown; use \"spin\""))),
        };
        found.insert(label, KeyValueStore { path });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> SqliteDatabase {
        SqliteDatabase::File(SqliteFile {
            path: Some(path.into()),
            allow_attach_file: false,
        })
    }

    fn parse(file: &str, text: &str) -> Result<RuntimeConfig, LoadError> {
        let raw = Raw::parse(Path::new(file), text)?;
        Ok(RuntimeConfig {
            sqlite: databases(Path::new(file), raw.sqlite_database)?,
            key_value: key_values(Path::new(file), raw.key_value_store)?,
        })
    }

    fn refusal(text: &str) -> String {
        parse("r.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_path_is_relative_to_the_file_and_none_means_memory() {
        let text = "[sqlite_database.a]\ntype = \"spin\"\npath = \"x.db\"\n[key_value_store.b]\ntype = \"spin\"\n";
        let config = parse("/etc/app/runtime.toml", text).unwrap();
        assert_eq!(config.sqlite["a"], file("/etc/app/x.db"));
        assert_eq!(config.key_value["b"].path, None);
    }

    #[test]
    fn the_default_label_lives_in_the_state_folder() {
        let config = RuntimeConfig::load(None, Path::new("/state")).unwrap();
        assert_eq!(config.sqlite[DEFAULT_LABEL], file("/state/sqlite_db.db"));
        assert_eq!(
            config.key_value[DEFAULT_LABEL].path,
            Some("/state/sqlite_key_value.db".into())
        );
    }

    #[test]
    fn a_libsql_server_has_a_url_and_a_token_as_on_spin() {
        let text = "[sqlite_database.default]\ntype = \"libsql\"\nurl = \"http://127.0.0.1:8080\"\ntoken = \"t\"\n";
        let config = parse("r.toml", text).unwrap();
        let SqliteDatabase::Libsql(server) = &config.sqlite[DEFAULT_LABEL] else {
            panic!("{config:?}");
        };
        assert_eq!(
            (server.url.as_str(), server.token.as_str()),
            ("http://127.0.0.1:8080", "t")
        );
        assert!(!format!("{config:?}").contains("\"t\""), "the token is a secret");
        let without = refusal("[sqlite_database.default]\ntype = \"libsql\"\nurl = \"http://x\"\n");
        assert!(without.contains("missing field `token`"), "{without}");
        let other = refusal("[sqlite_database.a]\ntype = \"libsql\"\nurl = \"libsql://x\"\ntoken = \"\"\n");
        assert!(other.starts_with("r.toml: `sqlite_database.a.url`: must be"), "{other}");
    }

    #[test]
    fn whoever_needs_the_databases_alone_takes_any_key_value_store() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.toml");
        let text = "[sqlite_database.default]\ntype = \"spin\"\npath = \"x.db\"\n\
                    [key_value_store.default]\ntype = \"redis\"\nurl = \"redis://x\"\n";
        std::fs::write(&file, text).unwrap();
        let config = RuntimeConfig::databases(Some(&file), Path::new("/state")).unwrap();
        assert_eq!(
            config.sqlite[DEFAULT_LABEL],
            SqliteDatabase::File(SqliteFile {
                path: Some(folder.path().join("x.db")),
                allow_attach_file: false,
            })
        );
        assert!(RuntimeConfig::load(Some(&file), Path::new("/state")).is_err());
    }

    #[test]
    fn a_type_that_is_not_there_yet_says_so() {
        assert_eq!(
            refusal("[key_value_store.default]\ntype = \"redis\"\nurl = \"redis://x\"\n"),
            "r.toml: `key_value_store.default.type`: \"redis\" is not supported yet by this host; use \"spin\""
        );
        assert_eq!(
            refusal("[sqlite_database.default]\ntype = \"mysql\"\n"),
            "r.toml: `sqlite_database.default.type`: \"mysql\" is unknown; use \"spin\" or \"libsql\""
        );
    }
}
