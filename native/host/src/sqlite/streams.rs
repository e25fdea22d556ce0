//! The streams that a libSQL server keeps for this process: their number, the right to write, and their closing.
//!
//! Each request to the server runs in a task of its own, which continues after its guest has ended. A cancelled request would
//! leave a statement on the server that nobody ends, and the turn would be free before the server is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use libsql_hrana::proto::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::classify::begins_to_write;
use super::pipeline::{Failure, Reply, Server, Stream};

/// Limits of one database on its server.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Concurrent streams; one more waits. sqld refuses more than 128 concurrent requests of all nodes together.
    pub streams: usize,
    /// The time for which a statement waits for its turn, as SQLite waits for a lock.
    pub timeout: Duration,
    /// The time for which a transaction may be idle. Servers expire streams after ten seconds.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            streams: 48,
            timeout: Duration::from_secs(5),
            idle: Duration::from_secs(10),
        }
    }
}

/// Pauses between attempts to close a stream. After the last one, the server has expired it.
const CLOSE_PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

pub struct Streams {
    server: Server,
    /// The right to write, one writer at a time, in the order of the requests. A server lets each writer wait in a thread of its
    /// own without a limit, also after its client has gone. sqld miscounts them when many wait during a checkpoint or when
    /// clients leave, and then admits no writer any more (docs/decisions/0022-libsql.md).
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    pub limits: Limits,
}

/// The permits to have a stream and to write on it.
struct Permits {
    _place: OwnedSemaphorePermit,
    _turn: Option<OwnedSemaphorePermit>,
}

/// A stream, or the permit for one. Dropping it closes the stream on the server.
pub struct OpenStream {
    streams: Arc<Streams>,
    stream: Stream,
    permits: Option<Permits>,
    pub used: Instant,
}

impl Streams {
    pub fn new(server: Server, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            server,
            turns: Arc::new(Semaphore::new(1)),
            places: Arc::new(Semaphore::new(limits.streams)),
            limits,
        })
    }

    /// Waits for the permits of this statement and returns its stream. The statement opens it on the server.
    pub async fn open(self: &Arc<Self>, sql: &str) -> Result<OpenStream, Failure> {
        let permits = async {
            let turn = match begins_to_write(sql) {
                true => Some(self.turns.clone().acquire_owned().await.map_err(|_| Failure::Busy)?),
                false => None,
            };
            let place = self.places.clone().acquire_owned().await.map_err(|_| Failure::Busy)?;
            Ok(Permits {
                _place: place,
                _turn: turn,
            })
        };
        let permits = tokio::time::timeout(self.limits.timeout, permits).await;
        Ok(OpenStream {
            streams: self.clone(),
            stream: Stream::default(),
            permits: Some(permits.map_err(|_| Failure::Busy)??),
            used: Instant::now(),
        })
    }
}

impl OpenStream {
    /// Runs one statement. Returns the stream while a transaction is open on it; with `close`, never.
    pub async fn run(self, sql: &str, args: Vec<Value>, close: bool) -> (Result<Reply, Failure>, Option<Self>) {
        let (sender, answered) = oneshot::channel();
        let sql = sql.to_owned();
        tokio::spawn(async move {
            // Without a receiver, the result is dropped, and the stream with it.
            let _ = sender.send(self.send(&sql, args, close).await);
        });
        answered
            .await
            .unwrap_or_else(|_| (Err(Failure::Unreachable("the request was ended".to_owned())), None))
    }

    async fn send(mut self, sql: &str, args: Vec<Value>, close: bool) -> (Result<Reply, Failure>, Option<Self>) {
        let reply = self.streams.server.run(self.stream.clone(), sql, args, close).await;
        // Without an answer, the server may still know the stream by its previous baton.
        let Ok(reply) = reply else { return (reply, None) };
        self.stream = reply.stream.clone();
        self.used = Instant::now();
        let goes_on = reply.is_open && self.stream.is_kept();
        (Ok(reply), goes_on.then_some(self))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let stream = std::mem::take(&mut self.stream);
        if !stream.is_kept() {
            return;
        }
        let (streams, permits) = (self.streams.clone(), self.permits.take());
        // Without a runtime the process ends, and the server expires the stream.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(close(streams, stream, permits));
        }
    }
}

async fn close(streams: Arc<Streams>, stream: Stream, mut permits: Option<Permits>) {
    for pause in CLOSE_PAUSES {
        match streams.server.close(stream.clone()).await {
            // The server no longer knows the stream, or not by this baton.
            Ok(())
            | Err(Failure::Refused {
                status: StatusCode::BAD_REQUEST,
                ..
            }) => return,
            Err(error) => tracing::debug!(%error, "a stream of the database server is not closed yet"),
        }
        // Other statements do not wait for an unreachable server.
        permits = None;
        tokio::time::sleep(pause).await;
    }
    drop(permits);
}
