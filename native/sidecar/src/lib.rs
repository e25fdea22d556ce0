//! The native, always-running half of Nexus: the edge that every request passes, the sockets, and
//! the scheduler. It holds no SQL and no business rule; what it must know it asks the components,
//! through [`backend::Backend`].

pub mod backend;
pub mod edge;
mod gauges;
mod metrics;
mod observed;
mod scheduler;
mod server;
pub mod signature;
pub mod sockets;

use std::sync::Arc;

use nexus_domain::settings::{SettingError, Settings};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::backend::Backend;
use crate::edge::Edge;
use crate::metrics::Metrics;
use crate::observed::Observed;
use crate::scheduler::{JOBS, Nudges};
use crate::signature::{InternalClient, Signer};
use crate::sockets::{Hub, SocketsConfig};

#[derive(Debug, Error)]
pub enum SidecarError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("metrics can't be set up: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// What differs between the two ways of running.
#[derive(Default)]
pub struct Surroundings {
    /// How many database connections are open, where the host can tell.
    pub open_connections: Option<Arc<dyn Fn() -> u64 + Send + Sync>>,
}

/// Serves until `shutdown` resolves, then drains: no new connections, sockets told and closed,
/// requests in flight finished.
pub async fn run(
    listener: TcpListener,
    backend: Arc<dyn Backend>,
    settings: &Settings,
    surroundings: Surroundings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), SidecarError> {
    let mut metrics = Metrics::new()?;
    if let Some(count) = surroundings.open_connections {
        metrics = metrics.with_open_connections(count);
    }
    let on_loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
    let nudges = Nudges::new(&JOBS);
    let backend: Arc<dyn Backend> = Arc::new(Observed::new(backend, metrics.clone(), nudges.clone()));
    let hub = Hub::new(SocketsConfig::read(settings)?, Arc::clone(&backend));
    let edge = Arc::new(Edge::new(
        Arc::clone(&backend),
        hub.clone(),
        metrics.clone(),
        settings,
        on_loopback,
    )?);
    let jobs = InternalClient::new(backend, Signer::read(settings)?);

    let (stop, stopped) = watch::channel(false);
    let serving = server::serve(listener, edge, stopped.clone());
    let showing = gauges::run(jobs.clone(), metrics, stopped.clone());
    let working = scheduler::run(&JOBS, jobs, nudges, stopped);
    let ending = async {
        shutdown.await;
        tracing::info!("stopping: no new connections");
        // Nobody listens only if everything has ended already.
        let _ = stop.send(true);
        hub.drain().await;
    };
    tokio::join!(serving, working, showing, ending);
    tracing::info!("stopped");
    Ok(())
}
