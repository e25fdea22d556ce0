//! A test application of fixtures, with a folder of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use nexus_host::{Body, Host, HostConfig, Limits, LoadError};
use tempfile::TempDir;

/// The folder with the compiled fixtures. The first test compiles them.
pub fn fixtures() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = target();
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--target", "wasm32-wasip2"])
            .arg("--target-dir")
            .arg(&target)
            .current_dir(own.join("fixtures"))
            // Flags for the native platform do not apply to a WebAssembly build.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .unwrap();
        assert!(status.success(), "the fixtures don't compile");
        target.join("wasm32-wasip2/release")
    })
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/host-fixtures")
}

pub struct App {
    pub dir: TempDir,
    pub config: HostConfig,
    pub lines: Arc<Mutex<Vec<String>>>,
}

impl App {
    /// `manifest` is `spin.toml` without its head. `@name` is replaced by the file of a fixture.
    pub fn new(manifest: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut text = "spin_manifest_version = 2\n[application]\nname = \"test\"\n".to_owned();
        for line in manifest.lines() {
            match line.split_once("\"@") {
                Some((before, after)) => {
                    let (name, after) = after.split_once('"').unwrap();
                    let file = fixtures().join(format!("fixture_{name}.wasm"));
                    text.push_str(&format!("{before}{file:?}{after}"));
                }
                None => text.push_str(line),
            }
            text.push('\n');
        }
        let path = dir.path().join("spin.toml");
        std::fs::write(&path, text).unwrap();
        let mut config = HostConfig::new(path, dir.path().join("state"));
        config.cache_dir = Some(target().join("compiled"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        config.component_log = Arc::new(move |line| {
            let text = format!("{} {:?} {}", line.component, line.stream, line.line);
            sink.lock().unwrap().push(text);
        });
        Self { dir, config, lines }
    }

    /// One component on all routes; `more` are further keys of its table.
    pub fn one(fixture: &str, more: &str) -> Self {
        Self::new(&format!(
            "[[trigger.http]]\nroute = \"/...\"\ncomponent = \"{fixture}\"\n[component.{fixture}]\nsource = \"@{fixture}\"\n{more}"
        ))
    }

    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.config.limits);
        self
    }

    pub fn file(self, name: &str, content: &str) -> Self {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    pub fn runtime_config(mut self, content: &str) -> Self {
        let path = self.dir.path().join("runtime-config.toml");
        std::fs::write(&path, content).unwrap();
        self.config.runtime_config = Some(path);
        self
    }

    pub async fn try_load(&self) -> Result<Host, LoadError> {
        Host::load(self.config.clone()).await
    }

    pub async fn load(&self) -> Host {
        self.try_load().await.unwrap()
    }

    pub async fn refusal(&self) -> String {
        self.try_load().await.err().expect("it loads").to_string()
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub text: String,
    pub head: Response<()>,
}

pub async fn get(host: &Host, path: &str) -> Answer {
    send(host, Request::get(path), "").await
}

pub async fn post(host: &Host, path: &str, body: impl Into<Bytes>) -> Answer {
    send(host, Request::post(path), body).await
}

/// Sends a request and returns the response with its streaming body.
pub async fn ask(host: &Host, request: http::request::Builder, body: impl Into<Bytes>) -> Response<Body> {
    let body: Body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    let client = SocketAddr::from(([192, 0, 2, 7], 4711));
    host.handle(request.body(body).unwrap(), client).await
}

pub async fn send(host: &Host, request: http::request::Builder, body: impl Into<Bytes>) -> Answer {
    let response = ask(host, request, body).await;
    let (parts, body) = response.into_parts();
    let text = match body.collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(error) => format!("broken body: {error}"),
    };
    Answer {
        status: parts.status,
        text,
        head: Response::from_parts(parts, ()),
    }
}

pub async fn text(host: &Host, path: &str) -> String {
    get(host, path).await.text
}
