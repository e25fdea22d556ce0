//! A company's figures, kept for `CACHE_TTL` and never shown once they are no longer true.
//!
//! What is kept carries the stamp of the state it is of (`store::dashboard::Stamp`): every change to what is counted
//! moves the company's stamp on in the same commit, so whoever reads after a write finds another stamp and counts
//! anew. One read by primary key says whether a kept answer is still true.

mod cache;
mod routes;

use axum::routing::post;
use nexus_kit::{App, internal};
use nexus_protocol::COMPANY_GAUGES;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(routes::stats::get_dashboard_stats))
        .merge(internal::routes([(COMPANY_GAUGES, post(routes::gauges::list_gauges))]))
}

#[cfg(target_arch = "wasm32")]
#[spin_sdk::http_service]
async fn handle(request: spin_sdk::http::Request) -> impl spin_sdk::http::IntoResponse {
    nexus_kit::entry::serve(request, routes).await
}

#[cfg(test)]
mod tests;
