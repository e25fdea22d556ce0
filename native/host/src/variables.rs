//! The application's variables, and what each component sees of them.

use std::collections::{BTreeMap, HashMap};

use crate::error::LoadError;
use crate::manifest::Manifest;
use crate::template::Template;

const ENVIRONMENT_PREFIX: &str = "SPIN_VARIABLE_";

/// Every variable with its value.
#[derive(Debug, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// The value is the first of: what the embedder gives, the environment, the manifest's default.
    pub fn resolve(
        manifest: &Manifest,
        given: &BTreeMap<String, String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, LoadError> {
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
        Ok(Self(values))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What `spin:variables` tells one component. The manifest was checked, so each template has its variables.
    pub fn of_component(&self, templates: &BTreeMap<String, String>) -> HashMap<String, String> {
        templates
            .iter()
            .filter_map(|(name, text)| {
                let value = Template::parse(text).ok()?.resolve(|v| self.get(v)).ok()?;
                Some((name.clone(), value))
            })
            .collect()
    }
}
