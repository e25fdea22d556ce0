//! The commands: one file each, with its arguments and its function.

pub mod admin;
pub mod audit;
pub mod compile;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod import_users;
pub mod migrate;
pub mod openapi;
pub mod relay;
pub mod serve;

use std::future::Future;
use std::path::PathBuf;

use clap::Args;
use nexus_sidecar::SidecarError;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::components::Manifest;
use crate::failure::Failure;
use crate::listen::Listen;
use crate::settings_source::EnvFile;

/// What `serve` serves, and what `doctor` checks.
#[derive(Args)]
pub struct ServerArguments {
    #[command(flatten)]
    listen: Listen,
    /// Folder that keeps everything: database, documents, compiled code, secrets made here
    #[arg(long, value_name = "DIR", default_value = ".nexus")]
    data: PathBuf,
    #[command(flatten)]
    manifest: Manifest,
    #[command(flatten)]
    env_file: EnvFile,
}

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("cannot start the runtime", error))
}

fn listen(kind: SignalKind) -> Result<Signal, Failure> {
    signal(kind).map_err(|error| Failure::failed("cannot listen for signals", error))
}

/// Returns SIGHUP as a stream. From then on the signal no longer ends the process.
fn hangup_signal() -> Result<Signal, Failure> {
    listen(SignalKind::hangup())
}

/// Resolves at SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn unserved(error: SidecarError) -> Failure {
    match error {
        SidecarError::Setting(error) => error.into(),
        error => Failure::failed("serving", error),
    }
}
