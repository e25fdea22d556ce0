//! Routes for the native side alone (`/internal/*`): registered by [`routes`], called with a signature.

use axum::extract::{FromRequest, Request};
use axum::routing::MethodRouter;
use nexus_protocol::headers::SIGNATURE;
use nexus_protocol::signature;
use serde::de::{DeserializeOwned, IgnoredAny};
use utoipa_axum::router::OpenApiRouter;

use crate::extract::read_body;
use crate::{ApiError, App, Code, clock};

/// The prefix of every internal path.
pub const PREFIX: &str = "/internal/";
/// The most bytes a call without arguments may have.
const MAX_TRIGGER: usize = 1_024;

/// Internal routes. They are not part of the OpenAPI document. Every handler takes [`Signed`].
pub fn routes<const N: usize>(routes: [(&str, MethodRouter<App>); N]) -> OpenApiRouter<App> {
    routes.into_iter().fold(OpenApiRouter::new(), |router, (path, method)| {
        debug_assert!(path.starts_with(PREFIX), "{path} is not internal");
        router.route(path, method)
    })
}

/// The JSON body of a signed request, of at most `LIMIT` bytes. A request whose signature is missing or wrong gets 404.
pub struct Signed<T, const LIMIT: usize = MAX_TRIGGER>(pub T);

/// A signed request that says nothing but that something is to be done.
pub type Trigger = Signed<IgnoredAny>;

impl<T: DeserializeOwned, const LIMIT: usize> FromRequest<App> for Signed<T, LIMIT> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let body = signed_body(app, request, LIMIT).await?;
        let json = if body.is_empty() { b"null".as_slice() } else { &body };
        serde_json::from_slice(json)
            .map(Self)
            .map_err(|error| ApiError::new(Code::MalformedJson, error.to_string()))
    }
}

/// The body of a request, once its signature has been verified; the signature covers the body.
async fn signed_body(app: &App, request: Request, limit: usize) -> Result<bytes::Bytes, ApiError> {
    let header = request
        .headers()
        .get(&SIGNATURE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(ApiError::not_found)?
        .to_owned();
    let method = request.method().clone();
    let target = request
        .uri()
        .path_and_query()
        .map_or_else(|| "/".to_owned(), ToString::to_string);
    let body = read_body(request, limit).await.map_err(|_| ApiError::not_found())?;
    let now = clock::now().as_seconds();
    signature::verify_request(&app.internal_secrets(), &header, now, method.as_str(), &target, &body)
        .map_err(|_| ApiError::not_found())?;
    Ok(body)
}
