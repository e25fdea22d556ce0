//! The gauges of every company on the sidecar's `/metrics`.

use axum::extract::State;
use nexus_domain::company_gauges::{GaugesRequest, GaugesResponse};
use nexus_kit::internal::Signed;
use nexus_kit::{ApiResult, App, respond};
use nexus_store::property::dashboard;

/// The most bytes of a call: a thousand slugs with their versions.
const BODY_LIMIT: usize = 256 * 1024;

/// The gauges of the companies whose figures changed since the versions that the sidecar has.
pub async fn list_gauges(State(app): State<App>, Signed(known): Signed<GaugesRequest, BODY_LIMIT>) -> ApiResult {
    let companies = dashboard::gauges(app.database(), &known)?;
    Ok(respond::ok(&GaugesResponse { companies }))
}
