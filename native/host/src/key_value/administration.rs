//! Access to the stores for an operator's commands.

use std::path::Path;

use super::local::LocalStores;
use crate::error::LoadError;
use crate::runtime_config::RuntimeConfig;

/// Stores a value under this label. Returns `false` if the store is not a file of this machine.
pub fn put_key_value(
    runtime_config: Option<&Path>,
    state_dir: &Path,
    label: &str,
    key: &str,
    value: &[u8],
) -> Result<bool, LoadError> {
    // A store type that this host does not support is no error: another host may run the application.
    let Ok(mut config) = RuntimeConfig::load(runtime_config, state_dir) else {
        return Ok(false);
    };
    let Some(store) = config.key_value.remove(label).filter(|store| store.path.is_some()) else {
        return Ok(false);
    };
    LocalStores::new(store)
        .put(label, key, value)
        .map_err(|error| LoadError::Engine(error.to_string()))?;
    Ok(true)
}
