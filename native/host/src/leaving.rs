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
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::pool::{Answer, Reply};
use crate::unfinished::{Bodies, is_complete};

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
        while self.size <= LARGE && !is_complete(&self.rest) {
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

    /// Its instance has failed: an answer that is whole by now is good, the others become a 500.
    pub fn leave_if_whole(mut self, bodies: &Bodies, cx: &mut Context<'_>) {
        if self.poll_more(cx).is_ready() && self.is_whole() {
            self.leave(bodies);
        }
    }

    /// What the guest has yet to write follows by itself.
    pub fn leave(self, bodies: &Bodies) {
        let body = if self.is_whole() {
            let body = Full::new(joined(self.begun));
            body.map_err(|never| match never {}).boxed_unsync()
        } else {
            bodies.watch(self.begun, self.rest).boxed_unsync()
        };
        let _ = self.reply.send(Ok(http::Response::from_parts(self.head, body)));
    }

    fn is_whole(&self) -> bool {
        is_complete(&self.rest) && self.begun.iter().all(|frame| frame.as_ref().is_ok_and(Frame::is_data))
    }
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
