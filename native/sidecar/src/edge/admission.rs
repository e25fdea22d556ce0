//! Admission of requests that hash a password.
//!
//! A hash takes a third of a second of one core. Without a gate, a burst of sign-ins would put every
//! other request behind it; so no more of them are in flight than there are cores, few may wait, and
//! the rest are told to come back. [`HASHING`] is the one list of such calls.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::CONTENT_LENGTH;
use http::{Method, Request};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::paths::{self, API};
use crate::backend::{Body, BoxError, boxed, full, read_whole};

/// Calls that hash or check a password, below the base path. `{}` stands for one segment.
const HASHING: [(Method, &str); 10] = [
    (Method::POST, "/auth/register"),
    (Method::POST, "/auth/login"),
    (Method::POST, "/auth/change-password"),
    (Method::POST, "/auth/reset-password"),
    (Method::POST, "/auth/change-email"),
    (Method::POST, "/auth/mfa/disable"),
    (Method::POST, "/auth/mfa/passkeys/enroll"),
    (Method::DELETE, "/auth/mfa/passkeys/{}"),
    (Method::DELETE, "/auth/me"),
    (Method::POST, "/admin/verifications/{}/approve"),
];

/// How many wait per core. With a hash of 0.3 s the last of them waits about as long as [`PATIENCE`].
const QUEUE_PER_CORE: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);
/// Bodies up to this size are read before a place is taken, so that a slow sender holds none.
const SMALL_BODY: usize = 256 * 1024;

pub struct Admission {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

/// A hashing request that may go on. Its place is given back when this is dropped.
pub struct Admitted {
    pub request: Request<Body>,
    pub place: Place,
}

pub enum Place {
    Held {
        _permit: OwnedSemaphorePermit,
    },
    /// Taken once the body has been read; see [`Gated`].
    AfterBody {
        _slot: Arc<std::sync::Mutex<Option<OwnedSemaphorePermit>>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// As many are waiting as may.
    Busy,
    /// The body broke off or came too slowly.
    Body,
}

impl Admission {
    pub fn new(cores: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            queue: cores * QUEUE_PER_CORE,
        }
    }

    pub fn applies_to(method: &Method, path: &str) -> bool {
        let Some(path) = path.strip_prefix(API) else {
            return false;
        };
        HASHING
            .iter()
            .any(|(hashing, pattern)| hashing == method && paths::matches(pattern, path))
    }

    pub async fn admit(&self, request: Request<Body>) -> Result<Admitted, Refused> {
        if self.waiting.load(Ordering::Relaxed) >= self.queue {
            return Err(Refused::Busy);
        }
        if expected_length(&request) > SMALL_BODY {
            return Ok(self.admit_after_body(request));
        }
        let (head, body) = request.into_parts();
        let body = read_whole(body, SMALL_BODY).await.map_err(|_| Refused::Body)?;
        let permit = self.take_place().await?;
        Ok(Admitted {
            request: Request::from_parts(head, full(body)),
            place: Place::Held { _permit: permit },
        })
    }

    async fn take_place(&self) -> Result<OwnedSemaphorePermit, Refused> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(permit);
        }
        let _turn = Turn::enter(&self.waiting, self.queue).ok_or(Refused::Busy)?;
        tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or(Refused::Busy)
    }

    /// Uploads stream through. Their place is taken when the last byte has come: hashing starts then.
    fn admit_after_body(&self, request: Request<Body>) -> Admitted {
        let slot = Arc::new(std::sync::Mutex::new(None));
        let places = Arc::clone(&self.places);
        let for_body = Arc::clone(&slot);
        let gate = async move {
            let permit = tokio::time::timeout(PATIENCE, places.acquire_owned()).await;
            // Past our patience it goes on without a place: its upload is done, and would be lost.
            if let (Ok(Ok(permit)), Ok(mut slot)) = (permit, for_body.lock()) {
                *slot = Some(permit);
            }
        };
        Admitted {
            request: request.map(|inner| {
                boxed(Gated {
                    inner,
                    gate: Some(gate.boxed()),
                })
            }),
            place: Place::AfterBody { _slot: slot },
        }
    }
}

/// What is still to come; `usize::MAX` when the sender did not say.
fn expected_length(request: &Request<Body>) -> usize {
    let declared = request.headers().get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    declared.unwrap_or(if request.body().is_end_stream() { 0 } else { usize::MAX })
}

/// One who waits; leaves the queue when dropped, also when the client has gone away.
struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    fn enter(waiting: &'a AtomicUsize, queue: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let turn = Self(waiting);
        (before < queue).then_some(turn)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body whose end is only told once a place has been taken.
struct Gated {
    inner: Body,
    gate: Option<BoxFuture<'static, ()>>,
}

impl HttpBody for Gated {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            return Poll::Ready(Some(frame));
        }
        if let Some(gate) = &mut self.gate {
            ready!(gate.poll_unpin(cx));
            self.gate = None;
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn login() -> Request<Body> {
        Request::post("/api/v1/auth/login")
            .header(CONTENT_LENGTH, 2)
            .body(full("{}"))
            .expect("a request")
    }

    #[test]
    fn the_table_knows_hashing_calls_only() {
        for (method, path, hashes) in [
            (Method::POST, "/api/v1/auth/login", true),
            (Method::GET, "/api/v1/auth/login", false),
            (Method::POST, "/api/v1/admin/verifications/0199/approve", true),
            (Method::POST, "/api/v1/admin/verifications/0199/reject", false),
            (Method::POST, "/api/v1/auth/refresh", false),
            (Method::DELETE, "/api/v1/auth/me", true),
            (Method::POST, "/auth/login", false),
        ] {
            assert_eq!(Admission::applies_to(&method, path), hashes, "{method} {path}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_queue_requests_are_refused_at_once() {
        let admission = Arc::new(Admission::new(1));
        let first = admission.admit(login()).await.expect("a place is free");
        let waiters: Vec<_> = (0..QUEUE_PER_CORE)
            .map(|_| {
                let admission = Arc::clone(&admission);
                tokio::spawn(async move { admission.admit(login()).await.map(drop).err() })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(admission.admit(login()).await.err(), Some(Refused::Busy));
        drop(first);
        for waiter in waiters {
            assert_eq!(waiter.await.expect("no panic"), None);
        }
        assert_eq!(admission.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_refused() {
        let admission = Admission::new(1);
        let _held = admission.admit(login()).await.expect("a place is free");
        assert_eq!(admission.admit(login()).await.err(), Some(Refused::Busy));
    }

    #[tokio::test]
    async fn an_upload_takes_its_place_when_its_body_has_come() {
        let admission = Admission::new(1);
        let upload = Request::post("/api/v1/auth/register")
            .header(CONTENT_LENGTH, 1_000_000)
            .body(full("…"))
            .expect("a request");
        let admitted = admission.admit(upload).await.expect("let in");
        assert_eq!(admission.places.available_permits(), 1);
        admitted.request.into_body().collect().await.expect("a body");
        assert_eq!(admission.places.available_permits(), 0);
        drop(admitted.place);
        assert_eq!(admission.places.available_permits(), 1);
    }
}
