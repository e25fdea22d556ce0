//! In development, SIGHUP loads the components that were built again. `cargo xtask watch` sends it.

use std::time::Instant;

use nexus_host::Host;
use tokio::signal::unix::Signal;

/// Reloads changed components at each signal, until the task is dropped. After an error, the old code goes on.
pub async fn reload_on_hangup(host: Host, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        let start = Instant::now();
        match host.reload().await {
            Ok(components) => tracing::info!(?components, ms = start.elapsed().as_millis(), "components reloaded"),
            Err(error) => tracing::error!("components not reloaded: {error}"),
        }
    }
}
