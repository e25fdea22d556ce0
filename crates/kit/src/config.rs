//! The settings a component was granted, read once per instance.

use std::collections::BTreeMap;

use nexus_domain::settings::{Secret, Setting};

use crate::Problem;

/// Settings by variable name (lower case). One that a component was not granted is simply not here.
#[derive(Clone, Default)]
pub struct Config {
    given: BTreeMap<String, String>,
}

impl Config {
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self {
            given: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// Asks Spin for every setting in the registry.
    #[cfg(target_arch = "wasm32")]
    pub async fn from_variables() -> Self {
        let mut given = BTreeMap::new();
        for setting in nexus_domain::settings::ALL {
            let name = setting.name().to_ascii_lowercase();
            if let Ok(value) = spin_sdk::variables::get(&name).await {
                given.insert(name, value);
            }
        }
        Self { given }
    }

    /// The value of a setting; a bad one is our operator's fault and is told to the log.
    pub fn get<T>(&self, setting: &Setting<T>) -> Result<T, Problem> {
        let text = self
            .given
            .get(&setting.variable())
            .map(String::as_str)
            .unwrap_or_default();
        setting
            .parse(text)
            .map_err(|error| Problem::internal(error.to_string()))
    }

    /// A secret and, while it is being replaced, the one before it.
    pub fn secrets(
        &self,
        present: &Setting<Secret>,
        previous: &Setting<Option<Secret>>,
    ) -> Result<Vec<Secret>, Problem> {
        let mut secrets = vec![self.get(present)?];
        secrets.extend(self.get(previous)?);
        Ok(secrets)
    }
}
