//! `Idempotency-Key`: a POST that creates money or mail may be sent again and acts once.
//!
//! A handler takes [`Keyed`] in place of `Json`, and after it has authorized the caller:
//! ```text
//! let ticket = match keyed.start(&app, session.user())? {
//!     Start::Replay(response) => return Ok(response),
//!     Start::Run(ticket) => ticket,
//! };
//! let made = idempotency::settle(&app, &ticket, store::payments::record(.., |tx, made| ticket.keep(tx, 201, made)))?;
//! ```
//! `keep` belongs into the work's transaction; `settle` gives the key back when the work failed.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use deserr::Deserr;
use http::{HeaderName, HeaderValue, StatusCode, header};
use nexus_domain::Invalid;
use nexus_domain::ids::UserId;
use nexus_store::idempotency::{self, Claim};
use nexus_store::{Database, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::extract::{JSON_LIMIT, parse_json, read_json_bytes};
use crate::{ApiError, App, Code, FieldErrors, clock, respond, write};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Set on an answer that is a repetition.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY: usize = 255;

/// A JSON body with the key it came under, if any. An absent body is `{}`: there are actions that need none.
pub struct Keyed<T> {
    pub body: T,
    key: Option<String>,
    fingerprint: String,
}

/// Whether there is something to do.
pub enum Start {
    Run(Ticket),
    /// It was done before; this is what was answered.
    Replay(Response),
}

/// What the work needs to have its answer kept. Without a key it does nothing.
#[derive(Debug, Clone)]
pub struct Ticket(Option<idempotency::Ticket>);

impl<S, T> FromRequest<S> for Keyed<T>
where
    S: Send + Sync,
    T: Deserr<FieldErrors>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let key = read_key(&request)?;
        let method = request.method().clone();
        let target = request
            .uri()
            .path_and_query()
            .map_or_else(String::new, ToString::to_string);
        let bytes = read_json_bytes(request, JSON_LIMIT).await?;
        let mut hasher = Sha256::new();
        for part in [method.as_str().as_bytes(), target.as_bytes(), &bytes] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Ok(Self {
            body: parse_json(&bytes)?,
            key,
            fingerprint: hex::encode(hasher.finalize()),
        })
    }
}

fn read_key(request: &Request) -> Result<Option<String>, ApiError> {
    let Some(value) = request.headers().get(&KEY) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > MAX_KEY || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let invalid = Invalid::new("INVALID_KEY", "must be 1 to 255 visible ASCII characters");
        return Err(ApiError::field("Idempotency-Key", invalid));
    }
    Ok(Some(text.to_owned()))
}

impl<T> Keyed<T> {
    /// Claims the key for this person.
    pub fn start(&self, app: &App, user: UserId) -> Result<Start, ApiError> {
        match &self.key {
            Some(key) => claimed(idempotency::claim(
                app.database(),
                user,
                key,
                &self.fingerprint,
                clock::now(),
            )?),
            None => Ok(Start::Run(Ticket(None))),
        }
    }

    /// As [`Keyed::start`], in a component that writes in batches.
    pub async fn start_in_batch(&self, app: &App, user: UserId) -> Result<Start, ApiError> {
        let Some(key) = self.key.clone() else {
            return Ok(Start::Run(Ticket(None)));
        };
        let fingerprint = self.fingerprint.clone();
        let claim = write(app, move |tx| {
            idempotency::claim(tx, user, &key, &fingerprint, clock::now())
        });
        claimed(claim.await?)
    }
}

fn claimed(claim: Claim) -> Result<Start, ApiError> {
    match claim {
        Claim::Run(ticket) => Ok(Start::Run(Ticket(Some(ticket)))),
        Claim::Replay { status, body } => replay(status, body).map(Start::Replay),
        Claim::Mismatch => Err(ApiError::new(
            Code::IdempotencyMismatch,
            "This Idempotency-Key was used for another request. Use a new one.",
        )),
        Claim::InFlight => Err(ApiError::new(
            Code::IdempotencyInFlight,
            "A request with this Idempotency-Key is still running.",
        )
        .retry_after(1)),
    }
}

/// What a resource's answer had its `ETag` from.
#[derive(Deserialize)]
struct Versioned {
    version: i64,
}

fn replay(status: u16, body: Vec<u8>) -> Result<Response, ApiError> {
    let status = StatusCode::from_u16(status).map_err(|error| ApiError::internal(error.to_string()))?;
    let version = serde_json::from_slice::<Versioned>(&body)
        .ok()
        .map(|answer| answer.version);
    if status == StatusCode::NO_CONTENT {
        return Ok((status, [(REPLAYED, HeaderValue::from_static("true"))]).into_response());
    }
    let mut response = (status, Bytes::from(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(match version {
        Some(version) => respond::with_etag(response, version),
        None => response,
    })
}

impl Ticket {
    /// Keeps the answer; call it inside the transaction of the work.
    pub fn keep(&self, tx: &Database, status: StatusCode, answer: &impl Serialize) -> Result<(), StoreError> {
        let Some(ticket) = &self.0 else { return Ok(()) };
        let body = serde_json::to_vec(answer).unwrap_or_default();
        idempotency::keep(tx, ticket, status.as_u16(), body)
    }

    /// Keeps that it is done, with nothing to say.
    pub fn keep_nothing(&self, tx: &Database) -> Result<(), StoreError> {
        let Some(ticket) = &self.0 else { return Ok(()) };
        idempotency::keep(tx, ticket, StatusCode::NO_CONTENT.as_u16(), Vec::new())
    }
}

/// Passes the result of the work on, and gives the key back when it failed.
pub fn settle<T, E>(app: &App, ticket: &Ticket, result: Result<T, E>) -> Result<T, E> {
    if let (Err(_), Some(ticket)) = (&result, &ticket.0) {
        // If this fails too, the key is free again in a minute.
        let _ = idempotency::release(app.database(), ticket);
    }
    result
}

/// As [`settle`], in a component that writes in batches.
pub async fn settle_in_batch<T, E>(app: &App, ticket: &Ticket, result: Result<T, E>) -> Result<T, E> {
    if let (Err(_), Some(ticket)) = (&result, ticket.0.clone()) {
        let _ = write(app, move |tx| idempotency::release(tx, &ticket)).await;
    }
    result
}
