//! Extractors whose refusals are problems of the contract.

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use deserr::Deserr;
use http::header;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use nexus_domain::Invalid;
use serde_json::{Map, Value};

use crate::fields::{DUPLICATE_KEY, StrictJson};
use crate::{Code, FieldErrors, Problem};

/// What a JSON body may weigh where a route says nothing else.
pub const JSON_LIMIT: usize = 256 * 1024;

/// A JSON body of at most `LIMIT` bytes.
pub struct Json<T, const LIMIT: usize = JSON_LIMIT>(pub T);

impl<S, T, const LIMIT: usize> FromRequest<S> for Json<T, LIMIT>
where
    S: Send + Sync,
    T: Deserr<FieldErrors>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = has_type(&request, |subtype| subtype == "json" || subtype.ends_with("+json"));
        let is_untyped = !request.headers().contains_key(header::CONTENT_TYPE);
        if !is_json && !is_untyped {
            return Err(wrong_type());
        }
        let body = read_body(request, LIMIT).await?;
        // Who sends nothing need not say what it is of.
        if is_untyped && !body.is_empty() {
            return Err(wrong_type());
        }
        parse_json(&body).map(Self)
    }
}

fn wrong_type() -> Problem {
    Problem::new(Code::UnsupportedMediaType, "The body must be `application/json`.")
}

fn has_type(request: &Request, accepts: impl Fn(&str) -> bool) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .and_then(|essence| {
            essence
                .trim()
                .to_ascii_lowercase()
                .strip_prefix("application/")
                .map(str::to_owned)
        })
        .is_some_and(|subtype| accepts(&subtype))
}

/// The whole body, counted while it is read.
pub async fn read_body(request: Request, limit: usize) -> Result<Bytes, Problem> {
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
            Err(Problem::new(Code::MalformedJson, "The body did not arrive whole.").because(error.to_string()))
        }
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        Code::PayloadTooLarge,
        format!("The body may have at most {limit} bytes."),
    )
}

/// Bytes into a request type; an empty body is `{}`, for actions all of whose fields are optional.
pub fn parse_json<T: Deserr<FieldErrors>>(body: &[u8]) -> Result<T, Problem> {
    let value = if body.is_empty() {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice::<StrictJson>(body)
            .map_err(|error| refused(&error))?
            .0
    };
    deserr::deserialize::<T, _, FieldErrors>(value).map_err(|errors| Problem::invalid(errors.0))
}

fn refused(error: &serde_json::Error) -> Problem {
    let message = error.to_string();
    match message.strip_prefix(DUPLICATE_KEY) {
        Some(rest) => {
            let key = rest.split(" at line ").next().unwrap_or(rest);
            Problem::field(key, Invalid::new("DUPLICATE_PROPERTY", "stands more than once"))
        }
        None => Problem::new(Code::MalformedJson, format!("The body is not JSON: {message}.")),
    }
}

/// The query string; each name at most once, every value text until its type reads it.
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: Deserr<FieldErrors>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let axum::extract::Query(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Problem::field("", Invalid::new("INVALID", "the query string can't be read")))?;
        let mut map = Map::new();
        for (name, value) in pairs {
            if map.contains_key(&name) {
                return Err(Problem::field(
                    name,
                    Invalid::new("DUPLICATE_PROPERTY", "stands more than once"),
                ));
            }
            map.insert(name, Value::String(value));
        }
        deserr::deserialize::<T, _, FieldErrors>(Value::Object(map))
            .map(Self)
            .map_err(|errors| Problem::invalid(errors.0))
    }
}

/// Path parameters; one that can't be read names nothing that exists, so it is 404.
pub struct Path<T>(pub T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: serde::de::DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        axum::extract::Path::<T>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|_| Problem::not_found())
    }
}
