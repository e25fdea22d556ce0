//! How much of what was sent to a client is still unsent, and a stream that knows when to give up.
//!
//! Everything for a client is counted when it is queued and again when the kernel has taken it. What lies
//! between is what the client hasn't read; at [`MOST_UNSENT`] it is dropped, and catches up when it connects again.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// What may be unsent to one client.
pub const MOST_UNSENT: u64 = 1024 * 1024;
/// A client that takes not one byte for so long is gone, or hostile.
const WRITE_PATIENCE: Duration = Duration::from_secs(20);

/// The bytes of one client.
#[derive(Debug, Default)]
pub struct Flow {
    queued: AtomicU64,
    written: AtomicU64,
    cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Flow {
    /// Counts bytes that are about to be queued; `false` when they would be too many.
    pub fn queue(&self, bytes: usize) -> bool {
        let written = self.written.load(Ordering::Acquire);
        // Frames that aren't ours (pings, the handshake) are counted as written only. Whenever everything was
        // written that is seen here, so the error never adds up.
        let queued = self.queued.fetch_max(written, Ordering::AcqRel).max(written);
        if queued - written + bytes as u64 > MOST_UNSENT {
            return false;
        }
        self.queued.fetch_add(bytes as u64, Ordering::AcqRel);
        true
    }

    pub fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::AcqRel);
    }

    pub fn unsent(&self) -> u64 {
        let written = self.written.load(Ordering::Acquire);
        self.queued.load(Ordering::Acquire).saturating_sub(written)
    }

    /// Nothing goes in or out any more, at once.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }
}

/// A client's stream, counted in its [`Flow`].
pub struct Guarded<S> {
    inner: S,
    flow: Arc<Flow>,
    /// Runs while a write waits for the client.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    pub fn new(inner: S, flow: Arc<Flow>) -> Self {
        Self {
            inner,
            flow,
            deadline: None,
        }
    }

    fn waited(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(WRITE_PATIENCE)));
        if deadline.as_mut().poll(cx).is_ready() {
            self.flow.cut();
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

fn gone() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.flow.reader.register(cx.waker());
        if self.flow.is_cut() {
            return Poll::Ready(Err(gone()));
        }
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.flow.writer.register(cx.waker());
        if self.flow.is_cut() {
            return Poll::Ready(Err(gone()));
        }
        match Pin::new(&mut self.inner).poll_write(cx, bytes) {
            Poll::Ready(Ok(count)) => {
                self.deadline = None;
                self.flow.wrote(count);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => match self.waited(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flow.is_cut() {
            return Poll::Ready(Err(gone()));
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[test]
    fn what_is_unsent_is_bounded_and_what_is_written_makes_room() {
        let flow = Flow::default();
        assert!(flow.queue(MOST_UNSENT as usize));
        assert!(!flow.queue(1));
        flow.wrote(10);
        assert!(flow.queue(10) && !flow.queue(1));
    }

    #[test]
    fn bytes_that_nobody_queued_do_not_make_room_for_ever() {
        let flow = Flow::default();
        flow.wrote(500);
        assert!(flow.queue(MOST_UNSENT as usize));
        assert!(!flow.queue(1));
    }

    #[tokio::test]
    async fn a_stuck_writer_is_freed_by_the_cut() {
        let flow = Arc::new(Flow::default());
        let (server, _client) = tokio::io::duplex(8);
        let mut guarded = Guarded::new(server, Arc::clone(&flow));
        let writing = tokio::spawn(async move { guarded.write_all(&[0; 64]).await });
        tokio::task::yield_now().await;
        flow.cut();
        assert!(writing.await.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let flow = Arc::new(Flow::default());
        let (server, _client) = tokio::io::duplex(8);
        let mut guarded = Guarded::new(server, Arc::clone(&flow));
        let error = guarded.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(flow.is_cut());
    }
}
