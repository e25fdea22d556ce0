//! Health, the OpenAPI document and its page, and the answer for every address nobody has.

mod reach;
mod routes;

use axum::routing::get;
use nexus_kit::App;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The head of the whole document, and the schema that every failure refers to.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Nexus",
        description = "Accounts with document verification, mail, chat and presence, property management. \
                   Errors are `application/problem+json`; `code` is stable, `detail` is for people.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(nexus_kit::api_error::ProblemDocument))
)]
struct Head;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(routes::health::get_health))
        .routes(routes!(routes::health::get_readiness))
        .routes(routes!(routes::openapi::get_openapi))
        .route("/docs", get(routes::docs::get_docs))
        .route("/docs/app.js", get(routes::docs::get_script))
        .route("/docs/app.css", get(routes::docs::get_style))
        .route("/docs/{version}/{name}", get(routes::docs::get_viewer_file))
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: spin_sdk::http::Request) -> impl spin_sdk::http::IntoResponse {
    nexus_kit::entry::serve(request, routes).await
}

#[cfg(test)]
mod tests;
