use std::convert::Infallible;
use std::net::SocketAddr;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::app::{App, text};

fn app(allowed: &str) -> App {
    App::new(&format!(
        r#"
[variables]
service = {{ default = "" }}
[[trigger.http]]
route = "/fetch"
component = "outbound"
[[trigger.http]]
route = "/hello"
component = "hello"
[[trigger.http]]
route = {{ private = true }}
component = "given"
[component.outbound]
source = "@outbound"
allowed_outbound_hosts = [{allowed}]
[component.hello]
source = "@hello"
[component.given]
source = "@given"
"#
    ))
}

/// A server that answers with the request that it got.
async fn service() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                let host = request.headers()[http::header::HOST].to_str().unwrap();
                Ok::<_, Infallible>(http::Response::new(format!("{host}{}", request.uri())))
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
    address
}

#[tokio::test]
async fn a_granted_host_is_reached() {
    let host = app("\"http://127.0.0.1:*\"").load().await;
    let service = service().await;
    assert_eq!(
        text(&host, &format!("/fetch?http://{service}/x")).await,
        format!("200 {service}/x")
    );
}

#[tokio::test]
async fn a_host_without_a_grant_is_denied() {
    let host = app("\"http://127.0.0.1:1\", \"https://*.example.com\"").load().await;
    let service = service().await;
    for url in [
        format!("http://{service}/"),
        "http://self.alt/hello".into(),
        "http://a.example.com/".into(),
    ] {
        let answer = text(&host, &format!("/fetch?{url}")).await;
        assert_eq!(answer, "ErrorCode::HttpRequestDenied", "{url}");
    }
}

#[tokio::test]
async fn a_grant_may_be_a_variable_and_an_empty_value_grants_nothing() {
    let service = service().await;
    let mut granted = app("\"{{ service }}\"");
    let url = format!("/fetch?http://{service}/");
    assert_eq!(text(&granted.load().await, &url).await, "ErrorCode::HttpRequestDenied");
    granted
        .config
        .variables
        .insert("service".into(), format!("http://{service}"));
    assert_eq!(text(&granted.load().await, &url).await, format!("200 {service}/"));
}

#[tokio::test]
async fn a_refused_connection_is_an_error_and_not_a_trap() {
    let host = app("\"http://127.0.0.1:*\"").load().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let answer = text(&host, &format!("/fetch?http://127.0.0.1:{port}/")).await;
    assert_eq!(answer, "ErrorCode::ConnectionRefused");
}

#[tokio::test]
async fn a_component_reaches_its_own_application() {
    let host = app("\"http://self\"").load().await;
    assert_eq!(text(&host, "/fetch?http://self.alt/hello").await, "200 Hello, world!");
    assert_eq!(text(&host, "/fetch?http://self.alt/nowhere").await, "404 ");
}

#[tokio::test]
async fn a_private_component_is_reached_by_its_internal_name() {
    let host = app("\"http://given.spin.internal\"").load().await;
    let headers = text(&host, "/fetch?http://given.spin.internal/a/headers").await;
    assert!(headers.contains("spin-path-info=/a/headers"), "{headers}");
    assert!(headers.contains("spin-client-addr=0.0.0.0:0"), "{headers}");
    assert_eq!(
        text(&host, "/fetch?http://hello.spin.internal/").await,
        "ErrorCode::HttpRequestDenied"
    );
}

#[tokio::test]
async fn the_internal_wildcard_covers_every_component() {
    let host = app("\"http://*.spin.internal\"").load().await;
    assert_eq!(
        text(&host, "/fetch?http://hello.spin.internal/").await,
        "200 Hello, world!"
    );
    assert_eq!(
        text(&host, "/fetch?http://nobody.spin.internal/").await,
        "ErrorCode::HttpRequestDenied"
    );
}
