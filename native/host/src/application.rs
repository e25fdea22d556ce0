//! A loaded application: from a request to the component that answers it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use tokio::sync::Semaphore;
use wasmtime::Engine;

use crate::body::{Body, into_host_body, into_wasi_body};
use crate::component::Component;
use crate::config::{Limits, ProgressSink};
use crate::inbound::config::StaticResponse;
use crate::inbound::headers::{self, Matched};
use crate::inbound::responses::{empty, fixed, text};
use crate::inbound::routes::Router;
use crate::instance::job::NoAnswer;
use crate::manifest::Manifest;
use crate::state::Shared;

const RESERVED: &str = "/.well-known/spin/";
/// The client address that a component sees when another component calls it, as on Spin.
const CHAINED_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
/// The client address that a component sees when its application calls itself.
const OWN_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub struct Application {
    pub manifest: Manifest,
    pub engine: Engine,
    pub cache_dir: Option<PathBuf>,
    pub progress: ProgressSink,
    pub limits: Limits,
    pub router: Router<Target>,
    pub components: HashMap<String, Arc<Component>>,
    pub shared: Arc<Shared>,
    /// One permit for each request in flight.
    pub requests: Arc<Semaphore>,
    pub route_headers: bool,
    pub closing: AtomicBool,
    /// Whether components were ever reloaded. Locked while code is replaced.
    pub reloaded: Mutex<bool>,
    /// Copies of the components' `files`. The folder is removed with the application.
    pub _files: Option<tempfile::TempDir>,
}

/// What answers a route.
#[derive(Clone)]
pub enum Target {
    Component(String, Arc<Component>),
    Static(Arc<StaticResponse>),
}

impl Application {
    pub async fn handle(&self, mut request: Request<Body>, client: SocketAddr) -> Response<Body> {
        headers::strip_hop(request.headers_mut());
        let path = request.uri().path().to_owned();
        if let Some(reserved) = path.strip_prefix(RESERVED) {
            return self.reserved(reserved);
        }
        let Some(found) = self.router.find(&path) else {
            return empty(StatusCode::NOT_FOUND);
        };
        match &found.route.target {
            Target::Static(answer) => fixed(answer),
            Target::Component(name, component) => {
                let matched = Matched {
                    route: &found.route.values,
                    trailing: &found.trailing,
                    names: &found.names,
                };
                headers::complete_uri(&mut request);
                self.set_headers(&mut request, &matched, client);
                self.dispatch(name, component, request).await
            }
        }
    }

    /// Answers a component that calls its own application.
    pub async fn handle_own(&self, request: Request<Body>) -> Response<Body> {
        self.handle(request, OWN_CLIENT).await
    }

    /// Answers a component that calls another one by name.
    pub async fn handle_chained(&self, name: &str, mut request: Request<Body>) -> Response<Body> {
        let Some(component) = self.components.get(name) else {
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let path = request.uri().path().to_owned();
        let matched = Matched {
            route: &headers::CHAINED,
            trailing: &path,
            names: &[],
        };
        self.set_headers(&mut request, &matched, CHAINED_CLIENT);
        self.dispatch(name, component, request).await
    }

    fn set_headers(&self, request: &mut Request<Body>, matched: &Matched<'_>, client: SocketAddr) {
        if self.route_headers {
            headers::set_spin_headers(request, matched, client);
        } else {
            headers::strip_spin_headers(request.headers_mut());
        }
    }

    async fn dispatch(&self, name: &str, component: &Component, request: Request<Body>) -> Response<Body> {
        if self.closing.load(Ordering::Relaxed) {
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        }
        let permit = match self.requests.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                let wait = tokio::time::timeout(self.limits.queue_timeout, self.requests.acquire());
                match wait.await {
                    Ok(Ok(permit)) => permit,
                    _ => return empty(StatusCode::SERVICE_UNAVAILABLE),
                }
            }
        };
        let answer = component.handle(request.map(into_wasi_body)).await;
        drop(permit);
        match answer {
            Ok(response) => response.map(into_host_body),
            Err(NoAnswer::Busy) => empty(StatusCode::SERVICE_UNAVAILABLE),
            Err(NoAnswer::Failed(error)) => {
                tracing::warn!(component = name, "the component gave no answer: {error:#}");
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    fn reserved(&self, path: &str) -> Response<Body> {
        match path {
            "health" => text("OK", None),
            "info" => {
                let info = serde_json::json!({ "name": self.manifest.name });
                text(info.to_string(), Some("application/json"))
            }
            _ => empty(StatusCode::NOT_FOUND),
        }
    }
}
