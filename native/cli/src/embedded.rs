//! The embedded host as the sidecar's backend.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use nexus_domain::settings::{RELAY_URL, Settings};
use nexus_host::{Host, HostConfig, Limits, LoadError, LogSink, ProgressSink};
use nexus_sidecar::backend::{Backend, BackendError, Body};

use crate::components::Manifest;
use crate::data_dir::DataDir;
use crate::failure::Failure;

pub struct EmbeddedBackend(Host);

impl EmbeddedBackend {
    pub fn shared(host: Host) -> Arc<dyn Backend> {
        Arc::new(Self(host))
    }
}

impl Backend for EmbeddedBackend {
    fn call(
        &self,
        request: Request<Body>,
        client: SocketAddr,
    ) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        let host = self.0.clone();
        async move { Ok(host.handle(request, client).await) }.boxed()
    }
}

/// Where an application runs, and how its components are compiled.
pub struct Location<'a> {
    pub data: &'a DataDir,
    /// The folder for code that was not compiled ahead.
    pub code_cache: Option<PathBuf>,
    /// Whether components are compiled with optimisations.
    pub optimize: bool,
    /// The address of the process.
    pub address: SocketAddr,
}

pub async fn load(
    manifest: &Manifest,
    location: Location<'_>,
    settings: &Settings,
    component_log: LogSink,
    progress: ProgressSink,
) -> Result<Host, Failure> {
    let mut variables = settings.variables();
    // Components post their events to this process, whatever the setting is.
    variables.insert(RELAY_URL.variable(), own_url(location.address));
    let config = HostConfig {
        manifest: manifest.find()?,
        state_dir: location.data.state(),
        runtime_config: manifest.runtime_config.clone(),
        variables,
        optimize: location.optimize,
        cache_dir: location.code_cache,
        progress,
        limits: limits(),
        // The components use the edge's signed headers and the path instead.
        route_headers: false,
        component_log,
    };
    Host::load(config).await.map_err(|error| match error {
        // Problems of files that the operator named or wrote.
        LoadError::Read { .. }
        | LoadError::Syntax { .. }
        | LoadError::Value { .. }
        | LoadError::MissingVariable { .. }
        | LoadError::AddressSpace { .. } => Failure::configuration(error),
        error => Failure::failed("the components can't be loaded", error),
    })
}

/// A new instance opens its connection, reads the schema and the settings, and builds its router, which costs as much as
/// some hundred requests. So instances are kept longer than on Spin, whose defaults suit many tenants on one machine.
fn limits() -> Limits {
    Limits {
        max_instance_reuse: 100_000,
        idle_timeout: Duration::from_secs(30),
        ..Limits::default()
    }
}

/// The URL by which this process reaches itself. An unspecified address becomes loopback.
pub fn own_url(address: SocketAddr) -> String {
    let mut own = address;
    if address.ip().is_unspecified() {
        own.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    format!("http://{own}")
}
