//! `nexus relay`: the sidecar alone, in front of components that run under `spin up`.

use std::io::{Write, stdout};
use std::sync::Arc;

use clap::Args;
use nexus_domain::settings::{AnySetting, JWT_ACCESS_SECRET, JWT_REFRESH_SECRET, MAIL_SEAL_KEY, MAIL_TRANSPORT};
use nexus_sidecar::Surroundings;
use nexus_sidecar::backend::{Backend, HttpBackend};
use nexus_sidecar::signature::Signer;
use nexus_sidecar::sockets::SocketsConfig;

use crate::command::{runtime, stop_signal, unserved};
use crate::embedded::own_url;
use crate::failure::Failure;
use crate::listen::{self, Listen};
use crate::logging::Log;
use crate::settings_source::{EnvFile, default_frontend};
use crate::{open_files, start_check};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    listen: Listen,
    /// Address where Spin serves the components
    #[arg(long, value_name = "URL")]
    upstream: String,
    #[command(flatten)]
    env_file: EnvFile,
}

pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut source = arguments.env_file.read()?;
    let address = source.address(arguments.listen.listen.as_ref())?;
    // Only the components use these.
    let unused: [&dyn AnySetting; 4] = [&JWT_ACCESS_SECRET, &JWT_REFRESH_SECRET, &MAIL_SEAL_KEY, &MAIL_TRANSPORT];
    let mut settings = source.settings_without(address, &unused)?;
    let backend: Arc<dyn Backend> = Arc::new(
        HttpBackend::new(&arguments.upstream)
            .map_err(|error| Failure::configuration(format!("--upstream: {error}")))?,
    );
    // Wrong settings of the sockets end the start now.
    SocketsConfig::read(&settings)?;
    let log = Log::start(&settings)?;
    log.warn_of(&mut source);
    open_files::raise_limit();

    runtime()?.block_on(async {
        let stop = stop_signal()?;
        let listener = listen::bind(address).await?;
        let address = listener.local_addr().unwrap_or(address);
        default_frontend(&mut settings, address)?;
        // The key is the components' setting, so the check runs with every transport.
        start_check::at_start(Arc::clone(&backend), Signer::read(&settings)?).await?;
        let url = own_url(address);
        // The reader of this line may be gone.
        let _ = writeln!(stdout(), "listening on {url}").and_then(|()| stdout().flush());
        nexus_sidecar::run(listener, backend, &settings, Surroundings::default(), stop)
            .await
            .map_err(unserved)
    })
}
