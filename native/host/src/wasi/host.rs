//! The WASI context of an instance.

use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use super::config::may_use_socket;
use super::logs::LogPipe;
use crate::config::LogStream;
use crate::state::ComponentConfig;

/// Builds the context from the component's grants. Fails if a mounted folder cannot be opened.
pub fn context(component: &ComponentConfig) -> wasmtime::Result<WasiCtx> {
    let mut wasi = WasiCtxBuilder::new();
    let pipe = |stream| LogPipe::new(component.id.clone(), stream, component.shared.component_log.clone());
    wasi.stdout(pipe(LogStream::Stdout))
        .stderr(pipe(LogStream::Stderr))
        .envs(&component.environment);
    for mount in &component.mounts {
        wasi.preopened_dir(&mount.host, &mount.guest, FsPerms::ReadOnly)?;
    }
    let allowed = component.allowed_hosts.clone();
    wasi.allow_ip_name_lookup(true)
        .socket_addr_check(move |address, usage| {
            let allowed = may_use_socket(&allowed, address, usage);
            Box::pin(async move { allowed })
        });
    Ok(wasi.build())
}
