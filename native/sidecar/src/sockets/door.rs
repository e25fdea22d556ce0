//! The HTTP side: who may knock, and how a request becomes a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use engineioxide::socket::Sid;
use http::header::{
    CONNECTION, HOST, HeaderName, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Body as _;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use nexus_domain::settings::WebOrigin;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tower::Service;

use super::flow::{Flow, Guarded};
use super::hub::Core;
use super::plain;
use super::socket_io::{Engine, Packets};
use crate::edge::client::Caller;
use crate::edge::problem::EdgeProblem;

#[derive(Clone)]
struct Door {
    core: Arc<Core>,
    packets: Arc<Packets>,
    engine: Engine,
}

pub fn router(core: &Arc<Core>) -> Router {
    let packets = Packets::new(core);
    let engine = packets.engine();
    let door = Door {
        core: Arc::clone(core),
        packets,
        engine,
    };
    Router::new()
        .route("/socket.io", any(socket_io))
        .route("/socket.io/", any(socket_io))
        .route("/ws", get(websocket).fallback(not_with_this_method))
        .with_state(door)
}

async fn websocket(State(door): State<Door>, mut request: Request) -> Response {
    if let Some(problem) = refusal(&door.core, request.headers(), true) {
        return refused(problem, &request);
    }
    let Some(upgrade) = Upgrade::of(&mut request) else {
        return refused(EdgeProblem::UpgradeRequired, &request);
    };
    let protocols = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let (ours, token) = plain::offered(protocols.iter().filter_map(|value| value.to_str().ok()));
    let token = token.map(str::to_owned);
    let mut answer = upgrade.answer();
    if ours {
        answer
            .headers_mut()
            .insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(plain::SUBPROTOCOL));
    }
    tokio::spawn(async move {
        if let Ok(stream) = upgrade.switched.await {
            let flow = Arc::new(Flow::default());
            let stream = Guarded::new(TokioIo::new(stream), Arc::clone(&flow));
            plain::serve(door.core, stream, flow, token).await;
        }
    });
    answer
}

async fn not_with_this_method(request: Request) -> Response {
    refused(EdgeProblem::MethodNotAllowed { allow: "GET" }, &request)
}

/// A problem document, under the id that the edge gave the request.
fn refused(problem: EdgeProblem, request: &Request) -> Response {
    let caller = request.extensions().get::<Caller>();
    let request_id = caller.map_or("", |caller| &caller.request_id);
    problem.answer(request_id).map(Body::new)
}

/// As the reference server refuses a request of its protocol.
fn bad_request(body: &'static str) -> Response {
    let kind = [(http::header::CONTENT_TYPE, "application/json")];
    (StatusCode::BAD_REQUEST, kind, body).into_response()
}

async fn socket_io(State(mut door): State<Door>, mut request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let given = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
    let sid = given("sid=").map(|sid| sid.parse::<Sid>());
    let by_websocket = given("transport=") == Some("websocket");
    if let Some(problem) = refusal(&door.core, request.headers(), sid.is_none()) {
        return refused(problem, &request);
    }
    let flow = match &sid {
        None => Some(Arc::new(Flow::default())),
        Some(Ok(sid)) => door.packets.flow(*sid),
        Some(Err(_)) => None,
    };
    let Some(flow) = flow else {
        return bad_request(r#"{"code":1,"message":"Session ID unknown"}"#);
    };
    if by_websocket {
        let Some(upgrade) = Upgrade::of(&mut request) else {
            return bad_request(r#"{"code":3,"message":"Bad request"}"#);
        };
        let answer = upgrade.answer();
        // The engine keeps the request for as long as the session lives: no more of it than it needs.
        let mut slim = http::Request::new(());
        *slim.uri_mut() = request.uri().clone();
        slim.extensions_mut().insert(Arc::clone(&flow));
        tokio::spawn(async move {
            if let Ok(stream) = upgrade.switched.await {
                let stream = Guarded::new(TokioIo::new(stream), flow);
                // A request that the engine can't read ends here, with its connection.
                let _ = Service::<(_, http::Request<()>)>::call(&mut door.engine, (stream, slim)).await;
            }
        });
        return answer;
    }
    poll(door, request, flow, sid.is_none()).await
}

/// A request of the polling transport.
async fn poll(mut door: Door, mut request: Request, flow: Arc<Flow>, opens: bool) -> Response {
    if opens {
        request.headers_mut().clear();
        request.extensions_mut().clear();
        request.extensions_mut().insert(Arc::clone(&flow));
    }
    let is_get = request.method() == http::Method::GET;
    let answer = match Service::<Request>::call(&mut door.engine, request).await {
        Ok(answer) => answer.map(Body::new),
        Err(never) => match never {},
    };
    if is_get && let Some(length) = answer.body().size_hint().exact() {
        flow.wrote(usize::try_from(length).unwrap_or(usize::MAX));
    }
    answer
}

/// Why a request isn't let any further, if it isn't.
fn refusal(core: &Core, headers: &HeaderMap, opens: bool) -> Option<EdgeProblem> {
    if !origin_allowed(headers, &core.limits.origins) {
        return Some(EdgeProblem::ForeignOrigin);
    }
    if opens && core.is_draining() {
        return Some(EdgeProblem::Unavailable { retry_after: 2 });
    }
    if opens && core.is_crowded() {
        return Some(EdgeProblem::Crowded { retry_after: 5 });
    }
    None
}

/// Browsers say where a page comes from; it must be one of ours. Other clients say nothing.
fn origin_allowed(headers: &HeaderMap, allowed: &[WebOrigin]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if allowed.iter().any(|known| known.as_str().eq_ignore_ascii_case(origin)) {
        return true;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    matches!((authority, host), (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host))
}

/// A WebSocket handshake (RFC 6455 §4.2).
struct Upgrade {
    accept: String,
    switched: OnUpgrade,
}

impl Upgrade {
    fn of(request: &mut Request) -> Option<Self> {
        let headers = request.headers();
        let has = |name: HeaderName, wanted: &str| {
            let values = headers.get_all(name);
            let mut tokens = values
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','));
            tokens.any(|token| token.trim().eq_ignore_ascii_case(wanted))
        };
        if !has(CONNECTION, "upgrade") || !has(UPGRADE, "websocket") || !has(SEC_WEBSOCKET_VERSION, "13") {
            return None;
        }
        let accept = derive_accept_key(headers.get(SEC_WEBSOCKET_KEY)?.as_bytes());
        Some(Self {
            accept,
            switched: hyper::upgrade::on(request),
        })
    }

    fn answer(&self) -> Response {
        let mut answer = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = answer.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        // Base64 is always a header's value.
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nexus_domain::settings::FRONTEND_URL;

    fn allowed(origin: Option<&'static str>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("api.example.com:8080"));
        if let Some(origin) = origin {
            headers.insert(ORIGIN, HeaderValue::from_static(origin));
        }
        let origins = FRONTEND_URL.parse("https://app.example.com").unwrap();
        origin_allowed(&headers, &origins)
    }

    #[test]
    fn pages_of_ours_may_connect_and_no_others() {
        assert!(allowed(None));
        assert!(allowed(Some("https://app.example.com")));
        assert!(allowed(Some("http://api.example.com:8080")));
        for foreign in [
            "https://evil.example",
            "null",
            "https://app.example.com.evil.example",
            "http://api.example.com",
        ] {
            assert!(!allowed(Some(foreign)), "{foreign}");
        }
    }
}
