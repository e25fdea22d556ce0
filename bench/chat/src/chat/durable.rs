//! 200 connections in 50 rooms. Every message is acknowledged once it is stored.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::figures::{Figure, headings, quantile};
use crate::peer::Peer;
use crate::product::Product;
use crate::raw_sqlite;
use crate::socket::Socket;

const CONNECTIONS: usize = 200;
const ROOMS: usize = 50;
/// Unacknowledged messages of a connection.
const WINDOW: usize = 4;
const CONTENT: &str = "A message of usual length, more or less.";

/// A client: its credentials and its room.
#[derive(Clone)]
struct Writer {
    auth: String,
    room: String,
}

pub(super) struct Load {
    writers: Vec<Writer>,
    address: SocketAddr,
    /// Distinguishes the messages of all runs.
    run: AtomicU64,
}

impl Load {
    async fn connect(&self) -> Vec<(Socket, String)> {
        let mut sockets = Vec::new();
        for writer in &self.writers {
            let mut socket = Socket::socket_io(self.address, &writer.auth)
                .await
                .expect("a connection");
            socket.await_event("CONNECTED").await.expect("to be let in");
            sockets.push((socket, writer.room.clone()));
        }
        sockets
    }

    /// Sends as many messages as possible. Returns acknowledged messages per second.
    pub(super) async fn at_most(&self, lasting: Duration) -> f64 {
        let run = self.run.fetch_add(1, Ordering::Relaxed);
        let (over, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        let sockets = self.connect().await;
        let started = Instant::now();
        for (number, (mut socket, room)) in sockets.into_iter().enumerate() {
            let (over, acknowledged) = (Arc::clone(&over), Arc::clone(&acknowledged));
            tasks.spawn(async move {
                let mut sent = 0;
                while !over.load(Ordering::Relaxed) {
                    while sent < WINDOW {
                        let temp_id = format!("{run}-{number}-{}", fresh());
                        let message = json!({"chatId": room, "content": CONTENT, "tempId": temp_id});
                        socket.emit("NEW_MESSAGE", &message).await.expect("an open socket");
                        sent += 1;
                    }
                    let received = socket.receive().await.expect("an open socket");
                    if received.is("MESSAGE_SENT") {
                        sent -= 1;
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                    } else if received.is("ERROR") {
                        panic!("refused under load");
                    }
                }
            });
        }
        tokio::time::sleep(lasting).await;
        #[allow(clippy::cast_precision_loss)]
        let rate = acknowledged.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
        rate
    }

    /// Sends at this total rate. Returns the time to the acknowledgement of each message.
    async fn at_rate(&self, per_second: f64, lasting: Duration) -> Vec<Duration> {
        let run = self.run.fetch_add(1, Ordering::Relaxed);
        let mut tasks = JoinSet::new();
        let sockets = self.connect().await;
        #[allow(clippy::cast_precision_loss)]
        let pause = Duration::from_secs_f64(CONNECTIONS as f64 / per_second);
        let end = Instant::now() + lasting;
        for (number, (mut socket, room)) in sockets.into_iter().enumerate() {
            tasks.spawn(async move {
                let mut took = Vec::new();
                let mut sent_at = std::collections::HashMap::new();
                // Starts are spread over the first pause, so that not all clients send at once.
                let first = pause.mul_f64(number as f64 / CONNECTIONS as f64);
                let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + first, pause);
                tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
                while Instant::now() < end {
                    tokio::select! {
                        due = tick.tick() => {
                            let temp_id = format!("{run}-{number}-{}", fresh());
                            // Measured from the due time, so that a stall of the server counts for all messages.
                            sent_at.insert(temp_id.clone(), due.into_std());
                            let message = json!({"chatId": room, "content": CONTENT, "tempId": temp_id});
                            socket.emit("NEW_MESSAGE", &message).await.expect("an open socket");
                        }
                        received = socket.receive() => {
                            let received = received.expect("an open socket");
                            if received.is("MESSAGE_SENT")
                                && let Some(at) = received.field("tempId").and_then(|temp_id| sent_at.remove(temp_id)) {
                                took.push(at.elapsed());
                            }
                        }
                    }
                }
                took
            });
        }
        tasks.join_all().await.concat()
    }
}

fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The product with this many messages in its rooms.
pub(super) async fn product(stored: usize) -> (Product, Load) {
    let product = Product::start().await;
    let people = product.people(CONNECTIONS);
    let mut writers = Vec::new();
    for room in people.chunks(CONNECTIONS / ROOMS) {
        let chat = product.chat(room);
        product.fill(&chat, room, stored / ROOMS);
        writers.extend(room.iter().map(|person| Writer {
            auth: person.auth.clone(),
            room: chat.clone(),
        }));
    }
    let address = product.address();
    let load = Load {
        writers,
        address,
        run: AtomicU64::new(0),
    };
    (product, load)
}

fn peer() -> (Peer, Load) {
    let peer = Peer::start();
    let writers = (0..CONNECTIONS)
        .map(|number| {
            let room = format!("room-{}", number / (CONNECTIONS / ROOMS));
            Writer {
                auth: json!({"user": format!("user-{number}"), "rooms": [room]}).to_string(),
                room,
            }
        })
        .collect();
    let load = Load {
        writers,
        address: peer.address,
        run: AtomicU64::new(0),
    };
    (peer, load)
}

pub async fn measure(rounds: u64, lasting: Duration) {
    let mut raw = Figure::new("bare SQLite FULL, 64 rows a commit", "rows/s");
    let mut ours = Figure::new("product, acknowledged", "messages/s");
    let mut node = Figure::new("socket.io + better-sqlite3 NORMAL", "messages/s");
    let mut p99 = Figure::new("product at half of that, time to acknowledgement p99", "ms");
    let mut p50 = Figure::new("product at half of that, time to acknowledgement p50", "ms");
    let (_product, load) = product(0).await;
    let (_peer, peer_load) = peer();
    for _ in 0..rounds {
        raw.add(
            tokio::task::spawn_blocking(move || raw_sqlite::rows_per_second(lasting))
                .await
                .expect("it ends"),
        );
        let rate = load.at_most(lasting).await;
        ours.add(rate);
        node.add(peer_load.at_most(lasting).await);
        let mut took = load.at_rate(rate / 2.0, lasting).await;
        p50.add(quantile(&mut took, 0.5));
        p99.add(quantile(&mut took, 0.99));
    }
    headings("chat, durable send");
    for figure in [&raw, &ours, &node] {
        figure.print("");
    }
    ours.over(&raw).print("≥ 0.5");
    ours.over(&node).print("≥ 3");
    p50.print("");
    p99.print("≤ 50");
}
