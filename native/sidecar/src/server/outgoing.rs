//! An answer's body while a client reads it.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::stream::Broken;
use crate::backend::{Body, BoxError, boxed};

/// How long a client may ask for nothing more of a body. Within one connection of HTTP/2 it can leave a single answer unread,
/// and what writes the answer would wait with it.
const UNREAD: Duration = Duration::from_secs(60);
/// Bodies up to this size are taken over by the connection at once.
const SMALL: u64 = 64 << 10;

/// The body as the connection gets it. `broken` is told when it breaks off.
pub fn watch(body: Body, broken: Option<Broken>) -> Body {
    if body.is_end_stream() || body.size_hint().exact().is_some_and(|size| size <= SMALL) {
        return body;
    }
    boxed(Outgoing {
        shared: Arc::new(Mutex::new(State {
            body: Some(body),
            given_up: false,
            unread_since: None,
        })),
        watchdog: None,
        broken,
    })
}

struct Outgoing {
    shared: Arc<Mutex<State>>,
    watchdog: Option<AbortHandle>,
    broken: Option<Broken>,
}

struct State {
    /// `None` once it has ended.
    body: Option<Body>,
    given_up: bool,
    /// Since when the client has not come for the next piece.
    unread_since: Option<Instant>,
}

#[derive(Debug, thiserror::Error)]
#[error("the client left the answer unread for {UNREAD:?}")]
struct Unread;

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let me = &mut *self;
        let mut shared = me.shared.lock();
        let state = &mut *shared;
        state.unread_since = None;
        let frame = match &mut state.body {
            Some(body) => std::task::ready!(Pin::new(body).poll_frame(cx)),
            None if state.given_up => {
                state.given_up = false;
                Some(Err(Unread.into()))
            }
            None => None,
        };
        match &frame {
            Some(Ok(_)) => {
                state.unread_since = Some(Instant::now());
                if me.watchdog.is_none() {
                    let watchdog = tokio::spawn(give_up_in_time(Arc::downgrade(&me.shared)));
                    me.watchdog = Some(watchdog.abort_handle());
                }
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "an answer broke off");
                if let Some(broken) = &me.broken {
                    broken.set();
                }
                state.body = None;
            }
            None => state.body = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let state = self.shared.lock();
        match &state.body {
            Some(body) => body.is_end_stream(),
            None => !state.given_up,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.shared
            .lock()
            .body
            .as_ref()
            .map(HttpBody::size_hint)
            .unwrap_or_default()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if let Some(watchdog) = &self.watchdog {
            watchdog.abort();
        }
    }
}

/// Lets go of a body that its client has left unread.
async fn give_up_in_time(shared: Weak<Mutex<State>>) {
    let mut wait = UNREAD;
    loop {
        tokio::time::sleep(wait).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let mut state = shared.lock();
        let unread = state.unread_since.map(|since| since.elapsed()).unwrap_or_default();
        if state.body.is_none() {
            return;
        }
        if unread >= UNREAD {
            state.given_up = true;
            let body = state.body.take();
            drop(state);
            drop(body);
            return;
        }
        wait = UNREAD - unread;
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;
    use crate::backend::full;

    fn pieces(count: usize) -> Body {
        let frames = (0..count).map(|_| Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"piece"))));
        boxed(StreamBody::new(stream::iter(frames)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_read_slowly_is_read_whole() {
        let mut body = watch(pieces(5), None);
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            size += frame.expect("a piece").into_data().expect("data").len();
            tokio::time::sleep(UNREAD * 9 / 10).await;
        }
        assert_eq!(size, 25);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_left_unread_is_dropped_and_ends_with_an_error() {
        let broken = Broken::default();
        let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
        let kept = pieces(5).map_frame(move |frame| {
            let _ = &alive;
            frame
        });
        let mut body = watch(boxed(kept), Some(broken.clone()));
        body.frame().await.expect("a frame").expect("a piece");
        let left = Instant::now();
        assert!(dropped.await.is_err(), "what writes it is let go");
        assert!(left.elapsed() <= 2 * UNREAD);
        assert!(!body.is_end_stream());
        assert!(body.frame().await.expect("a frame").is_err());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_takes_its_time_is_not_the_client_s_fault() {
        let slow = stream::unfold(0, |count| async move {
            tokio::time::sleep(UNREAD * 3).await;
            (count < 3).then(|| (Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"piece"))), count + 1))
        });
        let body = watch(boxed(StreamBody::new(Box::pin(slow))), None);
        assert_eq!(body.collect().await.expect("all of it").to_bytes().len(), 15);
    }

    #[test]
    fn small_bodies_are_not_watched() {
        assert_eq!(watch(full("x"), None).size_hint().exact(), Some(1));
    }
}
