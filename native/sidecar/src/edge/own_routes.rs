//! What the sidecar answers by itself: metrics, events for the relay, sockets.

use std::convert::Infallible;

use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use nexus_domain::settings::{METRICS_ALLOW, METRICS_TOKEN, Networks, Secret, SettingError, Settings};
use nexus_protocol::edge::is_socket;
use nexus_protocol::relay::{ADMIT, AdmitMessage, Admitted, EVENTS, MAX_EVENTS_BYTES, RelayEvents};
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq;
use tower::ServiceExt;

use super::client::Caller;
use super::problem::EdgeProblem;
use crate::backend::{Body, boxed, empty, full, read_whole};
use crate::metrics::Metrics;
use crate::signature::Signer;
use crate::sockets::Hub;

/// Of `POST /relay/admit`.
const LARGEST_QUESTION: usize = 1024;

pub struct OwnRoutes {
    hub: Hub,
    sockets: axum::Router,
    metrics: Metrics,
    signer: Signer,
    metrics_allow: Networks,
    metrics_token: Option<Secret>,
}

impl OwnRoutes {
    pub fn new(hub: Hub, metrics: Metrics, signer: Signer, settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self {
            sockets: hub.router(),
            hub,
            metrics,
            signer,
            metrics_allow: settings.get(&METRICS_ALLOW)?,
            metrics_token: settings.get(&METRICS_TOKEN)?,
        })
    }

    /// The answer, or the request back when it is not for us.
    pub async fn answer(
        &self,
        request: Request<Body>,
        caller: &Caller,
        path: &str,
    ) -> Result<Response<Body>, Request<Body>> {
        if is_socket(path) {
            return Ok(self.socket(request, caller).await);
        }
        let answer = match path {
            "/api/v1/metrics" => self.only("GET", request.method(), || self.metrics(request.headers(), caller)),
            "/relay/health" => self.only("GET", request.method(), || Ok(self.health())),
            EVENTS => self.events(request).await,
            ADMIT => self.admit(request).await,
            _ => return Err(request),
        };
        Ok(answer.unwrap_or_else(|problem| problem.answer(&caller.request_id)))
    }

    fn only(
        &self,
        allow: &'static str,
        method: &Method,
        answer: impl FnOnce() -> Result<Response<Body>, EdgeProblem>,
    ) -> Result<Response<Body>, EdgeProblem> {
        if method.as_str() == allow || (allow == "GET" && method == Method::HEAD) {
            answer()
        } else {
            Err(EdgeProblem::MethodNotAllowed { allow })
        }
    }

    async fn socket(&self, mut request: Request<Body>, caller: &Caller) -> Response<Body> {
        request.extensions_mut().insert(ConnectInfo(caller.socket_address()));
        request.extensions_mut().insert(caller.clone());
        let router = self.sockets.clone();
        let answer: Result<_, Infallible> = router.oneshot(request.map(axum::body::Body::new)).await;
        let answer = match answer {
            Ok(answer) => answer.map(boxed),
            Err(never) => match never {},
        };
        match EdgeProblem::for_bare_answer(&answer) {
            Some(problem) => problem.answer(&caller.request_id),
            None => answer,
        }
    }

    /// That the relay answers, and whether it reaches the others.
    fn health(&self) -> Response<Body> {
        json(format!(
            r#"{{"status":"ok","redisStatus":"{}"}}"#,
            self.hub.redis_status()
        ))
    }

    fn metrics(&self, headers: &HeaderMap, caller: &Caller) -> Result<Response<Body>, EdgeProblem> {
        if !self.metrics_allow.contains(caller.address) {
            self.check_token(headers)?;
        }
        let text = self.metrics.text().map_err(|error| {
            tracing::error!(%error, "metrics can't be written");
            EdgeProblem::Internal
        })?;
        let text = text + &self.hub.metrics_text();
        Ok(answer_with("text/plain; version=0.0.4; charset=utf-8", text))
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), EdgeProblem> {
        let expected = self.metrics_token.as_ref().ok_or(EdgeProblem::IpNotAllowed)?;
        let given = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token)
            .ok_or(EdgeProblem::Unauthenticated)?;
        let right = bool::from(given.as_bytes().ct_eq(expected.as_bytes()));
        right.then_some(()).ok_or(EdgeProblem::Unauthenticated)
    }

    /// What a component says. Whoever can't sign learns nothing, not even that there is something here.
    async fn told<T: DeserializeOwned>(&self, request: Request<Body>, largest: usize) -> Result<T, EdgeProblem> {
        let (head, body) = request.into_parts();
        let body = read_whole(body, largest).await.map_err(|_| EdgeProblem::NotFound)?;
        let path = head.uri.path_and_query().map_or("/", |whole| whole.as_str());
        if head.method != Method::POST || !self.signer.verifies(&head.headers, "POST", path, &body) {
            return Err(EdgeProblem::NotFound);
        }
        serde_json::from_slice(&body).map_err(|error| {
            tracing::warn!(%error, path, "what a component says can't be read");
            EdgeProblem::BadRequest
        })
    }

    async fn events(&self, request: Request<Body>) -> Result<Response<Body>, EdgeProblem> {
        let events: RelayEvents = self.told(request, MAX_EVENTS_BYTES).await?;
        self.hub.deliver(events.events).await;
        let mut answer = Response::new(empty());
        *answer.status_mut() = StatusCode::NO_CONTENT;
        Ok(answer)
    }

    async fn admit(&self, request: Request<Body>) -> Result<Response<Body>, EdgeProblem> {
        let AdmitMessage { user_id } = self.told(request, LARGEST_QUESTION).await?;
        let wait = self.hub.admit_message(user_id).await.err();
        let wait_millis = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1));
        let answer = serde_json::to_string(&Admitted { wait_millis }).map_err(|_| EdgeProblem::Internal)?;
        Ok(json(answer))
    }
}

fn json(text: String) -> Response<Body> {
    answer_with("application/json", text)
}

fn answer_with(kind: &'static str, text: impl Into<Bytes>) -> Response<Body> {
    let mut answer = Response::new(full(text));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
