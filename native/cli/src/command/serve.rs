//! `nexus serve`: the embedded host and the sidecar in one process and on one port.

use std::io::{Write, stdout};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use http::{Request, StatusCode};
use nexus_domain::settings::{Environment, MAIL_TRANSPORT, MailTransport, NEXUS_ENV};
use nexus_host::Host;
use nexus_sidecar::Surroundings;
use nexus_sidecar::backend::{Backend, empty};
use nexus_sidecar::signature::Signer;
use nexus_sidecar::sockets::SocketsConfig;

use crate::command::{ServerArguments, hangup_signal, runtime, stop_signal, unserved};
use crate::data_dir::{DataDir, Installation};
use crate::disk_space::SpaceCheckedBackend;
use crate::embedded::{self, EmbeddedBackend, Location, own_url};
use crate::failure::Failure;
use crate::folder_lock::FolderLock;
use crate::listen;
use crate::logging::Log;
use crate::settings_source::default_frontend;
use crate::{open_files, progress, reload, start_check};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    server: ServerArguments,
    /// Compiles components without optimisations; `cargo xtask watch` does
    #[arg(long, hide = true)]
    quick_compile: bool,
}

/// The interval at which a start checks readiness.
const READY_POLL: Duration = Duration::from_millis(20);
/// The time after readiness in which the first jobs run.
const SETTLED: Duration = Duration::from_secs(2);
/// After this time without readiness, the log points to the route that says what is missing.
const READY_OVERDUE: Duration = Duration::from_secs(10);

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { server, quick_compile } = arguments;
    let mut source = server.env_file.read()?;
    let address = source.address(server.listen.listen.as_ref())?;
    let data = DataDir::open(&server.data)?;
    let mut lock = FolderLock::take(data.path())?;
    let mut settings = source.settings(address, &data)?;
    // Wrong settings of the sockets end the start now, not after everything is loaded.
    SocketsConfig::read(&settings)?;
    let log = Log::start(&settings)?;
    log.warn_of(&mut source);
    open_files::raise_limit();
    Installation::new(server.data.clone(), server.manifest.runtime_config.clone()).check()?;

    runtime()?.block_on(async {
        let stop = stop_signal()?;
        // Bound before loading, since the components need the address.
        let listener = listen::bind(address).await?;
        let address = listener.local_addr().unwrap_or(address);
        lock.announce(&own_url(address));
        default_frontend(&mut settings, address)?;
        let location = Location {
            data: &data,
            optimize: !quick_compile,
            code_cache: Some(data.code_cache()),
            address,
        };
        let sink = log.component_sink();
        let host = embedded::load(&server.manifest, location, &settings, sink, progress::log()).await?;
        let mut backend = EmbeddedBackend::shared(host.clone());
        if server.manifest.runtime_config.is_none() {
            // Without a runtime configuration, all stores are in the data folder.
            backend = SpaceCheckedBackend::shared(backend, data.path().to_path_buf());
        }
        if settings.get(&MAIL_TRANSPORT)? == MailTransport::Sendgrid {
            start_check::at_start(Arc::clone(&backend), Signer::read(&settings)?).await?;
        }

        let counted = host.clone();
        let surroundings = Surroundings {
            open_connections: Some(Arc::new(move || counted.stats().open_database_connections as u64)),
        };
        if settings.get(&NEXUS_ENV)? == Environment::Development {
            tokio::spawn(reload::reload_on_hangup(host.clone(), hangup_signal()?));
        }
        let announcing = tokio::spawn(start_up(host.clone(), Arc::clone(&backend), own_url(address)));
        let served = nexus_sidecar::run(listener, backend, &settings, surroundings, stop).await;
        announcing.abort();
        host.shutdown().await;
        drop(lock);
        served.map_err(unserved)
    })
}

/// Announces the address once the product is ready. Then drops what only the start needed from memory.
async fn start_up(host: Host, backend: Arc<dyn Backend>, url: String) {
    announce_when_ready(backend, url).await;
    tokio::time::sleep(SETTLED).await;
    let bytes = host.release_unused_code().await;
    tracing::debug!(bytes, "code that only the start needed is dropped from memory");
}

/// Prints the address as soon as everything that a request needs is ready.
async fn announce_when_ready(backend: Arc<dyn Backend>, url: String) {
    let started = Instant::now();
    let mut warned = false;
    loop {
        let status = readiness(backend.as_ref()).await;
        if status == Some(StatusCode::OK) {
            break;
        }
        if !warned && started.elapsed() > READY_OVERDUE {
            warned = true;
            tracing::warn!(
                status = status.map(|status| status.as_u16()),
                "not ready yet; see /api/v1/health/ready"
            );
        }
        tokio::time::sleep(READY_POLL).await;
    }
    tracing::info!(url, ms = started.elapsed().as_millis(), "ready");
    // The reader of this line may be gone.
    let _ = writeln!(stdout(), "listening on {url}").and_then(|()| stdout().flush());
}

async fn readiness(backend: &dyn Backend) -> Option<StatusCode> {
    let request = Request::get("/api/v1/health/ready").body(empty()).ok()?;
    let own = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    backend.call(request, own).await.ok().map(|answer| answer.status())
}
