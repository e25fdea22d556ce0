use super::app::{App, get, send, text};
use http::{Request, StatusCode};
use nexus_host::RouteInfo;

const TWO_ROUTES: &str = r#"
[[trigger.http]]
route = "/things/:id/..."
component = "given"
[[trigger.http]]
route = "/things/new"
component = "hello"
[[trigger.http]]
route = "/gone"
static_response = { status_code = 410, headers = { x-why = "moved" }, body = "gone" }
[[trigger.http]]
route = { private = true }
component = "secret"
[component.given]
source = "@given"
[component.hello]
source = "@hello"
[component.secret]
source = "@hello"
"#;

#[tokio::test]
async fn the_most_specific_route_answers() {
    let host = App::new(TWO_ROUTES).load().await;
    assert_eq!(text(&host, "/things/new").await, "Hello, world!");
    assert!(text(&host, "/things/7/headers").await.contains("spin-path-match-id=7"));
}

#[tokio::test]
async fn a_path_without_a_route_is_404_with_an_empty_body() {
    let host = App::new(TWO_ROUTES).load().await;
    let answer = get(&host, "/nowhere").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NOT_FOUND, ""));
}

#[tokio::test]
async fn a_static_response_is_answered_without_a_component() {
    let host = App::new(TWO_ROUTES).load().await;
    let answer = get(&host, "/gone").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::GONE, "gone"));
    assert_eq!(answer.head.headers()["x-why"], "moved");
    assert_eq!(host.stats().instances_made, 0);
}

#[tokio::test]
async fn a_private_component_has_no_public_route() {
    let host = App::new(TWO_ROUTES).load().await;
    let route = |route: &str, component: Option<&str>| RouteInfo {
        route: route.into(),
        component: component.map(Into::into),
    };
    assert_eq!(
        host.routes(),
        [
            route("/things/new", Some("hello")),
            route("/things/:id/...", Some("given")),
            route("/gone", None),
        ]
    );
}

#[tokio::test]
async fn a_component_gets_the_spin_headers() {
    let host = App::new(TWO_ROUTES).load().await;
    let request = Request::get("/things/7/headers?a=b").header("host", "example.com:81");
    let headers = send(&host, request, "").await.text;
    let spin: Vec<&str> = headers.lines().filter(|l| l.starts_with("spin-")).collect();
    let mut expected = [
        "spin-path-info=/headers",
        "spin-full-url=http://example.com:81/things/7/headers?a=b",
        "spin-matched-route=/things/:id/...",
        "spin-base-path=/",
        "spin-raw-component-route=/things/:id/...",
        "spin-component-route=/things/:id",
        "spin-client-addr=192.0.2.7:4711",
        "spin-path-match-id=7",
    ];
    let mut spin = spin;
    spin.sort_unstable();
    expected.sort_unstable();
    assert_eq!(spin, expected);
    assert!(
        headers.contains("uri=http://example.com:81/things/7/headers?a=b"),
        "{headers}"
    );
}

#[tokio::test]
async fn a_client_cannot_set_spin_headers() {
    let host = App::new(TWO_ROUTES).load().await;
    let request = Request::get("/things/7/headers")
        .header("spin-client-addr", "10.0.0.1:1")
        .header("spin-path-match-role", "admin");
    let headers = send(&host, request, "").await.text;
    assert!(!headers.contains("10.0.0.1"), "{headers}");
    assert!(!headers.contains("admin"), "{headers}");
}

#[tokio::test]
async fn without_route_headers_no_spin_header_reaches_a_component() {
    let mut app = App::new(TWO_ROUTES);
    app.config.route_headers = false;
    let host = app.load().await;
    let request = Request::get("/things/7/headers?a=b")
        .header("spin-client-addr", "10.0.0.1:1")
        .header("spin-path-match-role", "admin")
        .header("spinning", "top");
    let headers = send(&host, request, "").await.text;
    assert!(!headers.lines().any(|line| line.starts_with("spin-")), "{headers}");
    assert!(
        headers.contains("spinning=top") && headers.contains("uri=http://"),
        "{headers}"
    );
}

#[tokio::test]
async fn a_component_for_wasi_0_2_is_served_as_well() {
    let host = App::one("hello02", "").load().await;
    assert_eq!(text(&host, "/a?b").await, "Hello from 0.2 at /a?b");
}

#[tokio::test]
async fn the_reserved_health_route_answers() {
    let host = App::new(TWO_ROUTES).load().await;
    assert_eq!(text(&host, "/.well-known/spin/health").await, "OK");
}

#[tokio::test]
async fn after_shutdown_requests_get_503() {
    let host = App::one("hello", "").load().await;
    assert_eq!(get(&host, "/").await.status, StatusCode::OK);
    host.shutdown().await;
    assert_eq!(get(&host, "/").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_component_is_served_over_a_real_listener() {
    let host = App::one("hello", "").load().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(nexus_host::serve(host, listener, async {
        let _ = stopped.await;
    }));
    let client =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http::<String>();
    let uri = format!("http://{address}/").parse().unwrap();
    assert_eq!(client.get(uri).await.unwrap().status(), StatusCode::OK);
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
}
