//! What WASI itself gives an instance: output, environment, files, sockets.

use std::net::{IpAddr, SocketAddr};

use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};

use crate::allowed_hosts::AllowedHosts;
use crate::config::LogStream;
use crate::logs::LogPipe;
use crate::state::App;

pub fn context(app: &App) -> wasmtime::Result<WasiCtx> {
    let mut wasi = WasiCtxBuilder::new();
    let pipe = |stream| LogPipe::new(app.id.clone(), stream, app.shared.component_log.clone());
    wasi.stdout(pipe(LogStream::Stdout))
        .stderr(pipe(LogStream::Stderr))
        .envs(&app.environment);
    for mount in &app.mounts {
        wasi.preopened_dir(&mount.host, &mount.guest, FsPerms::ReadOnly)?;
    }
    let allowed = app.allowed_hosts.clone();
    wasi.allow_ip_name_lookup(true).socket_addr_check(move |address, what| {
        let allowed = may_use_socket(&allowed, address, what);
        Box::pin(async move { allowed })
    });
    Ok(wasi.build())
}

/// Sockets are granted by entries for any scheme, or by `tcp://` and `udp://`. Nobody listens.
fn may_use_socket(allowed: &AllowedHosts, address: SocketAddr, what: SocketAddrUse) -> bool {
    let anywhere = address.ip().is_unspecified() && address.port() == 0;
    let scheme = match what {
        // Asked for the near end of a connection as well.
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind if anywhere => return true,
        SocketAddrUse::TcpConnect => "tcp",
        SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => "udp",
        _ => return false,
    };
    let host = match address.ip() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    };
    allowed.allows(scheme, &host, Some(address.port()))
}
