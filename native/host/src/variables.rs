//! `spin:variables`: the application's variables, and what each component sees of them.

pub mod config;
pub mod host;

use std::collections::{BTreeMap, HashMap};

use crate::template::Template;

/// Every variable of the application with its value.
#[derive(Debug, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Resolves one component's templates. The manifest is checked already, so every template resolves.
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
