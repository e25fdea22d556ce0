//! Loads an application from its files.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::application::{Application, Target};
use crate::compile::{self, Ahead};
use crate::component::Component;
use crate::config::{HostConfig, Limits, ProgressSink};
use crate::error::LoadError;
use crate::inbound::config::RouteSpec;
use crate::inbound::routes::Router;
use crate::key_value::local::LocalStores;
use crate::manifest::{self, Manifest, TriggerTarget};
use crate::outbound::application::ApplicationEgress;
use crate::outbound::config::AllowedHosts;
use crate::runtime_config::RuntimeConfig;
use crate::sqlite::config as sqlite;
use crate::state::{ComponentConfig, Shared};
use crate::variables::{self, Variables};
use crate::{engine, files};

pub async fn load(config: HostConfig) -> Result<Arc<Application>, LoadError> {
    // Reading and compiling keep whole threads busy.
    let loaded = tokio::task::spawn_blocking(move || load_blocking(config)).await;
    loaded.map_err(|error| LoadError::Engine(error.to_string()))?
}

/// Compiles an application's components for every later start, with any state folder.
pub fn compile_ahead(manifest: &Path, optimize: bool, progress: &ProgressSink) -> Result<Ahead, LoadError> {
    let manifest = Manifest::read(manifest)?;
    // Nothing runs, so no room for instances is reserved.
    let limits = Limits {
        max_instances: 1,
        ..Limits::default()
    };
    let (engine, _) = engine::build(limits, optimize)?;
    compile::ahead(&engine, &manifest, progress)
}

fn load_blocking(config: HostConfig) -> Result<Arc<Application>, LoadError> {
    let manifest = Manifest::read(&config.manifest)?;
    let runtime = RuntimeConfig::load(config.runtime_config.as_deref(), &config.state_dir)?;
    let variables = variables::config::resolve(&manifest, &config.variables, |name| std::env::var(name).ok())?;
    std::fs::create_dir_all(&config.state_dir).map_err(|source| LoadError::Create {
        path: config.state_dir.clone(),
        source,
    })?;
    let files = copied_files(&manifest)?;
    let (engine, limits) = engine::build(config.limits, config.optimize)?;
    let codes = compile::all(
        &engine,
        &manifest,
        config.cache_dir.as_deref(),
        &config.progress,
        |_, _| false,
    )?;
    let shared = Arc::new(Shared {
        limits,
        databases: runtime
            .sqlite
            .into_iter()
            .filter_map(|(label, database)| Some((label, sqlite::database(database)?)))
            .collect(),
        sqlite_counters: Arc::default(),
        key_value: runtime
            .key_value
            .into_iter()
            .map(|(label, store)| (label, Arc::new(LocalStores::new(store)) as _))
            .collect(),
        component_log: config.component_log.clone(),
        instances: Arc::new(Semaphore::new(limits.max_instances)),
        live_instances: AtomicUsize::new(0),
        instances_made: AtomicU64::new(0),
    });
    let egress = Arc::new(ApplicationEgress::new());
    let names: Vec<String> = manifest.components.keys().cloned().collect();
    let mut components = HashMap::new();
    for compiled in codes {
        let id = compiled.id.clone();
        let described = &manifest.components[&id];
        let grants = grants(&manifest, &id, described, &variables, &names, &shared, files.as_ref())?;
        let component = Component::new(&engine, compiled, Arc::new(grants), egress.clone())
            .map_err(|error| compile::of_component(&manifest, &id, format!("{error:#}")))?;
        components.insert(id, Arc::new(component));
    }
    let router = router(&manifest, &components)?;
    engine::start_clock(&engine);
    let application = Arc::new(Application {
        manifest,
        engine,
        cache_dir: config.cache_dir,
        progress: config.progress,
        limits,
        router,
        components,
        shared,
        requests: Arc::new(Semaphore::new(limits.max_concurrent_requests)),
        route_headers: config.route_headers,
        closing: AtomicBool::new(false),
        reloaded: Mutex::new(false),
        _files: files,
    });
    egress.connect(&application);
    Ok(application)
}

/// Replaces the code of the components whose files have changed, and returns their names.
pub async fn reload(application: Arc<Application>) -> Result<Vec<String>, LoadError> {
    let reloaded = tokio::task::spawn_blocking(move || reload_blocking(&application)).await;
    reloaded.map_err(|error| LoadError::Engine(error.to_string()))?
}

fn reload_blocking(application: &Application) -> Result<Vec<String>, LoadError> {
    let mut reloaded = application.reloaded.lock().unwrap_or_else(PoisonError::into_inner);
    *reloaded = true;
    let Application {
        engine,
        manifest,
        components,
        cache_dir,
        progress,
        ..
    } = application;
    let runs = |id: &str, entry: &str| components.get(id).is_some_and(|component| component.runs(entry));
    // Everything is linked before anything is replaced.
    let mut versions = Vec::new();
    for compiled in compile::all(engine, manifest, cache_dir.as_deref(), progress, runs)? {
        let id = compiled.id.clone();
        if let Some(component) = components.get(&id) {
            let version = component
                .link(engine, compiled)
                .map_err(|error| compile::of_component(manifest, &id, format!("{error:#}")))?;
            versions.push((id, component, version));
        }
    }
    let replace = |(id, component, version): (String, &Arc<Component>, _)| {
        component.replace(version);
        id
    };
    Ok(versions.into_iter().map(replace).collect())
}

fn grants(
    manifest: &Manifest,
    id: &str,
    component: &manifest::Component,
    variables: &Variables,
    names: &[String],
    shared: &Arc<Shared>,
    files: Option<&tempfile::TempDir>,
) -> Result<ComponentConfig, LoadError> {
    let value = |key: &str, problem: String| LoadError::Value {
        path: manifest.path.clone(),
        key: format!("component.{id}.{key}"),
        problem,
    };
    let allowed = AllowedHosts::parse(&component.allowed_outbound_hosts, variables, names)
        .map_err(|problem| value("allowed_outbound_hosts", problem))?;
    for label in &component.sqlite_databases {
        if !shared.databases.contains_key(label) {
            let problem = format!("no database {label:?} in the runtime configuration");
            return Err(value("sqlite_databases", problem));
        }
    }
    for label in &component.key_value_stores {
        if !shared.key_value.contains_key(label) {
            let problem = format!("no store {label:?} in the runtime configuration");
            return Err(value("key_value_stores", problem));
        }
    }
    let mounts = match files {
        Some(dir) => files::host::prepare(&manifest.dir, component, &dir.path().join(id))
            .map_err(|(key, problem)| value(&key, problem))?,
        None => Vec::new(),
    };
    Ok(ComponentConfig {
        shared: shared.clone(),
        id: id.into(),
        sqlite_databases: component.sqlite_databases.iter().cloned().collect(),
        key_value_stores: component.key_value_stores.iter().cloned().collect(),
        variables: variables.of_component(&component.variables),
        environment: component
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        mounts,
        allowed_hosts: Arc::new(allowed),
    })
}

fn router(manifest: &Manifest, components: &HashMap<String, Arc<Component>>) -> Result<Router<Target>, LoadError> {
    let mut routes = Vec::new();
    for (index, trigger) in manifest.triggers.iter().enumerate() {
        let value = |problem: String| LoadError::Value {
            path: manifest.path.clone(),
            key: format!("trigger.http[{index}].route"),
            problem,
        };
        let route = match &trigger.route {
            RouteSpec::Path(route) => route.clone(),
            RouteSpec::Private(private) if private.private => continue,
            RouteSpec::Private(_) => {
                return Err(value("must be a path or `{ private = true }`".into()));
            }
        };
        let target = match &trigger.target {
            TriggerTarget::Static(answer) => Target::Static(Arc::new(answer.clone())),
            TriggerTarget::Component(id) => Target::Component(id.clone(), components[id].clone()),
        };
        routes.push((route, target));
    }
    Router::new(routes).map_err(|(route, problem)| LoadError::Value {
        path: manifest.path.clone(),
        key: format!("trigger.http.route {route:?}"),
        problem,
    })
}

fn copied_files(manifest: &Manifest) -> Result<Option<tempfile::TempDir>, LoadError> {
    if manifest.components.values().all(|c| c.files.is_empty()) {
        return Ok(None);
    }
    let dir = tempfile::tempdir().map_err(|source| LoadError::Create {
        path: std::env::temp_dir(),
        source,
    })?;
    Ok(Some(dir))
}
