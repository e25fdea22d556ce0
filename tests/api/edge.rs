//! What the edge does for every request, seen from outside.

use nexus_tests::{Answer, TestApp};
use reqwest::Method;
use serde_json::json;

/// As Helmet sets them, for answers that are no pages.
const SECURITY_HEADERS: [(&str, &str); 12] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_a_request_id_and_the_security_headers() {
    let app = TestApp::start().await;
    let client = app.client();
    let given = client
        .request(Method::GET, "/health")
        .header("X-Request-Id", "my-request-01");
    let answer = Answer::of(given).await.expect(200);
    assert_eq!(answer.header("x-request-id"), Some("my-request-01"));
    for path in ["/health", "/nowhere", "/metrics", "/chats"] {
        let answer = client.get(path).await;
        assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 36), "{path}");
        for (name, value) in SECURITY_HEADERS {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert!(
            !answer.headers.keys().any(|name| name.as_str().starts_with("x-nexus-")),
            "{path}"
        );
    }
    client.get("/nowhere").await.expect_problem(404, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_sockets_preflights_and_refusals_carry_them_too() {
    let app = TestApp::start().await;
    let client = app.client();
    for (method, path) in [
        (Method::GET, "/docs"),
        (Method::GET, "/"),
        (Method::GET, "/socket.io/?EIO=4&transport=polling"),
        (Method::GET, "/socket.io/?EIO=4&transport=polling&sid=nobody"),
        (Method::GET, "/ws"),
        (Method::GET, "/relay/health"),
        (Method::POST, "/relay/events"),
        (Method::OPTIONS, "/api/v1/chats"),
        (Method::PATCH, "/api/v1/health"),
        (Method::POST, "/api/v1/auth/login"),
    ] {
        let request = client
            .at_root(method.clone(), path)
            .header("Origin", "http://localhost:3000")
            .header("Access-Control-Request-Method", "POST");
        let answer = Answer::of(request).await;
        for (name, _) in SECURITY_HEADERS {
            assert!(answer.header(name).is_some(), "{name}: {method} {path}");
        }
        assert_eq!(answer.header("x-download-options"), Some("noopen"), "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_requests_and_database_statements() {
    let app = TestApp::start().await;
    let client = app.client();
    let credentials = json!({ "email": "nobody@example.com", "password": "Wrong-Horse-7" });
    client.post("/auth/login", &credentials).await.expect(401);
    let metrics = client.get("/metrics").await.expect(200).text();
    let value = |name: &str| -> f64 {
        let line = metrics
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}:\n{metrics}"));
        line.rsplit(' ')
            .next()
            .and_then(|text| text.parse().ok())
            .expect("a number")
    };
    assert!(value("db_queries_total") > 0.0);
    assert!(value("db_connections_active") > 0.0);
    assert_eq!(value("auth_attempts_total"), 1.0);
    assert_eq!(value("auth_success_total"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_limit_holds_and_says_when_to_return() {
    let app = TestApp::builder().env("THROTTLE_LIMIT", "3").start().await;
    let client = app.client();
    for remaining in ["2", "1", "0"] {
        let answer = client.get("/auth/me").await.expect(401);
        assert_eq!(answer.header("ratelimit-limit"), Some("3"));
        assert_eq!(answer.header("ratelimit-remaining"), Some(remaining));
    }
    let refused = client.get("/auth/me").await.expect_problem(429, "RATE_LIMIT_EXCEEDED");
    assert!(
        refused
            .header("retry-after")
            .is_some_and(|seconds| seconds.parse::<u64>().is_ok_and(|s| (1..=60).contains(&s)))
    );
    client.get("/health").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn internal_calls_find_nothing_without_a_signature() {
    let app = TestApp::start().await;
    let client = app.client();
    for path in ["/internal/mail/deliver", "/internal/nowhere", "/relay/events"] {
        let request = client.at_root(Method::POST, path).json(&json!({}));
        Answer::of(request).await.expect_problem(404, "NOT_FOUND");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_product_ends_with_code_0() {
    let mut app = TestApp::start().await;
    app.client().get("/health/ready").await.expect(200);
    assert_eq!(app.terminate(), Some(0));
}

/// The answer to these bytes; the connection is closed after it.
async fn raw(url: &str, head: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(url.trim_start_matches("http://"))
        .await
        .expect("it listens");
    let head = format!("{head}connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_say_too_little_or_too_much_get_a_problem_from_the_product_and_from_a_relay() {
    let app = TestApp::start().await;
    let relay = app.relay().await;
    for url in [app.url(), relay.url()] {
        for (head, status) in [
            ("GET /api/v1/health HTTP/1.1\r\n", 400),
            ("GET /api/v1/health HTTP/1.1\r\nhost: a\r\nhost: a\r\n", 400),
            ("GET /api/v1/health HTTP/1.1\r\nhost: a b\r\n", 400),
            (
                "GET /api/v1/health HTTP/1.1\r\nhost: a\r\ncontent-encoding: gzip\r\n",
                415,
            ),
            ("GET /ws HTTP/1.1\r\nhost: a\r\n", 426),
            ("POST /ws HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n", 405),
        ] {
            let answer = raw(url, head).await.to_lowercase();
            assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{head}: {answer}");
            assert!(
                answer.contains("content-type: application/problem+json"),
                "{head}: {answer}"
            );
            assert_eq!(
                answer.contains("\r\nupgrade: websocket\r\n"),
                status == 426,
                "{head}: {answer}"
            );
        }
        for head in [
            "GET /api/v1/health HTTP/1.0\r\n",
            "GET /api/v1/health HTTP/1.1\r\nhost: a\r\ncontent-encoding: identity\r\n",
            "GET /api/v1/health HTTP/1.1\r\nhost: a\r\nconnection: X-Nexus-Client, Authorization\r\n",
        ] {
            let answer = raw(url, head).await;
            assert!(answer.contains(" 200 "), "{head}: {answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_id_of_a_session_and_no_token_stands_in_the_log() {
    let app = TestApp::start().await;
    let ask = |path: &str| reqwest::get(format!("{}{path}", app.url()));
    let opened = ask("/socket.io/?EIO=4&transport=polling").await.expect("an answer");
    let opened: serde_json::Value = serde_json::from_str(&opened.text().await.expect("text")[1..]).expect("JSON");
    let sid = opened["sid"].as_str().expect("a sid");
    for query in [
        format!("EIO=4&transport=polling&sid={sid}x"),
        "token=secret-1".to_owned(),
        "secret-2".to_owned(),
        "q=secret-3@example.com".to_owned(),
        "%73id=secret-4".to_owned(),
    ] {
        ask(&format!("/socket.io/?{query}")).await.expect("an answer");
        ask(&format!("/api/v1/health?{query}")).await.expect("an answer");
    }
    let log = app.log();
    assert!(log.contains("transport=polling"), "{log}");
    assert!(!log.contains(sid) && !log.contains("secret-"), "{log}");
}
