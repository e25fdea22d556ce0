//! The server that `socket.io-client` was written for (`tests/relay/js/reference.cjs`), to compare with.

use std::process::{Child, Command, Stdio};

use crate::app::listening_line;
use crate::repository;

pub struct ReferenceServer {
    process: Child,
    url: String,
}

impl ReferenceServer {
    pub async fn start() -> Self {
        let folder = repository().join("tests/relay/js");
        assert!(
            folder.join("node_modules/socket.io").is_dir(),
            "socket.io is not installed: run `npm ci` in tests/relay/js, or everything with `cargo xtask test`"
        );
        let mut process = Command::new("node")
            .arg("reference.cjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node runs");
        let stdout = process.stdout.take().expect("piped");
        let announced = tokio::task::spawn_blocking(move || listening_line(stdout));
        let url = announced.await.expect("no panic").expect("it listens");
        Self { process, url }
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for ReferenceServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
