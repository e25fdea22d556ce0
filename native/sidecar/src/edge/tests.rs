use std::sync::Mutex;

use futures::FutureExt;
use http::StatusCode;
use http_body_util::BodyExt;
use nexus_protocol::signature::verify_client_header;

use super::*;
use crate::backend::{empty, full};
use crate::observed::Observed;
use crate::scheduler::{JOBS, Nudges};
use crate::sockets::SocketsConfig;

const SECRET: &str = "Cq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yu";

/// Components that keep what they were asked and answer what they are told to.
#[derive(Default)]
struct Components {
    asked: Mutex<Vec<http::request::Parts>>,
    answer: Option<fn() -> Response<Body>>,
}

impl Backend for Components {
    fn call(&self, request: Request<Body>, _: SocketAddr) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        self.asked.lock().expect("not poisoned").push(request.into_parts().0);
        let answer = self.answer.map_or_else(|| Response::new(empty()), |answer| answer());
        futures::future::ready(Ok(answer)).boxed()
    }
}

fn edge(given: &[(&str, &str)], answer: Option<fn() -> Response<Body>>) -> (Arc<Edge>, Arc<Components>) {
    let settings = Settings::read(|name| {
        given
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, text)| (*text).to_owned())
            .or_else(|| {
                [
                    "JWT_ACCESS_SECRET",
                    "JWT_REFRESH_SECRET",
                    "INTERNAL_SECRET",
                    "MAIL_SEAL_KEY",
                ]
                .contains(&name)
                .then(|| SECRET.to_owned())
            })
    })
    .expect("good settings");
    let components = Arc::new(Components {
        answer,
        ..Components::default()
    });
    let metrics = Metrics::new().expect("metrics");
    let backend: Arc<dyn Backend> = Arc::new(Observed::new(
        Arc::clone(&components) as Arc<dyn Backend>,
        metrics.clone(),
        Nudges::new(&JOBS),
    ));
    let hub = Hub::new(
        SocketsConfig::read(&settings).expect("good settings"),
        Arc::clone(&backend),
    );
    (
        Arc::new(Edge::new(backend, hub, metrics, &settings, false).expect("good settings")),
        components,
    )
}

fn get(path: &str) -> http::request::Builder {
    Request::get(path).header("host", "nexus.example.com")
}

async fn ask(edge: &Arc<Edge>, request: http::request::Builder) -> Response<Body> {
    let request = request.body(empty()).expect("a request");
    Arc::clone(edge)
        .answer(request, SocketAddr::from(([203, 0, 113, 7], 4711)))
        .await
}

async fn text(answer: Response<Body>) -> String {
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn components_learn_who_calls_from_a_header_that_only_the_edge_can_write() {
    let (edge, components) = edge(&[], None);
    let request = get("/api/v1/chats?limit=1")
        .header("x-nexus-client", "t=1,addr=6.6.6.6,rid=forged00,v1=00")
        .header("x-nexus-signature", "forged")
        .header("spin-client-addr", "6.6.6.6:1")
        .header("x-request-id", "my-request-1");
    let answer = ask(&edge, request).await;
    assert_eq!(answer.headers()["x-request-id"], "my-request-1");
    let asked = components
        .asked
        .lock()
        .expect("not poisoned")
        .pop()
        .expect("asked once");
    let header = asked.headers["x-nexus-client"].to_str().expect("ASCII");
    let now = crate::signature::unix_now();
    let client = verify_client_header(&[SECRET.as_bytes()], header, now, "GET", "/api/v1/chats?limit=1");
    assert_eq!(
        client.map(|client| (client.address, client.request_id)),
        Ok(("203.0.113.7".to_owned(), "my-request-1".to_owned()))
    );
    assert!(!asked.headers.contains_key("x-nexus-signature") && !asked.headers.contains_key("spin-client-addr"));
}

/// The host and the relay get the same from the edge: what a client says about its connection ends here.
#[tokio::test]
async fn connection_can_name_no_header_of_ours() {
    let (edge, components) = edge(&[], None);
    for named in [
        "X-Nexus-Client",
        "x-nexus-client, close",
        "X-Request-Id, X-NEXUS-CLIENT",
    ] {
        let request = get("/api/v1/chats")
            .header("connection", named)
            .header("connection", "X-Hop")
            .header("x-hop", "1")
            .header("authorization", "Bearer a.b.c");
        ask(&edge, request).await;
        let asked = components.asked.lock().expect("not poisoned").pop();
        let headers = asked.expect("asked once").headers;
        assert!(headers.contains_key("x-nexus-client"), "{named}");
        assert_eq!(headers["authorization"], "Bearer a.b.c");
        for gone in ["connection", "x-hop"] {
            assert!(!headers.contains_key(gone), "{named}: {gone}");
        }
    }
}

#[tokio::test]
async fn a_request_without_a_host_or_with_a_compressed_body_gets_a_problem_and_asks_nobody() {
    let (edge, components) = edge(&[], None);
    let twice = get("/api/v1/chats").header("host", "nexus.example.com");
    let packed = get("/api/v1/chats").header("content-encoding", "gzip");
    for (request, status, code) in [
        (Request::get("/api/v1/chats"), 400, "VALIDATION_FAILED"),
        (twice, 400, "VALIDATION_FAILED"),
        (packed, 415, "UNSUPPORTED_MEDIA_TYPE"),
    ] {
        let answer = ask(&edge, request).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (status, &HeaderValue::from_static("application/problem+json"))
        );
        assert!(answer.headers().contains_key("x-request-id"));
        assert_eq!(answer.headers().contains_key("accept-encoding"), status == 415);
        assert!(text(answer).await.contains(code));
    }
    assert!(components.asked.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn a_websocket_s_address_says_that_it_is_one_and_problems_at_the_door_keep_their_status() {
    let (edge, _) = edge(&[("FRONTEND_URL", "https://app.example.com")], None);
    let asked_plainly = ask(&edge, get("/ws")).await;
    assert_eq!(asked_plainly.status(), 426);
    assert_eq!(asked_plainly.headers()["upgrade"], "websocket");
    assert_eq!(asked_plainly.headers()["connection"], "Upgrade");
    assert_eq!(asked_plainly.headers()["content-type"], "application/problem+json");
    assert!(text(asked_plainly).await.contains("UPGRADE_REQUIRED"));

    let posted = Request::post("/ws").header("host", "nexus.example.com");
    let posted = ask(&edge, posted).await;
    assert_eq!(
        (posted.status().as_u16(), &posted.headers()["allow"]),
        (405, &HeaderValue::from_static("GET"))
    );

    for path in ["/ws", "/socket.io/?EIO=4&transport=polling"] {
        let foreign = ask(&edge, get(path).header("origin", "https://evil.example")).await;
        assert_eq!(foreign.status(), 403, "{path}");
        assert_eq!(foreign.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn past_the_limit_the_answer_is_a_problem_that_says_when_to_return() {
    let (edge, _) = edge(&[("THROTTLE_LIMIT", "1")], None);
    let first = ask(&edge, get("/api/v1/chats")).await;
    assert_eq!(
        (first.status(), &first.headers()["ratelimit-remaining"]),
        (StatusCode::OK, &HeaderValue::from_static("0"))
    );
    let second = ask(&edge, get("/api/v1/chats")).await;
    assert_eq!(second.status(), 429);
    assert_eq!(second.headers()["retry-after"], second.headers()["ratelimit-reset"]);
    assert!(second.headers().contains_key("x-request-id"));
    assert!(text(second).await.contains("RATE_LIMIT_EXCEEDED"));
    assert_eq!(ask(&edge, get("/api/v1/health")).await.status(), 200);
}

#[tokio::test]
async fn the_address_list_guards_admin_paths_in_every_spelling() {
    let (edge, components) = edge(&[("ADMIN_ALLOW", "10.0.0.0/8")], None);
    for path in ["/api/v1/admin/users", "/api/v1/%61dmin/users", "/api/v1/admin"] {
        let answer = ask(&edge, get(path)).await;
        assert_eq!(answer.status(), 403, "{path}");
        assert!(text(answer).await.contains("IP_NOT_ALLOWED"));
    }
    assert!(components.asked.lock().expect("not poisoned").is_empty());
    assert_eq!(ask(&edge, get("/api/v1/chats")).await.status(), 200);
}

#[tokio::test]
async fn the_development_mailbox_is_not_there_for_the_network() {
    let (edge, components) = edge(&[], None);
    assert_eq!(ask(&edge, get("/api/v1/dev/mailbox")).await.status(), 404);
    assert!(components.asked.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn internal_answer_headers_go_into_metrics_and_not_to_the_client() {
    let (edge, _) = edge(
        &[("METRICS_TOKEN", "a-token-for-metrics")],
        Some(|| {
            let mut answer = Response::new(empty());
            let headers = answer.headers_mut();
            headers.insert("x-nexus-counts", HeaderValue::from_static("db=2;dbms=10;auth=ok"));
            headers.insert("x-nexus-nudge", HeaderValue::from_static("mail"));
            answer
        }),
    );
    let answer = ask(&edge, get("/api/v1/auth/me")).await;
    assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("x-nexus")));
    assert_eq!(ask(&edge, get("/api/v1/metrics")).await.status(), 401);
    assert_eq!(
        ask(&edge, get("/api/v1/metrics").header("authorization", "Bearer wrong"))
            .await
            .status(),
        401
    );
    let metrics = ask(
        &edge,
        get("/api/v1/metrics").header("authorization", "Bearer a-token-for-metrics"),
    )
    .await;
    let metrics = text(metrics).await;
    assert!(
        metrics.contains("db_queries_total 2") && metrics.contains("auth_success_total 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn answers_are_compressed_but_not_where_they_carry_tokens() {
    let large: fn() -> Response<Body> = || {
        let mut answer = Response::new(full("x".repeat(5_000)));
        answer
            .headers_mut()
            .insert("content-type", HeaderValue::from_static("application/json"));
        answer
    };
    let (edge, _) = edge(&[], Some(large));
    let zipped = ask(&edge, get("/api/v1/chats").header("accept-encoding", "gzip")).await;
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    assert!(text(zipped).await.len() < 1_000);
    for path in ["/api/v1/auth/login", "/api/v1/auth/refresh"] {
        let plain = ask(&edge, get(path).header("accept-encoding", "gzip, br")).await;
        assert!(!plain.headers().contains_key("content-encoding"), "{path}");
    }
}

#[tokio::test]
async fn relay_events_need_a_signature_over_their_body() {
    let (edge, _) = edge(&[], None);
    let body = r#"{"events":[]}"#;
    let now = crate::signature::unix_now();
    let signed =
        nexus_protocol::signature::sign_request(SECRET.as_bytes(), now, "POST", "/relay/events", body.as_bytes());
    for (signature, sent, status) in [
        (signed.as_str(), body, 204),
        (signed.as_str(), "{}", 404),
        ("t=1,v1=00", body, 404),
    ] {
        let request = Request::post("/relay/events")
            .header("host", "nexus.example.com")
            .header("x-nexus-signature", signature)
            .body(full(sent))
            .expect("a request");
        let answer = Arc::clone(&edge)
            .answer(request, SocketAddr::from(([127, 0, 0, 1], 1)))
            .await;
        assert_eq!(answer.status(), status);
    }
}

#[tokio::test]
async fn a_body_that_is_declared_too_large_is_refused_before_it_is_sent() {
    let (edge, components) = edge(&[], None);
    let answer = ask(
        &edge,
        Request::post("/api/v1/auth/register")
            .header("host", "nexus.example.com")
            .header("content-length", 64 * 1024 * 1024 + 1),
    )
    .await;
    assert_eq!(answer.status(), 413);
    assert!(components.asked.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn a_runtimes_bare_answer_becomes_a_problem_document() {
    let (edge, _) = edge(
        &[],
        Some(|| {
            let mut answer = Response::new(empty());
            *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            answer
        }),
    );
    let answer = ask(&edge, get("/api/v1/chats")).await;
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn the_word_that_lets_a_domain_be_listed_goes_on_every_answer_once_it_is_set() {
    let (edge, _) = edge(&[("HSTS_PRELOAD", "true"), ("ADMIN_ALLOW", "10.0.0.0/8")], None);
    for path in ["/api/v1/chats", "/api/v1/admin/users", "/api/v1/metrics"] {
        let answer = ask(&edge, get(path)).await;
        assert_eq!(
            answer.headers()["strict-transport-security"],
            "max-age=31536000; includeSubDomains; preload",
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_token_for_metrics_is_taken_however_its_scheme_is_spelled() {
    let (edge, _) = edge(&[("METRICS_TOKEN", "a token of our own")], None);
    for (given, status) in [
        ("Bearer a token of our own", 200),
        ("bearer a token of our own", 200),
        ("Bearer another", 401),
        ("Basic a token of our own", 401),
    ] {
        let answer = ask(&edge, get("/api/v1/metrics").header("authorization", given)).await;
        assert_eq!(answer.status(), status, "{given}");
    }
}

#[test]
fn components_that_hang_are_waited_for_as_long_as_the_head_says_that_the_body_takes() {
    let post = |length: Option<u64>| {
        let mut request = Request::post("/api/v1/chats");
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        patience(&with_body_timeout(request.body(full("{}")).expect("a request")))
    };
    assert_eq!(post(Some(2)), PATIENCE);
    assert_eq!(post(Some(10 << 20)), PATIENCE_FOR_UPLOADS);
    assert_eq!(post(None), PATIENCE_FOR_UPLOADS, "it may be an upload");
    assert_eq!(
        patience(&get("/api/v1/chats").body(empty()).expect("a request")),
        PATIENCE
    );
}
