//! Response bodies that a guest is still writing when its instance may end.
//!
//! `wasmtime` ends such a body normally when it drops the instance, so a reader cannot tell a truncated response from a
//! complete one. Therefore each instance tracks these bodies. A body that the guest has not ended by then ends with an error.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

type Piece = Result<Frame<Bytes>, Error>;

/// The largest number of pieces between a guest and its reader. A body with more is not written by the guest.
const MAX_WAITING: usize = 64;

/// The response bodies of one instance.
#[derive(Default)]
pub struct ResponseBodies(Mutex<Vec<Weak<Mutex<State>>>>);

/// A response body as its reader sees it.
pub struct ResponseBody(Arc<Mutex<State>>);

struct State {
    /// Pieces that the guest has written and the reader has not read.
    taken: VecDeque<Piece>,
    rest: WasiBody,
    ended: bool,
    /// The instance is ending. From now on an end of `rest` is caused by that.
    orphaned: bool,
    reader: Option<Waker>,
}

impl ResponseBodies {
    /// Tracks a body. `taken` are the pieces that were read from it before.
    pub fn watch(&self, taken: VecDeque<Piece>, rest: WasiBody) -> ResponseBody {
        let state = Arc::new(Mutex::new(State {
            taken,
            rest,
            ended: false,
            orphaned: false,
            reader: None,
        }));
        let mut bodies = self.lock();
        bodies.retain(|body| body.strong_count() > 0);
        bodies.push(Arc::downgrade(&state));
        ResponseBody(state)
    }

    /// To call before the instance is dropped: reads what the guest has written, and which bodies it has ended.
    pub fn collect(&self) {
        self.each(|state| {
            state.take_ready();
            state.orphaned = true;
        });
    }

    /// To call after the instance was dropped: bodies that the guest had not ended end with an error. A body that continues
    /// comes from elsewhere and was only passed on by the guest.
    pub fn abandon(&self) {
        self.each(|state| {
            state.take_ready();
            state.orphaned = false;
            if let Some(reader) = state.reader.take() {
                reader.wake();
            }
        });
    }

    fn each(&self, change: impl Fn(&mut State)) {
        for body in self.lock().iter().filter_map(Weak::upgrade) {
            change(&mut lock(&body));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Mutex<State>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_ready(&mut self) {
        let cx = &mut Context::from_waker(Waker::noop());
        while !self.ended && self.taken.len() < MAX_WAITING {
            let Poll::Ready(piece) = self.poll_rest(cx) else {
                return;
            };
            self.taken.extend(piece);
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let complete = is_complete(&self.rest);
        let piece = std::task::ready!(Pin::new(&mut self.rest).poll_frame(cx));
        match piece {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(Err(error)) => {
                self.ended = true;
                Poll::Ready(Some(Err(error)))
            }
            None => {
                self.ended = true;
                let broken = self.orphaned && !complete;
                Poll::Ready(broken.then(|| Err(Error::HttpResponseIncomplete)))
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        let mut state = lock(&self.0);
        if let Some(piece) = state.taken.pop_front() {
            return Poll::Ready(Some(piece));
        }
        let poll = state.poll_rest(cx);
        state.reader = poll.is_pending().then(|| cx.waker().clone());
        poll
    }

    fn is_end_stream(&self) -> bool {
        let state = lock(&self.0);
        state.taken.is_empty() && (state.ended || state.rest.is_end_stream() && !state.orphaned)
    }

    fn size_hint(&self) -> SizeHint {
        let state = lock(&self.0);
        let taken = state.taken.iter().flatten().filter_map(Frame::data_ref);
        let taken = taken.map(|data| data.len() as u64).sum::<u64>();
        // Both bounds at once: setting one past the other panics.
        state.rest.size_hint() + SizeHint::with_exact(taken)
    }
}

/// Whether the body has ended. With a declared length, it ends with its last byte.
pub fn is_complete(rest: &WasiBody) -> bool {
    rest.is_end_stream() || rest.size_hint().exact() == Some(0)
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
