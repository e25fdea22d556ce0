//! The listener: connections in, requests to the edge, and an orderly end.

mod incoming;
mod outgoing;
mod stream;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use self::stream::{Broken, ClientStream};
use crate::edge::Edge;

/// How long a client may take for the head of a request, and how long a kept connection may idle.
const HEAD_PAUSE: Duration = Duration::from_secs(30);
/// How long a new connection may stay without any request.
const FIRST_REQUEST: Duration = Duration::from_secs(15);
/// How long requests that are in flight get at the end.
const LAST_REQUESTS: Duration = Duration::from_secs(20);
const STREAMS_PER_CONNECTION: u32 = 256;

/// Accepts until told to stop, then lets what is in flight finish.
pub async fn serve(listener: TcpListener, edge: Arc<Edge>, mut stop: watch::Receiver<bool>) {
    let connections = GracefulShutdown::new();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stopped| *stopped) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    tokio::spawn(connection(stream, peer, Arc::clone(&edge), connections.watcher()));
                }
                // Out of file descriptors, mostly: it passes when connections close.
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(LAST_REQUESTS, connections.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were still in flight and are cut off");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, edge: Arc<Edge>, watcher: Watcher) {
    // Only a matter of speed.
    let _ = stream.set_nodelay(true);
    let spoken = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&spoken);
    let broken = Broken::default();
    let stream = ClientStream::new(stream, broken.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        heard.store(true, Ordering::Relaxed);
        let edge = Arc::clone(&edge);
        // Before HTTP/1.1 the end of the connection is the end of the answer: only a reset tells that it broke off.
        let broken = (request.version() < Version::HTTP_11).then(|| broken.clone());
        let answer = edge.answer(incoming::watch(request), peer);
        async move { Ok::<_, Infallible>(answer.await.map(|body| outgoing::watch(body, broken))) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PAUSE)
        .max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    let served = watcher.watch(served.into_owned());
    tokio::pin!(served);
    // Before the first request hyper only looks which protocol is spoken, without a limit of its own.
    let silent = tokio::select! {
        _ = served.as_mut() => return,
        () = tokio::time::sleep(FIRST_REQUEST) => !spoken.load(Ordering::Relaxed),
    };
    if !silent {
        // Errors here are clients that went away.
        let _ = served.await;
    }
}
