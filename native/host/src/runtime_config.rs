//! The runtime configuration: the database or key-value store behind each label.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::LoadError;
use crate::key_value::config::{self as key_value, KeyValueStore};
use crate::sqlite::config::{self as sqlite, SqliteDatabase, SqliteFile};

/// The label that exists without any configuration.
pub const DEFAULT_LABEL: &str = "default";
const DEFAULT_SQLITE_FILE: &str = "sqlite_db.db";
const DEFAULT_KEY_VALUE_FILE: &str = "sqlite_key_value.db";

#[derive(Debug, Default)]
pub struct RuntimeConfig {
    pub sqlite: BTreeMap<String, SqliteDatabase>,
    pub key_value: BTreeMap<String, KeyValueStore>,
}

/// The file. Other tables belong to parts of Spin that this host does not have; they are ignored.
#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    sqlite_database: BTreeMap<String, RawStore>,
    #[serde(default)]
    key_value_store: BTreeMap<String, RawStore>,
}

/// One table. Its fields depend on its type.
#[derive(Deserialize)]
pub struct RawStore {
    pub r#type: String,
    #[serde(flatten)]
    pub fields: toml::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    path: Option<PathBuf>,
    #[serde(default)]
    allow_attach_file: bool,
}

/// One table's file and key, for messages and relative paths.
pub struct Entry<'a> {
    file: &'a Path,
    key: String,
}

impl<'a> Entry<'a> {
    pub fn new(file: &'a Path, key: String) -> Self {
        Self { file, key }
    }

    /// An error about a field, written `.field`, or about the whole table.
    pub fn wrong(&self, field: &str, problem: String) -> LoadError {
        LoadError::Value {
            path: self.file.to_owned(),
            key: format!("{}{field}", self.key),
            problem,
        }
    }

    pub fn read<T: serde::de::DeserializeOwned>(&self, fields: toml::Table) -> Result<T, LoadError> {
        fields
            .try_into()
            .map_err(|error: toml::de::Error| self.wrong("", error.to_string().trim_end().to_owned()))
    }

    /// Reads a store of type `spin`. A relative path starts from the configuration file.
    pub fn file(&self, fields: toml::Table) -> Result<SqliteFile, LoadError> {
        let raw: RawFile = self.read(fields)?;
        let base = self.file.parent().unwrap_or(Path::new("."));
        Ok(SqliteFile {
            path: raw.path.map(|path| base.join(path)),
            allow_attach_file: raw.allow_attach_file,
        })
    }
}

impl RuntimeConfig {
    /// Reads `file` if there is one, and adds the default stores in `state_dir`.
    pub fn load(file: Option<&Path>, state_dir: &Path) -> Result<Self, LoadError> {
        let mut config = Self::databases(file, state_dir)?;
        if let Some(path) = file {
            let raw = Raw::read(path)?;
            config.key_value = key_value::read(path, raw.key_value_store)?;
        }
        config
            .key_value
            .entry(DEFAULT_LABEL.into())
            .or_insert_with(|| KeyValueStore {
                path: Some(state_dir.join(DEFAULT_KEY_VALUE_FILE)),
            });
        Ok(config)
    }

    /// Same as `load`, for callers that need databases only. Key-value stores of any type are accepted.
    pub fn databases(file: Option<&Path>, state_dir: &Path) -> Result<Self, LoadError> {
        let mut config = Self::default();
        if let Some(path) = file {
            config.sqlite = sqlite::read(path, Raw::read(path)?.sqlite_database)?;
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
            sqlite: sqlite::read(Path::new(file), raw.sqlite_database)?,
            key_value: key_value::read(Path::new(file), raw.key_value_store)?,
        })
    }

    fn refusal(text: &str) -> String {
        parse("r.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_path_is_relative_to_the_file_and_no_path_is_memory() {
        let text = "[sqlite_database.a]\ntype = \"spin\"\npath = \"x.db\"\n[key_value_store.b]\ntype = \"spin\"\n";
        let config = parse("/etc/app/runtime.toml", text).unwrap();
        assert_eq!(config.sqlite["a"], file("/etc/app/x.db"));
        assert_eq!(config.key_value["b"].path, None);
    }

    #[test]
    fn the_default_label_is_in_the_state_folder() {
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
    fn databases_accepts_any_key_value_store() {
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
    fn an_unsupported_type_is_an_error() {
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
