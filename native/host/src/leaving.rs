//! An answer on its way out of its instance.
//!
//! What a guest writes comes out in pieces, each of which would be handed to another thread and written to the socket
//! by itself. Most bodies are small and whole before the guest waits for anything; so an answer stays until its body
//! has ended, is large, or the guest has nothing more to do for the moment. Then it leaves in one piece, with a length.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::pool::{Answer, Reply};

/// More of a body than this isn't waited for.
const LARGE: usize = 64 << 10;

pub struct Leaving {
    reply: Reply,
    head: Parts,
    begun: VecDeque<Result<Frame<Bytes>, Error>>,
    size: usize,
    rest: WasiBody,
}

impl Leaving {
    /// An error has nothing to wait for, and is gone at once.
    pub fn new(reply: Reply, answer: Answer) -> Option<Self> {
        match answer {
            Ok(response) => {
                let (head, rest) = response.into_parts();
                Some(Self {
                    reply,
                    head,
                    begun: VecDeque::new(),
                    size: 0,
                    rest,
                })
            }
            Err(error) => {
                // Nobody may be there any more.
                let _ = reply.send(Err(error));
                None
            }
        }
    }

    /// Takes what there is of the body. Ready once there is no use in waiting for more.
    pub fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.size <= LARGE && !is_whole(&self.rest) {
            match Pin::new(&mut self.rest).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.size += frame.data_ref().map_or(0, Bytes::len);
                    self.begun.push_back(Ok(frame));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.begun.push_back(Err(error));
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    pub fn leave(self) {
        let whole = is_whole(&self.rest) && self.begun.iter().all(|frame| frame.as_ref().is_ok_and(Frame::is_data));
        let body = if whole {
            let body = Full::new(joined(self.begun));
            body.map_err(|never| match never {}).boxed_unsync()
        } else {
            Resumed {
                begun: self.begun,
                rest: self.rest,
            }
            .boxed_unsync()
        };
        let _ = self.reply.send(Ok(http::Response::from_parts(self.head, body)));
    }
}

/// With a declared length, the last byte is the end.
fn is_whole(rest: &WasiBody) -> bool {
    rest.is_end_stream() || rest.size_hint().exact() == Some(0)
}

fn joined(mut frames: VecDeque<Result<Frame<Bytes>, Error>>) -> Bytes {
    let mut data = frames.drain(..).filter_map(|frame| frame.ok()?.into_data().ok());
    let first = data.next().unwrap_or_default();
    let Some(second) = data.next() else {
        return first;
    };
    let mut all = BytesMut::from(first);
    all.extend_from_slice(&second);
    data.for_each(|more| all.extend_from_slice(&more));
    all.freeze()
}

/// A body of which the beginning has been taken already.
struct Resumed {
    begun: VecDeque<Result<Frame<Bytes>, Error>>,
    rest: WasiBody,
}

impl Body for Resumed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.begun.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.begun.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let begun = self.begun.iter().flatten().filter_map(Frame::data_ref);
        let begun = begun.map(|data| data.len() as u64).sum::<u64>();
        // Both bounds at once: setting one past the other panics.
        self.rest.size_hint() + SizeHint::with_exact(begun)
    }
}
