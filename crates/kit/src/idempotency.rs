//! `Idempotency-Key`: a POST that creates money or mail may be sent again and acts once.
//!
//! A handler takes [`Keyed`] in place of `Json`. After it has authorized the caller it runs its work by [`Key::once`]:
//! ```text
//! let Keyed { body, key } = keyed?;
//! let done = key.once(&app, principal.user(), StatusCode::CREATED, move |tx| {
//!     let invoice = store::record(tx, &payment)?;
//!     Ok((payment, invoice))
//! });
//! Ok(done.await?.finish(|response, invoice| nudge_mail(response)))
//! ```
//! The answer is stored in the work's own transaction. A failure of the work releases the key.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use deserr::Deserr;
use http::{HeaderName, HeaderValue, StatusCode, header};
use nexus_domain::Invalid;
use nexus_domain::ids::UserId;
use nexus_store::idempotency::{self, Claim};
use nexus_store::{Database, StoreError, Transaction};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::extract::{JSON_LIMIT, parse_json, read_json_bytes};
use crate::{ApiError, App, Code, FieldErrors, clock, respond, write};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Set on a repeated answer.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY: usize = 255;

/// A JSON body and the key of its request. An absent body is `{}`: some actions need no field.
pub struct Keyed<T> {
    pub body: T,
    pub key: Key,
}

/// The `Idempotency-Key` of a request, if it has one, and a hash of the request.
pub struct Key {
    name: Option<String>,
    fingerprint: String,
}

/// The result of an action that runs once per key.
pub enum Once<X> {
    /// The action ran now. `response` is the stored answer; `X` is what the work returned besides it.
    Ran(Response, X),
    /// The action ran before. The response repeats the first answer.
    Replayed(Response),
}

impl<X> Once<X> {
    /// The response. `finish` completes that of the first run: it publishes events and adds headers.
    pub fn finish(self, finish: impl FnOnce(Response, X) -> Response) -> Response {
        match self {
            Self::Ran(response, result) => finish(response, result),
            Self::Replayed(response) => response,
        }
    }

    /// The response, for an action with nothing to do after its commit.
    pub fn into_response(self) -> Response {
        self.finish(|response, _| response)
    }
}

/// Whether the work has to run.
enum Claimed {
    Run(Ticket),
    Replay(Response),
}

/// Stores the answer of an action. Without a key it stores nothing and only remembers the answer.
#[derive(Clone)]
pub struct Ticket {
    claim: Option<idempotency::Ticket>,
    answer: Arc<Mutex<Option<Answer>>>,
}

#[derive(Clone)]
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
}

impl<S, T> FromRequest<S> for Keyed<T>
where
    S: Send + Sync,
    T: Deserr<FieldErrors>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let name = read_key(&request)?;
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
            key: Key {
                name,
                fingerprint: hex::encode(hasher.finalize()),
            },
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

impl Key {
    /// Runs `work` in a write transaction, once per user and key. `work` returns the body of the answer, which is stored
    /// with `status` in the same transaction, and what [`Once::finish`] needs.
    ///
    /// Errors: 409 while another request with this key runs, 422 when the key belongs to another request, and those of
    /// `work`.
    pub async fn once<A, X>(
        &self,
        app: &App,
        user: UserId,
        status: StatusCode,
        work: impl FnOnce(&Transaction<'_>) -> Result<(A, X), ApiError> + Send + 'static,
    ) -> Result<Once<X>, ApiError>
    where
        A: Serialize,
        X: Send + 'static,
    {
        let run = |ticket: Ticket| {
            write(app, move |tx| {
                let (answer, result) = work(tx)?;
                ticket.keep(tx, status, &answer)?;
                Ok(result)
            })
        };
        self.once_in_steps(app, user, run).await
    }

    /// As [`Key::once`], for work of several transactions: `work` calls [`Ticket::keep`] in its last one.
    pub async fn once_in_steps<X, F>(
        &self,
        app: &App,
        user: UserId,
        work: impl FnOnce(Ticket) -> F,
    ) -> Result<Once<X>, ApiError>
    where
        F: Future<Output = Result<X, ApiError>>,
    {
        let claim = match self.name.clone() {
            Some(name) => {
                let fingerprint = self.fingerprint.clone();
                let claim = move |tx: &Transaction<'_>| idempotency::claim(tx, user, &name, &fingerprint, clock::now());
                claimed(write(app, claim).await?)?
            }
            None => Claimed::Run(Ticket::new(None)),
        };
        let ticket = match claim {
            Claimed::Run(ticket) => ticket,
            Claimed::Replay(response) => return Ok(Once::Replayed(response)),
        };
        let result = work(ticket.clone()).await;
        if let (Err(_), Some(claim)) = (&result, ticket.claim.clone()) {
            // If the release fails too, the claim expires after a minute.
            let _ = write(app, move |tx| idempotency::release(tx, &claim)).await;
        }
        let result = result?;
        Ok(Once::Ran(ticket.response()?, result))
    }

    /// As [`Key::once`], in a component that does not write in batches: `work` opens a transaction of its own and calls
    /// [`Ticket::keep`] in it.
    pub fn once_unbatched<X>(
        &self,
        app: &App,
        user: UserId,
        work: impl FnOnce(&Ticket) -> Result<X, ApiError>,
    ) -> Result<Once<X>, ApiError> {
        let database = app.database();
        let claim = match &self.name {
            Some(name) => claimed(idempotency::claim(
                database,
                user,
                name,
                &self.fingerprint,
                clock::now(),
            )?)?,
            None => Claimed::Run(Ticket::new(None)),
        };
        let ticket = match claim {
            Claimed::Run(ticket) => ticket,
            Claimed::Replay(response) => return Ok(Once::Replayed(response)),
        };
        let result = work(&ticket);
        if let (Err(_), Some(claim)) = (&result, &ticket.claim) {
            let _ = idempotency::release(database, claim);
        }
        let result = result?;
        Ok(Once::Ran(ticket.response()?, result))
    }
}

fn claimed(claim: Claim) -> Result<Claimed, ApiError> {
    match claim {
        Claim::Run(claim) => Ok(Claimed::Run(Ticket::new(Some(claim)))),
        Claim::Replay { status, body } => {
            let status = StatusCode::from_u16(status).map_err(|error| ApiError::internal(error.to_string()))?;
            let mut response = Answer { status, body }.into_response();
            response
                .headers_mut()
                .insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(Claimed::Replay(response))
        }
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

/// The member of an answer that its `ETag` is made of.
#[derive(Deserialize)]
struct Versioned {
    version: i64,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        if self.status == StatusCode::NO_CONTENT {
            return self.status.into_response();
        }
        let version = serde_json::from_slice::<Versioned>(&self.body).ok();
        let mut response = (self.status, Bytes::from(self.body)).into_response();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        match version {
            Some(Versioned { version }) => respond::with_etag(response, version),
            None => response,
        }
    }
}

impl Ticket {
    fn new(claim: Option<idempotency::Ticket>) -> Self {
        Self {
            claim,
            answer: Arc::default(),
        }
    }

    /// Stores the answer. Call it inside the transaction of the work.
    pub fn keep(&self, tx: &Database, status: StatusCode, answer: &impl Serialize) -> Result<(), StoreError> {
        let body = serde_json::to_vec(answer).unwrap_or_default();
        self.store(tx, Answer { status, body })
    }

    /// Stores a 204.
    pub fn keep_nothing(&self, tx: &Database) -> Result<(), StoreError> {
        let status = StatusCode::NO_CONTENT;
        self.store(
            tx,
            Answer {
                status,
                body: Vec::new(),
            },
        )
    }

    fn store(&self, tx: &Database, answer: Answer) -> Result<(), StoreError> {
        if let Some(claim) = &self.claim {
            idempotency::keep(tx, claim, answer.status.as_u16(), answer.body.clone())?;
        }
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        Ok(())
    }

    fn response(&self) -> Result<Response, ApiError> {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer
            .map(IntoResponse::into_response)
            .ok_or_else(|| ApiError::internal("an action stored no answer"))
    }
}
