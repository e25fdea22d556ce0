//! A client's connection: for how long it may hold us up, and how it ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// How long a client may take nothing of what is sent to it. Then the connection is reset: TCP itself would wait for ever for
/// one that keeps its window closed.
const UNREAD: Duration = Duration::from_secs(60);

/// Set when the connection must not end as if all was well.
#[derive(Clone, Default)]
pub struct Broken(Arc<AtomicBool>);

impl Broken {
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub struct ClientStream {
    stream: TcpStream,
    /// Runs while the client takes nothing.
    unread: Option<Pin<Box<Sleep>>>,
    broken: Broken,
}

impl ClientStream {
    pub fn new(stream: TcpStream, broken: Broken) -> Self {
        Self {
            stream,
            unread: None,
            broken,
        }
    }

    fn within_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let unread = self.unread.get_or_insert_with(|| Box::pin(sleep(UNREAD)));
        std::task::ready!(unread.as_mut().poll(cx));
        self.broken.set();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        if self.broken.0.load(Ordering::Relaxed) {
            // A reset instead of an orderly end. Where that fails there is no connection any more.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.within_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn connection() -> (ClientStream, TcpStream, Broken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let broken = Broken::default();
        let (stream, _) = accepted.expect("a connection");
        (
            ClientStream::new(stream, broken.clone()),
            client.expect("a connection"),
            broken,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_given_up() {
        let (mut stream, mut client, _) = connection().await;
        let piece = vec![0; 1 << 20];
        let error = loop {
            if let Err(error) = stream.write_all(&piece).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(stream);
        let mut rest = Vec::new();
        assert!(client.read_to_end(&mut rest).await.is_err(), "it ends like a whole one");
    }

    #[tokio::test]
    async fn a_broken_connection_is_reset_and_another_is_closed() {
        for (is_broken, expected) in [(false, true), (true, false)] {
            let (mut stream, mut client, broken) = connection().await;
            stream
                .write_all(b"HTTP/1.0 200 OK\r\n\r\nhalf of it")
                .await
                .expect("written");
            if is_broken {
                broken.set();
            }
            drop(stream);
            let mut all = Vec::new();
            assert_eq!(client.read_to_end(&mut all).await.is_ok(), expected);
        }
    }
}
