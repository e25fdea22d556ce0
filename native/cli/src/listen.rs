//! The address to listen on: its spellings, and the reasons why it is unavailable.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::str::FromStr;

use clap::Args;
use tokio::net::TcpListener;

use crate::failure::Failure;

#[derive(Args, Debug, Clone, Default)]
pub struct Listen {
    /// Address to listen on: HOST:PORT, PORT or HOST; port 0 picks a free one [default: 127.0.0.1 and PORT]
    #[arg(long, value_name = "[HOST:]PORT")]
    pub listen: Option<Address>,
}

/// `127.0.0.1:3000`, `localhost:3000`, `[::1]:3000`, `:3000`, `3000`, or a host alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    host: Option<String>,
    port: Option<u16>,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || "is no address; for example 127.0.0.1:3000, localhost:3000, [::1]:3000 or 3000".to_owned();
        if text.is_empty() {
            return Err(wrong());
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self {
                host: Some(ip.to_string()),
                port: None,
            });
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let port = text.parse().map_err(|_| format!("{text} is no port: 0 to 65535"))?;
            return Ok(Self {
                host: None,
                port: Some(port),
            });
        }
        let (host, port) = match text.rsplit_once(':') {
            // The colons of `[::1]` do not begin a port.
            Some((host, port)) if !port.ends_with(']') => {
                let port = port.parse().map_err(|_| wrong())?;
                (host, Some(port))
            }
            _ => (text, None),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let bare = bare.unwrap_or(host);
        let fits = bare.parse::<IpAddr>().is_ok() || nexus_domain::settings::is_domain(bare);
        match (bare.is_empty(), fits) {
            (true, _) if bare == host => Ok(Self { host: None, port }),
            (false, true) => Ok(Self {
                host: Some(bare.to_owned()),
                port,
            }),
            _ => Err(wrong()),
        }
    }
}

impl Address {
    pub fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// Resolves to an address of this machine. `port` is the default; the default host is 127.0.0.1.
    pub fn resolve(&self, port: u16) -> Result<SocketAddr, Failure> {
        let port = self.port.unwrap_or(port);
        let Some(host) = &self.host else {
            return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        };
        // Independent of the resolver, which may be missing.
        if host.eq_ignore_ascii_case("localhost") {
            return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        }
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(SocketAddr::new(ip, port));
        }
        let found: Vec<SocketAddr> = (host.as_str(), port)
            .to_socket_addrs()
            .map_err(|error| Failure::configuration(format!("--listen: the host {host} can't be found: {error}")))?
            .collect();
        let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
        first
            .copied()
            .ok_or_else(|| Failure::configuration(format!("--listen: the host {host} has no address")))
    }
}

/// Listens. The failure names the reason and a remedy.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let why = explain(address, &error);
        match error.kind() {
            // The port may be free in a moment, so a supervisor may try again.
            io::ErrorKind::AddrInUse => Failure::Failed(why),
            io::ErrorKind::PermissionDenied | io::ErrorKind::AddrNotAvailable => Failure::configuration(why),
            _ => Failure::Failed(why),
        }
    })
}

/// Explains to the operator why an address is unavailable.
pub fn explain(address: SocketAddr, error: &io::Error) -> String {
    let elsewhere = "pick another port with --listen or PORT (0 picks a free one)";
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let holder =
                holder(address.port()).map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            format!("can't listen on {address}: the port is used by {holder}; stop it, or {elsewhere}")
        }
        io::ErrorKind::PermissionDenied => format!(
            "can't listen on {address}: this user may not open that port (below 1024 it takes root or the capability \
             CAP_NET_BIND_SERVICE); {elsewhere}"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "can't listen on {address}: this machine has no such address; give one that it has, or 0.0.0.0 for all"
        ),
        _ => format!("can't listen on {address}: {error}"),
    }
}

/// The process that listens on a port.
struct Holder {
    process: u32,
    name: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (process {})", self.name, self.process)
    }
}

/// Finds the socket by its port in `/proc`, then the process that has it open. Only root sees other users' processes.
fn holder(port: u16) -> Option<Holder> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_sockets(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let process = entry.file_name().to_str()?.parse().ok()?;
        let open = fs::read_dir(entry.path().join("fd")).ok()?;
        open.flatten()
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| sockets.iter().any(|socket| target == Path::new(socket)))
            .then(|| Holder {
                process,
                name: fs::read_to_string(entry.path().join("comm"))
                    .map_or_else(|_| "a process".to_owned(), |name| name.trim().to_owned()),
            })
    })
}

/// The inodes of sockets that listen on this port (proc(5), `/proc/net/tcp`: state 0A is LISTEN).
fn listening_sockets(table: &str, port: u16) -> Vec<String> {
    let port = format!(":{port:04X}");
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.get(1).is_some_and(|local| local.ends_with(&port)) && words.get(3) == Some(&"0A"))
        .filter_map(|words| words.get(9).map(|inode| (*inode).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> String {
        let address: Address = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        address.resolve(3000).unwrap().to_string()
    }

    #[test]
    fn an_address_has_several_spellings() {
        for (text, expected) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("LOCALHOST:8080", "127.0.0.1:8080"),
            ("8080", "127.0.0.1:8080"),
            (":8080", "127.0.0.1:8080"),
            ("0", "127.0.0.1:0"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::]:8080", "[::]:8080"),
            ("localhost", "127.0.0.1:3000"),
            ("::1", "[::1]:3000"),
            ("[::1]", "[::1]:3000"),
            ("10.0.0.1", "10.0.0.1:3000"),
        ] {
            assert_eq!(resolved(text), expected, "{text}");
        }
    }

    #[test]
    fn an_invalid_address_is_refused() {
        for text in [
            "",
            " ",
            ":",
            "localhost:",
            "localhost:http",
            "70000",
            "127.0.0.1:70000",
            "[]:80",
            "[::1",
            "a b:80",
            "http://localhost:3000",
            "localhost:3000/",
            "-1",
            "127.0.0.1:-1",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_process_that_listens_on_a_port_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = holder(listener.local_addr().unwrap().port()).unwrap();
        assert_eq!(holder.process, std::process::id());
    }
}
