//! `nexus relay`: the sidecar alone, before components that run under `spin up`.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use nexus_domain::settings::{JWT_ACCESS_SECRET, JWT_REFRESH_SECRET, MAIL_SEAL_KEY};
use nexus_sidecar::Surroundings;
use nexus_sidecar::backend::{Backend, HttpBackend};
use nexus_sidecar::signature::Signer;
use nexus_sidecar::sockets::SocketsConfig;
use tokio::net::TcpListener;

use crate::command::{runtime, stop_signal};
use crate::embedded::own_url;
use crate::failure::Failure;
use crate::logging::Log;
use crate::settings_source::EnvFile;
use crate::{open_files, start_check};

#[derive(Args)]
pub struct Arguments {
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1 and PORT]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where Spin serves the components
    #[arg(long, value_name = "URL")]
    upstream: String,
    #[command(flatten)]
    env_file: EnvFile,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let source = arguments.env_file.read()?;
    let address = source.address(arguments.listen)?;
    // Those are the components' business alone.
    let settings = source.settings_without(address, &[&JWT_ACCESS_SECRET, &JWT_REFRESH_SECRET, &MAIL_SEAL_KEY])?;
    let backend: Arc<dyn Backend> = Arc::new(
        HttpBackend::new(&arguments.upstream)
            .map_err(|error| Failure::configuration(format!("--upstream: {error}")))?,
    );
    // What only the sockets can judge is told now, not when everything is loaded.
    SocketsConfig::read(&settings)?;
    let _log = Log::start(&settings)?;
    open_files::raise_limit();

    runtime()?.block_on(async {
        let stop = stop_signal()?;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| Failure::failed(format!("can't listen on {address}"), error))?;
        // The key is the components' setting, so they are asked whatever their transport is.
        start_check::at_start(Arc::clone(&backend), Signer::read(&settings)?).await?;
        let url = own_url(listener.local_addr().unwrap_or(address));
        // Whoever waits for this line may have gone; that is no reason to stop.
        let _ = writeln!(stdout(), "listening on {url}").and_then(|()| stdout().flush());
        nexus_sidecar::run(listener, backend, &settings, Surroundings::default(), stop)
            .await
            .map_err(|error| Failure::failed("serving", error))
    })
}
