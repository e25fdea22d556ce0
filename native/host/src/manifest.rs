//! The parts of `spin.toml`, version 2, that an HTTP application on one machine needs.
//!
//! Unknown keys are errors, as on Spin, so that a typing error does not silently remove a grant or a route.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::LoadError;
use crate::files::config::FilesEntry;
use crate::inbound::config::{RouteSpec, StaticResponse};
use crate::template;

/// A validated manifest.
#[derive(Debug)]
pub struct Manifest {
    pub path: PathBuf,
    /// The folder from which relative paths start.
    pub dir: PathBuf,
    pub name: String,
    pub variables: BTreeMap<String, Variable>,
    pub triggers: Vec<HttpTrigger>,
    pub components: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    spin_manifest_version: toml::Value,
    application: Application,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    #[serde(default)]
    trigger: BTreeMap<String, Vec<toml::Table>>,
    #[serde(default)]
    component: BTreeMap<String, Component>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Application {
    name: String,
    #[serde(default, rename = "version")]
    _version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
    #[serde(default, rename = "targets")]
    _targets: Vec<toml::Value>,
    #[serde(default)]
    trigger: BTreeMap<String, toml::Table>,
    #[serde(default, rename = "tool")]
    _tool: BTreeMap<String, toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub default: Option<String>,
    /// Spin hides such a value in its logs. This host logs no values.
    #[serde(default, rename = "secret")]
    _secret: bool,
}

#[derive(Debug)]
pub struct HttpTrigger {
    pub route: RouteSpec,
    pub target: TriggerTarget,
}

#[derive(Debug)]
pub enum TriggerTarget {
    Component(String),
    Static(StaticResponse),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTrigger {
    #[serde(default, rename = "id")]
    _id: String,
    component: Option<ComponentRef>,
    static_response: Option<StaticResponse>,
    route: RouteSpec,
    executor: Option<Executor>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ComponentRef {
    Name(String),
    Inline(Box<Component>),
}

#[derive(Debug, Deserialize)]
struct Executor {
    r#type: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    pub source: Source,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub files: Vec<FilesEntry>,
    #[serde(default)]
    pub exclude_files: Vec<String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub key_value_stores: Vec<String>,
    #[serde(default)]
    pub sqlite_databases: Vec<String>,
    #[serde(default, rename = "ai_models")]
    _ai_models: Vec<String>,
    #[serde(default, rename = "targets")]
    _targets: Option<Vec<toml::Value>>,
    pub build: Option<Build>,
    #[serde(default, rename = "tool")]
    _tool: BTreeMap<String, toml::Table>,
    #[serde(default)]
    pub dependencies_inherit_configuration: Option<bool>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, Dependency>,
    #[serde(default, rename = "profile")]
    _profile: BTreeMap<String, toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Source {
    Local(String),
    Elsewhere(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    pub command: Commands,
    pub workdir: Option<PathBuf>,
    #[serde(default, rename = "watch")]
    _watch: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Commands {
    One(String),
    Several(Vec<String>),
}

impl Commands {
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(command) => std::slice::from_ref(command),
            Self::Several(commands) => commands,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Dependency {
    Described(Described),
    /// From a registry, which this host does not support.
    Version(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
pub struct Described {
    pub path: Option<PathBuf>,
    pub component: Option<String>,
    pub export: Option<String>,
    pub inherit_configuration: Option<Inherit>,
}

/// The grants that a dependency inherits from its parent. The default is none.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub enum Inherit {
    All(bool),
    Some(Vec<String>),
}

impl Manifest {
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let text = std::fs::read_to_string(path).map_err(|source| LoadError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(path, &text)
    }

    pub fn parse(path: &Path, text: &str) -> Result<Self, LoadError> {
        let raw: RawManifest = toml::from_str(text).map_err(|error| LoadError::Syntax {
            path: path.to_owned(),
            problem: error.to_string().trim_end().to_owned(),
        })?;
        let value = |key: String, problem: String| LoadError::Value {
            path: path.to_owned(),
            key,
            problem,
        };
        if raw.spin_manifest_version.as_integer() != Some(2) {
            return Err(value(
                "spin_manifest_version".into(),
                "must be 2, the only version this host reads".into(),
            ));
        }
        if let Some(base) = raw.application.trigger.get("http").and_then(|t| t.get("base"))
            && base.as_str() != Some("/")
        {
            return Err(value(
                "application.trigger.http.base".into(),
                "is no longer supported; write the whole path in each route".into(),
            ));
        }
        let mut components = raw.component;
        let triggers = http_triggers(raw.trigger, &mut components).map_err(|(key, problem)| value(key, problem))?;
        for (name, variable) in &raw.variables {
            let key = || format!("variables.{name}");
            if let Some(problem) = template::invalid_name(name) {
                return Err(value(key(), problem));
            }
            if variable.required == variable.default.is_some() {
                return Err(value(key(), "needs either `required = true` or a `default`".into()));
            }
        }
        let known: HashSet<&str> = raw.variables.keys().map(String::as_str).collect();
        for (id, component) in &components {
            check_component(id, component, &known)
                .map_err(|(key, problem)| value(format!("component.{id}.{key}"), problem))?;
        }
        let dir = match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => dir.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self {
            path: path.to_owned(),
            dir,
            name: raw.application.name,
            variables: raw.variables,
            triggers,
            components,
        })
    }
}

type Problem = (String, String);

fn http_triggers(
    triggers: BTreeMap<String, Vec<toml::Table>>,
    components: &mut BTreeMap<String, Component>,
) -> Result<Vec<HttpTrigger>, Problem> {
    let mut result = Vec::new();
    for (kind, tables) in triggers {
        if kind != "http" {
            return Err((
                format!("trigger.{kind}"),
                "this host answers `http` triggers only".into(),
            ));
        }
        for (index, table) in tables.into_iter().enumerate() {
            let key = format!("trigger.http[{index}]");
            let raw: RawTrigger = table
                .try_into()
                .map_err(|e: toml::de::Error| (key.clone(), e.message().to_owned()))?;
            if let Some(executor) = raw.executor
                && executor.r#type != "http"
            {
                return Err((
                    format!("{key}.executor"),
                    format!("{:?} is not supported, only \"http\"", executor.r#type),
                ));
            }
            let target = match (raw.component, raw.static_response) {
                (Some(ComponentRef::Name(name)), None) => {
                    if !components.contains_key(&name) {
                        return Err((format!("{key}.component"), format!("there is no component {name:?}")));
                    }
                    TriggerTarget::Component(name)
                }
                (Some(ComponentRef::Inline(component)), None) => {
                    let name = format!("inline-http-trigger{index}");
                    components.insert(name.clone(), *component);
                    TriggerTarget::Component(name)
                }
                (None, Some(answer)) => TriggerTarget::Static(answer),
                _ => {
                    return Err((key, "needs either `component` or `static_response`".into()));
                }
            };
            result.push(HttpTrigger {
                route: raw.route,
                target,
            });
        }
    }
    Ok(result)
}

fn check_component(id: &str, component: &Component, variables: &HashSet<&str>) -> Result<(), Problem> {
    let kebab = id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !id.ends_with('-')
        && !id.contains("--");
    if !kebab {
        return Err((
            String::new(),
            "a component's name is letters and numbers, joined by single `-`".into(),
        ));
    }
    if let Source::Elsewhere(_) = component.source {
        return Err((
            "source".into(),
            "only a file is supported, not a URL or a registry".into(),
        ));
    }
    for (name, text) in &component.variables {
        let key = format!("variables.{name}");
        if let Some(problem) = template::invalid_name(name) {
            return Err((key, problem));
        }
        template::Template::parse(text)
            .map_err(|e| e.to_string())
            .and_then(|t| {
                t.resolve(|name| variables.get(name).copied())
                    .map_err(|e| e.to_string())
            })
            .map_err(|problem| (key, problem))?;
    }
    if component.dependencies_inherit_configuration.is_some()
        && component
            .dependencies
            .values()
            .any(|d| matches!(d, Dependency::Described(d) if d.inherit_configuration.is_some()))
    {
        return Err((
            "dependencies_inherit_configuration".into(),
            "can't stand beside a dependency's own `inherit_configuration`".into(),
        ));
    }
    Ok(())
}
