//! Which sockets a component may use.

use std::net::{IpAddr, SocketAddr};

use wasmtime_wasi::sockets::SocketAddrUse;

use crate::outbound::config::AllowedHosts;

/// Whether the component may use a socket in this way.
///
/// `allowed_outbound_hosts` grants sockets by an entry for any scheme, `tcp://` or `udp://`. No component may listen.
pub fn may_use_socket(allowed: &AllowedHosts, address: SocketAddr, usage: SocketAddrUse) -> bool {
    let anywhere = address.ip().is_unspecified() && address.port() == 0;
    let scheme = match usage {
        // The local end of an outbound connection is checked as well.
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
