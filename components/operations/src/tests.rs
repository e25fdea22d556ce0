use http::{Request, StatusCode};
use http_body_util::BodyExt;
use nexus_kit::{App, Config, layers, openapi};
use nexus_store::Database;
use tower::ServiceExt;

const SECRETS: [(&str, &str); 2] = [
    ("jwt_access_secret", "an access secret for the tests, long enough"),
    ("internal_secret", "an internal secret for the tests, long enough"),
];

async fn answer(method: &str, path: &str) -> (http::response::Parts, serde_json::Value) {
    let app = App::new(Database::in_memory().unwrap(), Config::from_pairs(SECRETS)).unwrap();
    let router = layers::wrap(openapi::finish(crate::routes()), app);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(axum::body::Body::empty())
        .unwrap();
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn health_tells_the_version() {
    let (parts, body) = answer("GET", "/api/v1/health").await;
    assert_eq!((parts.status, body["status"].as_str()), (StatusCode::OK, Some("ok")));
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn an_unknown_address_is_a_problem_with_the_request_s_id() {
    let (parts, body) = answer("GET", "/api/v1/nothing").await;
    assert_eq!(
        (parts.status, body["code"].as_str()),
        (StatusCode::NOT_FOUND, Some("NOT_FOUND"))
    );
    assert_eq!(parts.headers["content-type"], "application/problem+json");
    assert_eq!(parts.headers["x-request-id"], body["requestId"].as_str().unwrap());
    assert_eq!(parts.headers["x-content-type-options"], "nosniff");
    assert_eq!(parts.headers["x-download-options"], "noopen");
}

#[tokio::test]
async fn a_wrong_method_is_told_which_are_right() {
    let (parts, body) = answer("POST", "/api/v1/health").await;
    assert_eq!(
        (parts.status, body["code"].as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, Some("METHOD_NOT_ALLOWED"))
    );
    assert!(parts.headers["allow"].to_str().unwrap().contains("GET"));
}

#[tokio::test]
async fn readiness_without_a_key_value_store_is_503_and_says_what_fails() {
    let (parts, body) = answer("GET", "/api/v1/health/ready").await;
    assert_eq!(parts.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["checks"]["database"]["status"], "ok");
    assert_eq!(body["checks"]["keyValue"]["status"], "failed");
}

#[tokio::test]
async fn the_page_has_a_place_for_every_error_code() {
    let app = App::new(Database::in_memory().unwrap(), Config::from_pairs(SECRETS)).unwrap();
    let router = layers::wrap(openapi::finish(crate::routes()), app);
    let request = Request::get("/docs").body(axum::body::Body::empty()).unwrap();
    let body = router.oneshot(request).await.unwrap().into_body();
    let page = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    for code in nexus_kit::Code::ALL {
        let place = format!("id=\"{}\"", code.as_str());
        assert_eq!(page.matches(&place).count(), 1, "{place}");
    }
}
