//! Where the values of variables come from.

use std::collections::BTreeMap;

use super::Variables;
use crate::error::LoadError;
use crate::manifest::Manifest;

const ENVIRONMENT_PREFIX: &str = "SPIN_VARIABLE_";

/// Gives every variable of the manifest its value: the embedder's, else the environment's, else the manifest's default.
/// Fails for a variable without any.
pub fn resolve(
    manifest: &Manifest,
    given: &BTreeMap<String, String>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Variables, LoadError> {
    let mut values = BTreeMap::new();
    for (name, variable) in &manifest.variables {
        let env = format!("{ENVIRONMENT_PREFIX}{}", name.to_ascii_uppercase());
        let value = given
            .get(name)
            .cloned()
            .or_else(|| environment(&env))
            .or_else(|| variable.default.clone())
            .ok_or_else(|| LoadError::MissingVariable {
                path: manifest.path.clone(),
                name: name.clone(),
                env,
            })?;
        values.insert(name.clone(), value);
    }
    Ok(Variables(values))
}
