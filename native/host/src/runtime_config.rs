//! The runtime configuration: which database and key-value store stands behind each label.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::LoadError;

/// The label that exists without any configuration.
pub const DEFAULT_LABEL: &str = "default";
const DEFAULT_SQLITE_FILE: &str = "sqlite_db.db";
const DEFAULT_KEY_VALUE_FILE: &str = "sqlite_key_value.db";

#[derive(Debug, Default)]
pub struct RuntimeConfig {
    pub sqlite: BTreeMap<String, SqliteDatabase>,
    pub key_value: BTreeMap<String, KeyValueStore>,
}

/// A file, or memory when there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct SqliteDatabase {
    pub path: Option<PathBuf>,
    pub allow_attach_file: bool,
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
    path: Option<PathBuf>,
    #[serde(default)]
    allow_attach_file: bool,
}

impl RuntimeConfig {
    /// Reads `file` if there is one, and adds the defaults in `state_dir`.
    pub fn load(file: Option<&Path>, state_dir: &Path) -> Result<Self, LoadError> {
        let mut config = match file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
                    path: path.to_owned(),
                    source,
                })?;
                Self::parse(path, &text)?
            }
            None => Self::default(),
        };
        config
            .sqlite
            .entry(DEFAULT_LABEL.into())
            .or_insert_with(|| SqliteDatabase {
                path: Some(state_dir.join(DEFAULT_SQLITE_FILE)),
                allow_attach_file: false,
            });
        config
            .key_value
            .entry(DEFAULT_LABEL.into())
            .or_insert_with(|| KeyValueStore {
                path: Some(state_dir.join(DEFAULT_KEY_VALUE_FILE)),
            });
        Ok(config)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, LoadError> {
        let raw: Raw = toml::from_str(text).map_err(|error| LoadError::Syntax {
            path: file.to_owned(),
            problem: error.to_string().trim_end().to_owned(),
        })?;
        let base = file.parent().unwrap_or(Path::new("."));
        let kind = |key: String, raw: &RawStore, later: &str| match raw.r#type.as_str() {
            "spin" => Ok(()),
            other => Err(LoadError::Value {
                path: file.to_owned(),
                key: format!("{key}.type"),
                problem: if other == later {
                    format!("{other:?} is not supported yet by this host; use \"spin\"")
                } else {
                    format!("{other:?} is unknown; use \"spin\"")
                },
            }),
        };
        let mut config = Self::default();
        for (label, store) in raw.sqlite_database {
            kind(format!("sqlite_database.{label}"), &store, "libsql")?;
            let path = store.path.map(|path| base.join(path));
            config.sqlite.insert(
                label,
                SqliteDatabase {
                    path,
                    allow_attach_file: store.allow_attach_file,
                },
            );
        }
        for (label, store) in raw.key_value_store {
            kind(format!("key_value_store.{label}"), &store, "redis")?;
            let path = store.path.map(|path| base.join(path));
            config.key_value.insert(label, KeyValueStore { path });
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_to_the_file_and_none_means_memory() {
        let text = "[sqlite_database.a]\ntype = \"spin\"\npath = \"x.db\"\n[key_value_store.b]\ntype = \"spin\"\n";
        let config = RuntimeConfig::parse(Path::new("/etc/app/runtime.toml"), text).unwrap();
        assert_eq!(config.sqlite["a"].path, Some("/etc/app/x.db".into()));
        assert_eq!(config.key_value["b"].path, None);
    }

    #[test]
    fn the_default_label_lives_in_the_state_folder() {
        let config = RuntimeConfig::load(None, Path::new("/state")).unwrap();
        assert_eq!(config.sqlite[DEFAULT_LABEL].path, Some("/state/sqlite_db.db".into()));
        assert_eq!(
            config.key_value[DEFAULT_LABEL].path,
            Some("/state/sqlite_key_value.db".into())
        );
    }

    #[test]
    fn a_type_that_is_not_there_yet_says_so() {
        let text = "[sqlite_database.default]\ntype = \"libsql\"\nurl = \"http://x\"\n";
        let error = RuntimeConfig::parse(Path::new("r.toml"), text).unwrap_err();
        assert_eq!(
            error.to_string(),
            "r.toml: `sqlite_database.default.type`: \"libsql\" is not supported yet by this host; use \"spin\""
        );
    }
}
