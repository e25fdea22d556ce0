//! A response that is buffered before it leaves its instance.
//!
//! A guest writes its body in pieces. Each piece on its own would be handed to another thread and written to the socket.
//! Most bodies are small and complete before the guest waits for anything. So a response is held back until its body has
//! ended, is large, or the guest has nothing more to do for the moment. Then it leaves as a whole, with a length.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::response::Parts;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use wasmtime_wasi_http::{Error, WasiBody};

use super::job::{Answer, ReplySender};
use super::response_body::{ResponseBodies, is_complete};

/// The number of bytes from which on a body is no longer held back.
const MAX_BUFFERED_BYTES: usize = 64 << 10;

pub struct BufferedResponse {
    reply: ReplySender,
    head: Parts,
    buffered: VecDeque<Result<Frame<Bytes>, Error>>,
    size: usize,
    rest: WasiBody,
}

impl BufferedResponse {
    /// Starts to buffer a response. An error is sent at once, and `None` is returned.
    pub fn new(reply: ReplySender, answer: Answer) -> Option<Self> {
        match answer {
            Ok(response) => {
                let (head, rest) = response.into_parts();
                Some(Self {
                    reply,
                    head,
                    buffered: VecDeque::new(),
                    size: 0,
                    rest,
                })
            }
            Err(error) => {
                // The client may be gone.
                let _ = reply.send(Err(error));
                None
            }
        }
    }

    /// Buffers what there is of the body. Ready once the response should leave.
    pub fn poll_buffer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.size <= MAX_BUFFERED_BYTES && !is_complete(&self.rest) {
            match Pin::new(&mut self.rest).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.size += frame.data_ref().map_or(0, Bytes::len);
                    self.buffered.push_back(Ok(frame));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.buffered.push_back(Err(error));
                    return Poll::Ready(());
                }
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(())
    }

    /// After its instance failed: sends the response if its body is complete. Otherwise the client gets a 500.
    pub fn send_if_complete(mut self, bodies: &ResponseBodies, cx: &mut Context<'_>) {
        if self.poll_buffer(cx).is_ready() && self.is_buffered() {
            self.send(bodies);
        }
    }

    /// Sends the response. The body streams what the guest has yet to write.
    pub fn send(self, bodies: &ResponseBodies) {
        let body = if self.is_buffered() {
            let body = Full::new(joined(self.buffered));
            body.map_err(|never| match never {}).boxed_unsync()
        } else {
            bodies.watch(self.buffered, self.rest).boxed_unsync()
        };
        let _ = self.reply.send(Ok(http::Response::from_parts(self.head, body)));
    }

    fn is_buffered(&self) -> bool {
        is_complete(&self.rest)
            && self
                .buffered
                .iter()
                .all(|frame| frame.as_ref().is_ok_and(Frame::is_data))
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
