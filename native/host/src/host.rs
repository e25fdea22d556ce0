//! The application as a whole: from a request to the component that answers it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use tokio::sync::Semaphore;

use crate::component::Component;
use crate::config::{HostConfig, Limits};
use crate::error::LoadError;
use crate::headers::{self, Matched};
use crate::manifest::StaticResponse;
use crate::outbound::{into_host_body, into_wasi_body};
use crate::pool::NoAnswer;
use crate::routes::Router;
use crate::state::Shared;
use crate::{Body, load};

const RESERVED: &str = "/.well-known/spin/";
/// What a component called by another sees as its client, as on Spin.
const CHAINED_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
const OWN_CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A loaded application. Cloning is cheap; all clones are the same application.
#[derive(Clone)]
pub struct Host(pub(crate) Arc<Inner>);

pub struct Inner {
    pub name: String,
    pub limits: Limits,
    pub router: Router<Target>,
    pub components: HashMap<String, Arc<Component>>,
    pub shared: Arc<Shared>,
    /// One permit for each request that may be under way.
    pub requests: Arc<Semaphore>,
    pub route_headers: bool,
    pub closing: AtomicBool,
    /// Copies of the components' `files`; removed with the application.
    pub _files: Option<tempfile::TempDir>,
}

#[derive(Clone)]
pub enum Target {
    Component(String, Arc<Component>),
    Static(Arc<StaticResponse>),
}

/// A public route and the component behind it, if it isn't a fixed answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteInfo {
    pub route: String,
    pub component: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub live_instances: usize,
    pub instances_made: u64,
    pub requests_under_way: usize,
    pub open_database_connections: usize,
    pub statements: u64,
    /// Statements that ran on a thread that may block; the others ran in place.
    pub statements_off_thread: u64,
}

impl Host {
    /// Reads the manifest, composes and compiles the components, and checks every grant.
    pub async fn load(config: HostConfig) -> Result<Self, LoadError> {
        load::load(config).await.map(Self)
    }

    /// Answers a request. Whatever goes wrong, there is an answer: 404 without a route, 500 when the component
    /// fails, 503 when nothing is free in time.
    pub async fn handle(&self, request: Request<Body>, client: SocketAddr) -> Response<Body> {
        self.0.handle(request, client).await
    }

    /// The public routes, the most specific first.
    pub fn routes(&self) -> Vec<RouteInfo> {
        self.0
            .router
            .iter()
            .map(|route| RouteInfo {
                route: route.raw.clone(),
                component: match &route.target {
                    Target::Component(name, _) => Some(name.clone()),
                    Target::Static(_) => None,
                },
            })
            .collect()
    }

    /// Refuses new requests and waits for those under way.
    pub async fn shutdown(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
        let all = u32::try_from(self.0.limits.max_concurrent_requests).unwrap_or(u32::MAX);
        // The semaphore is never closed, so this is the moment when all permits are back.
        let _all = self.0.requests.acquire_many(all).await;
    }

    pub fn stats(&self) -> Stats {
        let shared = &self.0.shared;
        let sqlite = &shared.sqlite_counters;
        Stats {
            live_instances: shared.live_instances.load(Ordering::Relaxed),
            instances_made: shared.instances_made.load(Ordering::Relaxed),
            requests_under_way: self
                .0
                .limits
                .max_concurrent_requests
                .saturating_sub(self.0.requests.available_permits()),
            open_database_connections: sqlite.open_connections.load(Ordering::Relaxed),
            statements: sqlite.statements.load(Ordering::Relaxed),
            statements_off_thread: sqlite.off_thread.load(Ordering::Relaxed),
        }
    }
}

impl Inner {
    async fn handle(&self, mut request: Request<Body>, client: SocketAddr) -> Response<Body> {
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
                self.tell(&mut request, &matched, client);
                self.ask(name, component, request).await
            }
        }
    }

    /// A component calls its own application.
    pub async fn handle_own(&self, request: Request<Body>) -> Response<Body> {
        self.handle(request, OWN_CLIENT).await
    }

    /// A component calls another one by name.
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
        self.tell(&mut request, &matched, CHAINED_CLIENT);
        self.ask(name, component, request).await
    }

    fn tell(&self, request: &mut Request<Body>, matched: &Matched<'_>, client: SocketAddr) {
        if self.route_headers {
            headers::tell(request, matched, client);
        } else {
            headers::forget(request.headers_mut());
        }
    }

    async fn ask(&self, name: &str, component: &Component, request: Request<Body>) -> Response<Body> {
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
                tracing::warn!(component = name, "no answer: {error:#}");
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }

    fn reserved(&self, path: &str) -> Response<Body> {
        match path {
            "health" => text("OK", None),
            "info" => {
                let info = serde_json::json!({ "name": self.name });
                text(info.to_string(), Some("application/json"))
            }
            _ => empty(StatusCode::NOT_FOUND),
        }
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

fn text(content: impl Into<Bytes>, kind: Option<&'static str>) -> Response<Body> {
    let body = Full::new(content.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    if let Some(kind) = kind {
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

fn fixed(answer: &StaticResponse) -> Response<Body> {
    let mut response = text(answer.body.clone().unwrap_or_default(), None);
    if let Some(status) = answer.status_code.and_then(|s| StatusCode::from_u16(s).ok()) {
        *response.status_mut() = status;
    }
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
