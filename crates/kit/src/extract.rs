//! Extractors whose refusals are problems of the contract.

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use deserr::Deserr;
use http::request::Parts;
use http::{HeaderValue, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use nexus_domain::Invalid;
use serde_json::{Map, Value};

use crate::fields::{DUPLICATE_KEY, StrictJson};
use crate::{ApiError, Code, FieldErrors};

/// What a JSON body may weigh where a route says nothing else.
pub const JSON_LIMIT: usize = 256 * 1024;

/// A JSON body of at most `LIMIT` bytes.
pub struct Json<T, const LIMIT: usize = JSON_LIMIT>(pub T);

impl<S, T, const LIMIT: usize> FromRequest<S> for Json<T, LIMIT>
where
    S: Send + Sync,
    T: Deserr<FieldErrors>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = read_json_bytes(request, LIMIT).await?;
        parse_json(&body).map(Self)
    }
}

/// The bytes of a JSON body. A request without a body needn't say of what type it is; what its absence means is for
/// [`parse_json`].
pub async fn read_json_bytes(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    if content_type.as_ref().is_some_and(|given| !is_json(given)) {
        return Err(not_json());
    }
    let body = read_body(request, limit).await?;
    if content_type.is_none() && !body.is_empty() {
        return Err(not_json());
    }
    Ok(body)
}

fn not_json() -> ApiError {
    ApiError::new(
        Code::UnsupportedMediaType,
        "The body must be `application/json`, in UTF-8.",
    )
}

/// `application/json`, or a type built on it. JSON has no charset (RFC 8259 §8.1); who names another than UTF-8 has
/// written something that we would misread.
fn is_json(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let is_json = parts
        .next()
        .and_then(|essence| essence.strip_prefix("application/"))
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"));
    is_json
        && parts
            .filter_map(|parameter| parameter.strip_prefix("charset="))
            .all(|charset| charset.trim_matches('"') == "utf-8")
}

/// The whole body, counted while it is read.
pub async fn read_body(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Err(error) => {
            Err(ApiError::new(Code::MalformedJson, "The body did not arrive whole.").because(error.to_string()))
        }
    }
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        Code::PayloadTooLarge,
        format!("The body may have at most {limit} bytes."),
    )
}

/// Bytes into a request type; an empty body is `{}`, for actions all of whose fields are optional.
pub fn parse_json<T: Deserr<FieldErrors>>(body: &[u8]) -> Result<T, ApiError> {
    let value = if body.is_empty() {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice::<StrictJson>(body)
            .map_err(|error| refused(&error))?
            .0
    };
    deserr::deserialize::<T, _, FieldErrors>(value).map_err(|errors| ApiError::invalid(errors.0))
}

fn refused(error: &serde_json::Error) -> ApiError {
    let message = error.to_string();
    match message.strip_prefix(DUPLICATE_KEY) {
        Some(rest) => {
            let key = rest.split(" at line ").next().unwrap_or(rest);
            ApiError::field(key, Invalid::new("DUPLICATE_PROPERTY", "stands more than once"))
        }
        None => ApiError::new(Code::MalformedJson, format!("The body is not JSON: {message}.")),
    }
}

/// The query string; each name at most once, every value text until its type reads it.
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: Deserr<FieldErrors>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let axum::extract::Query(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::field("", Invalid::new("INVALID", "the query string can't be read")))?;
        let mut map = Map::new();
        for (name, value) in pairs {
            if map.contains_key(&name) {
                return Err(ApiError::field(
                    name,
                    Invalid::new("DUPLICATE_PROPERTY", "stands more than once"),
                ));
            }
            map.insert(name, Value::String(value));
        }
        deserr::deserialize::<T, _, FieldErrors>(Value::Object(map))
            .map(Self)
            .map_err(|errors| ApiError::invalid(errors.0))
    }
}

/// Path parameters; one that can't be read names nothing that exists, so it is 404.
pub struct Path<T>(pub T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: serde::de::DeserializeOwned + Send,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| ApiError::not_found())
    }
}
