//! HTTP triggers of the manifest.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A route as the manifest spells it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum RouteSpec {
    Path(String),
    Private(Private),
}

/// A component that other components of the application can call, and nobody else.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Private {
    pub private: bool,
}

/// A response that the host gives without a component.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticResponse {
    pub status_code: Option<u16>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
}
