//! What the sidecar shows on `/metrics` of every company.

use axum::extract::{Request, State};
use nexus_domain::company_gauges::{GaugesRequest, GaugesResponse};
use nexus_kit::layers::signed_body;
use nexus_kit::{ApiError, ApiResult, App, respond};
use nexus_store::property::dashboard;

/// A thousand slugs with their versions.
const BODY_LIMIT: usize = 256 * 1024;

pub async fn tell_gauges(State(app): State<App>, request: Request) -> ApiResult {
    let body = signed_body(&app, request, BODY_LIMIT).await?;
    let asked: GaugesRequest = serde_json::from_slice(&body).map_err(|error| ApiError::internal(error.to_string()))?;
    let companies = dashboard::gauges(app.database(), &asked)?;
    Ok(respond::ok(&GaugesResponse { companies }))
}
