//! Bodies that a guest is still writing, and what becomes of them when its instance ends.
//!
//! `wasmtime` ends such a body like any other when the instance is dropped: its reader could not tell a truncated answer from a
//! whole one. So each instance knows these bodies. One that the guest has not ended by then ends with an error.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

type Piece = Result<Frame<Bytes>, Error>;

/// More pieces than this are not between a guest and its reader; a body that has more is not written by the guest.
const MOST_WAITING: usize = 64;

/// The bodies of one instance.
#[derive(Default)]
pub struct Bodies(Mutex<Vec<Weak<Mutex<State>>>>);

/// A body as its reader sees it.
pub struct Unfinished(Arc<Mutex<State>>);

struct State {
    /// Taken from the guest, not yet by the reader.
    taken: VecDeque<Piece>,
    rest: WasiBody,
    ended: bool,
    /// Its instance ends. From now on `rest` ends because of that, whatever it looks like.
    orphaned: bool,
    reader: Option<Waker>,
}

impl Bodies {
    /// The rest of a body of which some pieces were taken before.
    pub fn watch(&self, taken: VecDeque<Piece>, rest: WasiBody) -> Unfinished {
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
        Unfinished(state)
    }

    /// Before the instance is dropped: takes what its guest has written, and learns which bodies it has ended.
    pub fn collect(&self) {
        self.each(|state| {
            state.take_ready();
            state.orphaned = true;
        });
    }

    /// After the instance was dropped: what the guest had not ended ends with an error. A body that goes on was not the guest's
    /// own: it passes on what comes from elsewhere.
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
        while !self.ended && self.taken.len() < MOST_WAITING {
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

impl Body for Unfinished {
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

/// With a declared length, the last byte is the end.
pub fn is_complete(rest: &WasiBody) -> bool {
    rest.is_end_stream() || rest.size_hint().exact() == Some(0)
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
