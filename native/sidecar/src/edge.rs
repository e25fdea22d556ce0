//! The edge: what every request passes before a component sees it, and every answer after.
//!
//! In order: one host, no compressed body → size guard → preflight → address list for `/admin` → request limit → our own routes
//! (metrics, relay, sockets) → admission of hashing requests → components → compression → headers,
//! metrics, log line.

mod access_log;
mod admission;
pub mod client;
mod compression;
mod cors;
pub(crate) mod counts;
mod framing;
mod own_routes;
mod paths;
pub mod problem;
mod query;
mod throttle;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body as _;
use nexus_domain::settings::{ADMIN_ALLOW, HSTS_PRELOAD, Networks, SettingError, Settings, TRUSTED_PROXIES};
use nexus_protocol::edge::{is_admin, is_internal, is_throttled};
use nexus_protocol::headers::{CLIENT, SIGNATURE};
use tower_http::timeout::TimeoutBody;

use self::access_log::Noted;
use self::admission::{Admission, Place, Refused};
use self::client::{Caller, REQUEST_ID};
use self::cors::Cors;
use self::own_routes::OwnRoutes;
use self::problem::EdgeProblem;
use self::throttle::{Quota, Throttle, Verdict};
use crate::backend::{Backend, BackendError, Body, boxed, drop_hop_by_hop};
use crate::metrics::Metrics;
use crate::signature::Signer;
use crate::sockets::Hub;

/// Above every limit that the components set; they refuse the rest by themselves.
const LARGEST_BODY: u64 = 64 * 1024 * 1024;
/// How long a sender may pause within a body.
const BODY_PAUSE: Duration = Duration::from_secs(20);
/// How long the components may take for an answer's head; uploads get the time to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
const PATIENCE_FOR_UPLOADS: Duration = Duration::from_secs(600);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATE_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

pub struct Edge {
    backend: Arc<dyn Backend>,
    signer: Signer,
    proxies: Networks,
    admins: Networks,
    throttle: Throttle,
    admission: Admission,
    cors: Cors,
    metrics: Metrics,
    own: OwnRoutes,
    hsts_preload: bool,
    /// Whether only this machine can reach us; the development mailbox is for nobody else.
    on_loopback: bool,
}

impl Edge {
    pub fn new(
        backend: Arc<dyn Backend>,
        hub: Hub,
        metrics: Metrics,
        settings: &Settings,
        on_loopback: bool,
    ) -> Result<Self, SettingError> {
        let signer = Signer::read(settings)?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            backend,
            proxies: settings.get(&TRUSTED_PROXIES)?,
            admins: settings.get(&ADMIN_ALLOW)?,
            throttle: Throttle::read(settings)?,
            admission: Admission::new(cores),
            cors: Cors::read(settings)?,
            own: OwnRoutes::new(hub, metrics.clone(), signer.clone(), settings)?,
            metrics,
            signer,
            hsts_preload: settings.get(&HSTS_PRELOAD)?,
            on_loopback,
        })
    }

    /// The answer to one request from this peer.
    pub fn answer(self: Arc<Self>, request: Request<Body>, peer: SocketAddr) -> BoxFuture<'static, Response<Body>> {
        async move { self.pass(request, peer).await }.boxed()
    }

    async fn pass(&self, mut request: Request<Body>, peer: SocketAddr) -> Response<Body> {
        let started = Instant::now();
        let framed = framing::check(&request);
        framing::set_host(&mut request);
        let caller = Caller::of(request.headers(), peer, &self.proxies);
        let origin = self.cors.allowed(request.headers());
        let path = paths::canonical(request.uri().path()).into_owned();
        let noted = Noted {
            method: request.method().clone(),
            uri: request.uri().clone(),
        };

        let mut answer = match (framed, self.cors.preflight(&request)) {
            (Err(problem), _) => problem.answer(&caller.request_id),
            (Ok(()), Some(answer)) => answer,
            (Ok(()), None) => self.judge(request, &caller, &path).await,
        };

        self.cors.permit(origin, answer.headers_mut());
        problem::secure(answer.headers_mut());
        if self.hsts_preload {
            problem::preload(answer.headers_mut());
        }
        // Its characters are those that a header may have.
        if let Ok(id) = HeaderValue::from_str(&caller.request_id) {
            answer.headers_mut().insert(REQUEST_ID, id);
        }
        let took = started.elapsed();
        let route = paths::route_label(&path);
        self.metrics
            .observe_request(noted.method.as_str(), &route, answer.status().as_u16(), took);
        access_log::line(&noted, &caller, answer.status(), took);
        answer
    }

    /// Refuses, or answers and says how much of the limit is left.
    async fn judge(&self, request: Request<Body>, caller: &Caller, path: &str) -> Response<Body> {
        let refuse = |problem: EdgeProblem| problem.answer(&caller.request_id);
        if declared_length(request.headers()).is_some_and(|length| length > LARGEST_BODY) {
            return refuse(EdgeProblem::PayloadTooLarge);
        }
        let verdict = match is_throttled(request.method().as_str(), path) {
            true => self.throttle.count(caller.address, Instant::now()),
            false => Verdict::Unlimited,
        };
        let (mut answer, quota) = match verdict {
            Verdict::Unlimited => (self.admit(request, caller, path).await, None),
            Verdict::Within(quota) => (self.admit(request, caller, path).await, Some(quota)),
            Verdict::Exceeded(quota) => {
                let retry_after = quota.reset;
                (refuse(EdgeProblem::RateLimitExceeded { retry_after }), Some(quota))
            }
        };
        if let Some(quota) = quota {
            tell(quota, answer.headers_mut());
        }
        answer
    }

    async fn admit(&self, request: Request<Body>, caller: &Caller, path: &str) -> Response<Body> {
        if is_admin(path) && !self.admins.is_empty() && !self.admins.contains(caller.address) {
            return EdgeProblem::IpNotAllowed.answer(&caller.request_id);
        }
        if paths::is_development(path) && !self.on_loopback {
            return EdgeProblem::NotFound.answer(&caller.request_id);
        }
        let request = match self.own.answer(request, caller, path).await {
            Ok(answer) => return answer,
            Err(request) => with_body_timeout(request),
        };
        if !Admission::applies_to(request.method(), path) {
            return self.forward(request, caller, path, None).await;
        }
        match self.admission.admit(request, path).await {
            Ok(admitted) => self.forward(admitted.request, caller, path, Some(admitted.place)).await,
            Err(Refused::Busy) => EdgeProblem::Unavailable { retry_after: 2 }.answer(&caller.request_id),
            Err(Refused::Body) => EdgeProblem::BadRequest.answer(&caller.request_id),
            Err(Refused::TooLarge) => EdgeProblem::PayloadTooLarge.answer(&caller.request_id),
        }
    }

    /// Hands a request to the components. The place, if it took one, is held until the answer's head is there.
    async fn forward(
        &self,
        mut request: Request<Body>,
        caller: &Caller,
        path: &str,
        place: Option<Place>,
    ) -> Response<Body> {
        let may_compress = *request.method() != Method::HEAD && !paths::carries_secrets(path);
        // Files are stored compressed: their component chooses, and what it has compressed is left as it is.
        let accepted = if paths::is_file(path) {
            request.headers().get(ACCEPT_ENCODING).cloned()
        } else {
            request.headers_mut().remove(ACCEPT_ENCODING)
        }
        .filter(|_| may_compress);
        let patience = patience(&request);
        self.introduce(&mut request, caller, path);
        let answer = tokio::time::timeout(patience, self.backend.call(request, caller.socket_address())).await;
        if place.is_some_and(|place| place.is_refused()) {
            return EdgeProblem::Unavailable { retry_after: 2 }.answer(&caller.request_id);
        }
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return self.unavailable(&error, caller),
            Err(_) => return self.unavailable(&BackendError::TimedOut(patience), caller),
        };
        if let Some(problem) = EdgeProblem::for_bare_answer(&answer) {
            return problem.answer(&caller.request_id);
        }
        compression::compress(answer, accepted).await
    }

    fn unavailable(&self, error: &BackendError, caller: &Caller) -> Response<Body> {
        tracing::error!(requestId = %caller.request_id, %error, "request not answered");
        EdgeProblem::Unavailable { retry_after: 1 }.answer(&caller.request_id)
    }

    /// Says who is calling, in a header that only we can write, and takes out whatever of the kind
    /// came from outside. Signed calls between our own parts keep their signature.
    ///
    /// What concerns the client's connection ends here, before that: else `Connection` could name our header, and
    /// whoever passes the request on would take it out.
    fn introduce(&self, request: &mut Request<Body>, caller: &Caller, path: &str) {
        drop_hop_by_hop(request.headers_mut());
        let keep_signature = is_internal(path);
        let foreign: Vec<HeaderName> = request
            .headers()
            .keys()
            .filter(|name| name.as_str().starts_with("x-nexus-") || name.as_str().starts_with("spin-"))
            .filter(|name| !(keep_signature && **name == SIGNATURE))
            .cloned()
            .collect();
        for name in foreign {
            request.headers_mut().remove(name);
        }
        let path_and_query = request.uri().path_and_query().map_or("/", |whole| whole.as_str());
        let address = caller.address.to_string();
        let header = self
            .signer
            .client(request.method().as_str(), path_and_query, &address, &caller.request_id);
        let headers = request.headers_mut();
        // It says the id too, and more headers cost the component more.
        headers.remove(REQUEST_ID);
        // Plain ASCII.
        if let Ok(header) = HeaderValue::from_str(&header) {
            headers.insert(CLIENT, header);
        }
    }
}

/// By what the head says: a body that is watched doesn't tell its size.
fn patience(request: &Request<Body>) -> Duration {
    let length = match request.body().is_end_stream() {
        true => Some(0),
        false => declared_length(request.headers()),
    };
    match length {
        Some(length) if length <= 256 * 1024 => PATIENCE,
        _ => PATIENCE_FOR_UPLOADS,
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn tell(quota: Quota, headers: &mut HeaderMap) {
    headers.insert(RATE_LIMIT, quota.limit.into());
    headers.insert(RATE_REMAINING, quota.remaining.into());
    headers.insert(RATE_RESET, quota.reset.into());
}

fn with_body_timeout(request: Request<Body>) -> Request<Body> {
    if request.body().is_end_stream() {
        return request;
    }
    request.map(|body| boxed(TimeoutBody::new(BODY_PAUSE, body)))
}

#[cfg(test)]
mod tests;
