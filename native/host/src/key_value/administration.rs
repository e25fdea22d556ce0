//! The same stores for commands of an operator, from outside of any component.

use std::path::Path;

use super::local::LocalStores;
use crate::error::LoadError;
use crate::runtime_config::RuntimeConfig;

/// Puts a value into the store with this label. `false` when the store isn't a file of this machine.
pub fn put_key_value(
    runtime_config: Option<&Path>,
    state_dir: &Path,
    label: &str,
    key: &str,
    value: &[u8],
) -> Result<bool, LoadError> {
    // A store of another type than this host has is no fault here: the host that runs may be another.
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
