//! Admission of requests that hash a password.
//!
//! A hash takes a third of a second of one core. Without a gate, a burst of sign-ins would put every
//! other request behind it; so no more of them are in flight than there are cores, few may wait, and
//! the rest are told to come back. [`HASHING`] is the one list of such calls.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::header::CONTENT_LENGTH;
use http::{Method, Request};
use http_body::{Body as HttpBody, Frame, SizeHint};
use nexus_protocol::edge::API;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::paths;
use crate::backend::{Body, BoxError, ReadError, boxed, full, read_whole};

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
/// How long such a body may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// The one of them that takes more than a small body: documents come with it.
const UPLOADING: &str = "/auth/register";

pub struct Admission {
    gate: Arc<Gate>,
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
    AfterBody(Arc<Mutex<Slot>>),
}

/// What became of a request that asks for its place only when its body has come.
pub enum Slot {
    Waiting,
    Held { _permit: OwnedSemaphorePermit },
    Refused,
}

impl Place {
    /// Whether the request got none after all. Then what the components answered is about a body that broke off.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::AfterBody(slot) if matches!(*slot.lock().unwrap_or_else(PoisonError::into_inner), Slot::Refused))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// As many are waiting as may, or none of them went on in time.
    Busy,
    /// The body broke off or came too slowly.
    Body,
    TooLarge,
}

impl Admission {
    pub fn new(cores: usize) -> Self {
        Self {
            gate: Arc::new(Gate {
                places: Arc::new(Semaphore::new(cores)),
                waiting: AtomicUsize::new(0),
                queue: cores * QUEUE_PER_CORE,
            }),
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

    pub async fn admit(&self, request: Request<Body>, path: &str) -> Result<Admitted, Refused> {
        if self.gate.waiting.load(Ordering::Relaxed) >= self.gate.queue {
            return Err(Refused::Busy);
        }
        let declared = declared_length(&request);
        let may_be_large = declared.is_none_or(|length| length > SMALL_BODY);
        if may_be_large && path.strip_prefix(API) == Some(UPLOADING) {
            return Ok(self.admit_after_body(request));
        }
        if declared.is_some_and(|length| length > SMALL_BODY) {
            return Err(Refused::TooLarge);
        }
        let (head, body) = request.into_parts();
        let body = match tokio::time::timeout(BODY_PATIENCE, read_whole(body, SMALL_BODY)).await {
            Ok(Ok(body)) => body,
            Ok(Err(ReadError::TooLarge)) => return Err(Refused::TooLarge),
            Ok(Err(ReadError::Broken(_))) | Err(_) => return Err(Refused::Body),
        };
        let permit = self.gate.take_place().await.ok_or(Refused::Busy)?;
        Ok(Admitted {
            request: Request::from_parts(head, full(body)),
            place: Place::Held { _permit: permit },
        })
    }

    /// Uploads stream through. Their place is taken when the last byte has come: hashing starts then.
    fn admit_after_body(&self, request: Request<Body>) -> Admitted {
        let slot = Arc::new(Mutex::new(Slot::Waiting));
        let (gate, for_body) = (Arc::clone(&self.gate), Arc::clone(&slot));
        let wait = async move {
            let (outcome, may_end) = match gate.take_place().await {
                Some(permit) => (Slot::Held { _permit: permit }, true),
                None => (Slot::Refused, false),
            };
            *for_body.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
            may_end
        };
        let left = declared_length(&request);
        Admitted {
            request: request.map(|inner| {
                boxed(Gated {
                    inner,
                    left,
                    last: None,
                    gate: Some(wait.boxed()),
                })
            }),
            place: Place::AfterBody(slot),
        }
    }
}

struct Gate {
    places: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

impl Gate {
    /// `None`: too many wait, or it takes too long.
    async fn take_place(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(permit);
        }
        let _turn = Turn::enter(&self.waiting, self.queue)?;
        tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned())
            .await
            .ok()?
            .ok()
    }
}

/// `None` when the sender did not say.
fn declared_length(request: &Request<Body>) -> Option<usize> {
    if request.body().is_end_stream() {
        return Some(0);
    }
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
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

/// A body whose end is only told once a place has been taken. Without one it breaks off, so that nothing is hashed.
///
/// Where its length was declared, whoever reads it knows the end from its last byte. So the last piece waits too.
struct Gated {
    inner: Body,
    /// What is still to come, if that was declared.
    left: Option<usize>,
    last: Option<Frame<Bytes>>,
    gate: Option<BoxFuture<'static, bool>>,
}

impl HttpBody for Gated {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let me = &mut *self;
        if me.last.is_none() {
            let frame = match ready!(Pin::new(&mut me.inner).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return me.poll_gate(cx).map(|open| open.err().map(Err)),
            };
            let size = frame.data_ref().map_or(0, Bytes::len);
            me.left = me.left.map(|left| left.saturating_sub(size));
            if me.left != Some(0) {
                return Poll::Ready(Some(Ok(frame)));
            }
            me.last = Some(frame);
        }
        let open = ready!(me.poll_gate(cx));
        let last = me.last.take();
        Poll::Ready(match open {
            Ok(()) => last.map(Ok),
            Err(error) => Some(Err(error)),
        })
    }

    fn size_hint(&self) -> SizeHint {
        let last = self.last.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len);
        self.inner.size_hint() + SizeHint::with_exact(last as u64)
    }
}

impl Gated {
    fn poll_gate(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if let Some(gate) = &mut self.gate {
            let may_end = ready!(gate.poll_unpin(cx));
            self.gate = None;
            if !may_end {
                return Poll::Ready(Err("no place to hash came free".into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    const LOGIN: &str = "/api/v1/auth/login";

    fn login() -> Request<Body> {
        Request::post(LOGIN)
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
        let first = admission.admit(login(), LOGIN).await.expect("a place is free");
        let waiters: Vec<_> = (0..QUEUE_PER_CORE)
            .map(|_| {
                let admission = Arc::clone(&admission);
                tokio::spawn(async move { admission.admit(login(), LOGIN).await.map(drop).err() })
            })
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(admission.admit(login(), LOGIN).await.err(), Some(Refused::Busy));
        drop(first);
        for waiter in waiters {
            assert_eq!(waiter.await.expect("no panic"), None);
        }
        assert_eq!(admission.gate.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_refused() {
        let admission = Admission::new(1);
        let _held = admission.admit(login(), LOGIN).await.expect("a place is free");
        assert_eq!(admission.admit(login(), LOGIN).await.err(), Some(Refused::Busy));
    }

    fn upload() -> Request<Body> {
        Request::post(REGISTER)
            .header(CONTENT_LENGTH, 1_000_000)
            .body(full("…"))
            .expect("a request")
    }

    const REGISTER: &str = "/api/v1/auth/register";

    /// A body whose length nobody told must not be a way past the gate.
    #[tokio::test(start_paused = true)]
    async fn a_chunked_sign_in_waits_like_any_other() {
        let admission = Admission::new(1);
        let _held = admission.admit(login(), LOGIN).await.expect("a place is free");
        let chunked = Request::post(LOGIN).body(full("{}")).expect("a request");
        assert_eq!(admission.admit(chunked, LOGIN).await.err(), Some(Refused::Busy));
        let huge = Request::post(LOGIN).body(full(vec![b' '; SMALL_BODY + 1]));
        let huge = huge.expect("a request");
        assert_eq!(admission.admit(huge, LOGIN).await.err(), Some(Refused::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_that_gets_no_place_in_time_breaks_off_and_hashes_nothing() {
        let admission = Admission::new(1);
        let _held = admission.admit(login(), LOGIN).await.expect("a place is free");
        let admitted = admission.admit(upload(), REGISTER).await.expect("let in");
        assert!(admitted.request.into_body().collect().await.is_err());
        assert!(admitted.place.is_refused());
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_byte_of_an_upload_waits_for_a_place_too() {
        let admission = Admission::new(1);
        let _held = admission.admit(login(), LOGIN).await.expect("a place is free");
        let size = SMALL_BODY + 1;
        let request = Request::post(REGISTER)
            .header(CONTENT_LENGTH, size)
            .body(full(vec![b' '; size]))
            .expect("a request");
        let admitted = admission.admit(request, REGISTER).await.expect("let in");
        let mut body = admitted.request.into_body();
        assert!(body.frame().await.expect("a frame").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_body_that_never_ends_is_refused() {
        let admission = Admission::new(1);
        let drops = futures::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, BoxError>(Frame::data(Bytes::from_static(b" "))), ()))
        });
        let request = Request::post(LOGIN).body(boxed(http_body_util::StreamBody::new(Box::pin(drops))));
        let request = request.expect("a request");
        assert_eq!(admission.admit(request, LOGIN).await.err(), Some(Refused::Body));
    }

    #[tokio::test]
    async fn an_upload_takes_its_place_when_its_body_has_come() {
        let admission = Admission::new(1);
        let admitted = admission.admit(upload(), REGISTER).await.expect("let in");
        assert_eq!(admission.gate.places.available_permits(), 1);
        admitted.request.into_body().collect().await.expect("a body");
        assert_eq!(admission.gate.places.available_permits(), 0);
        drop(admitted.place);
        assert_eq!(admission.gate.places.available_permits(), 1);
    }
}
