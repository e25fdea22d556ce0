//! The OpenAPI document: every component's own part, put together once per instance.

use std::sync::OnceLock;

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use nexus_kit::openapi::FRAGMENT_PATH;
use nexus_kit::{ApiError, ApiResult, App};

use crate::reach;

/// Who has a part. `operations` adds its own.
pub const COMPONENTS: [&str; 6] = ["identity", "verification", "mailer", "chat", "property", "dashboard"];

static WHOLE: OnceLock<String> = OnceLock::new();

/// The description of every public route, made from the code that serves it.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "operations",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")),
    security(())
)]
pub async fn get_openapi(State(app): State<App>) -> ApiResult {
    let text = match WHOLE.get() {
        Some(text) => text.clone(),
        None => {
            let text = put_together(&app).await?;
            WHOLE.get_or_init(|| text).clone()
        }
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

async fn put_together(app: &App) -> Result<String, ApiError> {
    let own =
        serde_json::to_value(crate::routes().into_openapi()).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut parts = vec![own];
    for component in COMPONENTS {
        let body = reach::get(app, format!("http://{component}.spin.internal{FRAGMENT_PATH}"))
            .await
            .map_err(|why| ApiError::unavailable(format!("{component} has not told its part: {why}")))?;
        let part = serde_json::from_slice(&body)
            .map_err(|error| ApiError::internal(format!("{component}'s part can't be read: {error}")))?;
        parts.push(part);
    }
    Ok(nexus_kit::openapi::whole(parts).to_string())
}
