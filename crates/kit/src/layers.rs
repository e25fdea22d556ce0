//! What stands around every router: who calls and under which id, problems rendered, security headers,
//! the log line, the counts for the edge.

use nexus_protocol::headers::{CLIENT, COUNTS, NUDGE};
use std::convert::Infallible;
use std::fmt::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use nexus_protocol::edge::{HSTS_WITH_PRELOAD, SECURITY_HEADERS, is_request_id};
use nexus_protocol::signature;
use nexus_store::Usage;
use tower_service::Service;

use crate::log::{self, Level};
use crate::{ApiError, App, Code, clock, internal};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Who calls, and the id under which the request is logged.
#[derive(Debug, Clone)]
pub struct Caller {
    pub address: Arc<str>,
    pub request_id: Arc<str>,
    /// Whether the edge told us (and logs the request), or we had to find out ourselves.
    behind_edge: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Caller>()
            .cloned()
            .ok_or_else(|| ApiError::internal("the request passed no kit layer"))
    }
}

/// What a handler learned that the edge counts: sign-in results and cache use.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// `ok`, or `fail:<reason>`.
    pub sign_in: Option<String>,
    pub cache_hits: u32,
    pub cache_misses: u32,
}

/// A component's router with the layers around it. Around the whole, not around each route of it: axum writes
/// `Allow` after a route's own layers.
#[derive(Clone)]
pub struct Layered {
    app: App,
    router: Router,
}

/// Puts the layers around a component's router and gives it its state.
pub fn wrap(router: Router<App>, app: App) -> Layered {
    let router = router
        .fallback(|| async { ApiError::not_found() })
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app.clone());
    Layered { app, router }
}

impl Service<Request> for Layered {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let layered = self.clone();
        Box::pin(async move { Ok(layered.answer(request).await) })
    }
}

/// Where only the native side is let in, nobody else learns that there is something.
async fn method_not_allowed(uri: Uri) -> ApiError {
    if uri.path().starts_with(internal::PREFIX) {
        return ApiError::not_found();
    }
    ApiError::new(
        Code::MethodNotAllowed,
        "This address does not take this method; `Allow` names those it takes.",
    )
}

impl Layered {
    pub async fn answer(&self, mut request: Request) -> Response {
        let app = &self.app;
        let started = Instant::now();
        let caller = identify(app, &request);
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        request.extensions_mut().insert(caller.clone());

        let admitted = match (app.schema_problem(&path), caller.behind_edge) {
            (Some(problem), _) => Err(problem),
            (None, true) => Ok(()),
            (None, false) => {
                let edge_fallback = app.edge_fallback();
                edge_fallback.admit(app, &caller.address, method.as_str(), &path).await
            }
        };
        let mut response = match admitted {
            Ok(()) => match self.router.clone().call(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            },
            Err(problem) => problem.into_response(),
        };

        let problem = response.extensions_mut().remove::<ApiError>();
        let observed = response.extensions_mut().remove::<Observed>().unwrap_or_default();
        if let Some(problem) = &problem {
            render(problem, &caller, &method, &mut response);
        }
        if path.starts_with(internal::PREFIX) {
            response.headers_mut().remove(header::ALLOW);
        }
        if is_private(&path) {
            let never = HeaderValue::from_static("no-store");
            response.headers_mut().insert(header::CACHE_CONTROL, never);
        }
        if !caller.behind_edge {
            add_what_the_edge_adds(response.headers_mut(), app, &caller);
        }
        let usage = app.take_usage();
        if caller.behind_edge
            && let Ok(counts) = HeaderValue::from_str(&counts(usage, &observed))
        {
            response.headers_mut().insert(COUNTS, counts);
        }
        let cause = problem.as_ref().and_then(ApiError::cause);
        // The native side calls every second; its own log tells of those that fail.
        let routine = path.starts_with(internal::PREFIX) && !response.status().is_server_error();
        if !(caller.behind_edge || routine) || cause.is_some() {
            log_line(
                &caller,
                &method,
                &path,
                response.status().as_u16(),
                started,
                usage,
                problem.as_ref(),
            );
        }
        response
    }
}

/// The edge's signed word, or what Spin says when there is no edge. A header that isn't signed by us counts for
/// nothing: anybody could send it.
fn identify(app: &App, request: &Request) -> Caller {
    let text = |name: &HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let told = text(&CLIENT).and_then(|header| {
        signature::verify_client_header(
            &app.internal_secrets(),
            header,
            clock::now().as_seconds(),
            request.method().as_str(),
            target,
        )
        .ok()
    });
    if let Some(client) = told {
        return Caller {
            address: client.address.into(),
            request_id: client.request_id.into(),
            behind_edge: true,
        };
    }
    let address = spin_client(request.headers());
    let request_id = text(&REQUEST_ID)
        .filter(|given| is_request_id(given))
        .map_or_else(|| clock::new_id(nexus_domain::ids::uuid_v7).to_string(), str::to_owned);
    Caller {
        address: without_port(address).into(),
        request_id: request_id.into(),
        behind_edge: false,
    }
}

/// Spin adds its word to what the client sent under the same name, so only the last one is Spin's.
fn spin_client(headers: &HeaderMap) -> &str {
    headers
        .get_all("spin-client-addr")
        .iter()
        .next_back()
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn without_port(address: &str) -> String {
    address
        .parse::<std::net::SocketAddr>()
        .map_or_else(|_| address.to_owned(), |socket| socket.ip().to_string())
}

fn render(problem: &ApiError, caller: &Caller, method: &Method, response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.remove(header::CONTENT_LENGTH);
    if method != Method::HEAD {
        *response.body_mut() = Body::from(problem.document(&caller.request_id));
    }
}

/// What is personal isn't kept by anybody on the way.
fn is_private(path: &str) -> bool {
    const PRIVATE: [&str; 4] = ["/api/v1/auth", "/api/v1/admin", "/api/v1/documents", "/api/v1/dev/"];
    PRIVATE.iter().any(|prefix| path.starts_with(prefix))
}

/// Each header costs on its way out of an instance, so where there is an edge it adds them.
fn add_what_the_edge_adds(headers: &mut HeaderMap, app: &App, caller: &Caller) {
    for (name, value) in SECURITY_HEADERS {
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(HeaderValue::from_static(value));
    }
    if app.hsts_preload() {
        let preload = HeaderValue::from_static(HSTS_WITH_PRELOAD);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, preload);
    }
    if let Ok(value) = HeaderValue::from_str(&caller.request_id) {
        headers.insert(REQUEST_ID, value);
    }
}

fn counts(usage: Usage, observed: &Observed) -> String {
    let total = usage.total();
    let mut text = format!(
        "db={};dbms={};hit={};miss={}",
        total.statements, total.micros, observed.cache_hits, observed.cache_misses
    );
    let mut separator = ";dbh=";
    for (place, share) in usage
        .by_time
        .iter()
        .enumerate()
        .filter(|(_, share)| share.statements > 0)
    {
        // Writing into a String can't fail.
        let _ = write!(text, "{separator}{place}:{}:{}", share.statements, share.micros);
        separator = ",";
    }
    if let Some(result) = &observed.sign_in {
        text.push_str(";auth=");
        text.push_str(result);
    }
    text
}

fn log_line(
    caller: &Caller,
    method: &Method,
    path: &str,
    status: u16,
    started: Instant,
    usage: Usage,
    problem: Option<&ApiError>,
) {
    let level = if status >= 500 { Level::Error } else { Level::Info };
    let fields = serde_json::json!({
        "requestId": &*caller.request_id,
        "client": &*caller.address,
        "method": method.as_str(),
        "path": path,
        "status": status,
        "micros": u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "statements": usage.total().statements,
        "code": problem.map(|problem| problem.code().as_str()),
        "cause": problem.and_then(ApiError::cause),
    });
    log::write(level, "access", "request", fields);
}

/// Tells the scheduler to deliver mail now instead of at its next turn.
pub fn nudge_mail(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    response.headers_mut().insert(NUDGE, HeaderValue::from_static("mail"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_chooses_their_own_address_under_spin() {
        let mut headers = HeaderMap::new();
        assert_eq!(spin_client(&headers), "");
        headers.append("spin-client-addr", HeaderValue::from_static("127.0.0.1:1"));
        headers.append("spin-client-addr", HeaderValue::from_static("192.0.2.7:4711"));
        assert_eq!(spin_client(&headers), "192.0.2.7:4711");
    }
}
