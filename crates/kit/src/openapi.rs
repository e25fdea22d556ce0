//! Each component tells its own part of the OpenAPI document; `operations` puts the parts together.

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::App;

/// Where a component answers with its part. No route of `spin.toml` leads there: only the
/// application itself can reach it, by `http://NAME.spin.internal`.
pub const FRAGMENT_PATH: &str = "/__openapi";

/// Everything the public contract is under.
pub const BASE_PATH: &str = "/api/v1";

/// A component's router, with its own document under [`FRAGMENT_PATH`].
pub fn finish(router: OpenApiRouter<App>) -> Router<App> {
    let (router, document) = router.split_for_parts();
    let text = document.to_json().unwrap_or_default();
    router.route(
        FRAGMENT_PATH,
        axum::routing::get(move || async move { ([(http::header::CONTENT_TYPE, "application/json")], text.clone()) }),
    )
}

/// The document of a component's router alone.
pub fn fragment(router: OpenApiRouter<App>) -> OpenApi {
    router.into_openapi()
}

/// All parts as one document; the first one's head (`info`) stays.
///
/// Merged as JSON: read into types and written again, a schema that utoipa can write but not read is lost.
pub fn whole(parts: Vec<serde_json::Value>) -> serde_json::Value {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().unwrap_or_default();
    for part in parts {
        merge(&mut whole, part);
    }
    whole
}

/// Adds what is not there yet, at every depth.
fn merge(into: &mut serde_json::Value, from: serde_json::Value) {
    use serde_json::Value;
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(there) => merge(there, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(from)) => {
            for item in from {
                if !into.contains(&item) {
                    into.push(item);
                }
            }
        }
        _ => {}
    }
}
