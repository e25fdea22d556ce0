//! The Node peer (`bench/chat/peers/socketio`).

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use nexus_tests::repository;
use tempfile::TempDir;

pub struct Peer {
    process: Child,
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Peer {
    pub fn start() -> Self {
        let home = repository().join("bench/chat/peers/socketio");
        assert!(
            home.join("node_modules/socket.io").is_dir(),
            "the Socket.IO peer is not installed: run `cargo xtask bench chat`, or `npm ci` in bench/chat/peers/socketio"
        );
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = Command::new("node")
            .arg("server.cjs")
            .arg(folder.path().join("peer.db"))
            .current_dir(home)
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a line");
        let address = line.trim().rsplit('/').next().and_then(|address| address.parse().ok());
        Self {
            process,
            address: address.unwrap_or_else(|| panic!("the peer said {line:?}")),
            _folder: folder,
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
