//! `[key_value_store.LABEL]` of the runtime configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::error::LoadError;
use crate::runtime_config::{Entry, RawStore};

/// A SQLite file, or memory when there is no path.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyValueStore {
    pub path: Option<PathBuf>,
}

/// Reads all stores of a runtime configuration file. `file` is for messages and relative paths.
pub fn read(file: &Path, stores: BTreeMap<String, RawStore>) -> Result<BTreeMap<String, KeyValueStore>, LoadError> {
    let mut found = BTreeMap::new();
    for (label, store) in stores {
        let entry = Entry::new(file, format!("key_value_store.{label}"));
        let path = match store.r#type.as_str() {
            "spin" => entry.file(store.fields)?.path,
            "redis" => {
                let problem = "\"redis\" is not supported yet by this host; use \"spin\"";
                return Err(entry.wrong(".type", problem.to_owned()));
            }
            other => return Err(entry.wrong(".type", format!("{other:?} is unknown; use \"spin\""))),
        };
        found.insert(label, KeyValueStore { path });
    }
    Ok(found)
}
