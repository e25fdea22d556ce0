//! One file per command: its arguments, and what it runs.

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

use nexus_sidecar::SidecarError;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("the runtime can't start", error))
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
