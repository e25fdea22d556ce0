//! Signed calls between the sidecar and the components, over the pure functions of `nexus_domain`.

use nexus_protocol::headers::SIGNATURE;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, StatusCode};
use nexus_domain::settings::{INTERNAL_SECRET, INTERNAL_SECRET_PREVIOUS, Secret, SettingError, Settings};
use nexus_protocol::signature::{client_header, sign_request, verify_request};
use thiserror::Error;

use crate::backend::{Backend, BackendError, ReadError, full, read_whole};

/// The largest answers to internal calls are of some 512 messages, each of up to 5,000 characters that JSON may write with
/// six bytes, and ten attachments. A larger one is a fault somewhere.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// The secret that the sidecar and the components share.
#[derive(Clone)]
pub struct Signer {
    present: Secret,
    previous: Option<Secret>,
}

impl Signer {
    pub fn read(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self {
            present: settings.get(&INTERNAL_SECRET)?,
            previous: settings.get(&INTERNAL_SECRET_PREVIOUS)?,
        })
    }

    pub fn sign(&self, method: &str, path_and_query: &str, body: &[u8]) -> String {
        sign_request(self.present.as_bytes(), unix_now(), method, path_and_query, body)
    }

    /// Whether a request carries a signature that is right and fresh.
    pub fn verifies(&self, headers: &HeaderMap, method: &str, path_and_query: &str, body: &[u8]) -> bool {
        let Some(header) = headers.get(SIGNATURE).and_then(|value| value.to_str().ok()) else {
            return false;
        };
        let secrets: Vec<&[u8]> = std::iter::once(&self.present)
            .chain(&self.previous)
            .map(Secret::as_bytes)
            .collect();
        verify_request(&secrets, header, unix_now(), method, path_and_query, body).is_ok()
    }

    /// The value of `X-Nexus-Client` for a request that is passed on.
    pub fn client(&self, method: &str, path_and_query: &str, address: &str, request_id: &str) -> String {
        client_header(
            self.present.as_bytes(),
            unix_now(),
            method,
            path_and_query,
            address,
            request_id,
        )
    }
}

/// Calls the components on the sidecar's own behalf.
#[derive(Clone)]
pub struct InternalClient {
    backend: Arc<dyn Backend>,
    signer: Signer,
}

#[derive(Debug, Error)]
pub enum InternalError {
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error("answer: {0}")]
    Body(#[from] ReadError),
    #[error("the components answered {0}")]
    Status(StatusCode),
    #[error("`{0}` is not a path")]
    Path(String),
}

impl InternalClient {
    pub fn new(backend: Arc<dyn Backend>, signer: Signer) -> Self {
        Self { backend, signer }
    }

    /// Posts JSON to an `/internal/…` path; any answer but a 2xx is an error.
    pub fn post(&self, path: &str, body: Bytes) -> BoxFuture<'static, Result<Bytes, InternalError>> {
        self.call("POST", path, body)
    }

    /// Reads an `/internal/…` path; any answer but a 2xx is an error.
    pub fn get(&self, path: &str) -> BoxFuture<'static, Result<Bytes, InternalError>> {
        self.call("GET", path, Bytes::new())
    }

    fn call(&self, method: &str, path: &str, body: Bytes) -> BoxFuture<'static, Result<Bytes, InternalError>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, self.signer.sign(method, path, &body))
            .body(full(body));
        let Ok(request) = request else {
            return ready(Err(InternalError::Path(path.to_owned()))).boxed();
        };
        let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let answer = self.backend.call(request, ours);
        let exchange = async move {
            let answer = answer.await?;
            let status = answer.status();
            let body = read_whole(answer.into_body(), LARGEST_ANSWER).await?;
            if status.is_success() {
                Ok(body)
            } else {
                Err(InternalError::Status(status))
            }
        };
        async move {
            tokio::time::timeout(PATIENCE, exchange)
                .await
                .map_err(|_| BackendError::TimedOut(PATIENCE))?
        }
        .boxed()
    }
}

pub fn unix_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        .unwrap_or_default()
}
