//! One sender, 1,000 receivers in one room.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::figures::{Figure, headings, quantile};
use crate::listeners::Listeners;
use crate::peer::Peer;
use crate::product::Product;
use crate::socket::Socket;

const RECEIVERS: usize = 1_000;
/// Unacknowledged messages at the maximal rate.
const WINDOW: u64 = 16;
const PER_SECOND: u64 = 10;

struct Room {
    address: SocketAddr,
    /// Credentials of the sender, then of the receivers.
    auths: Vec<String>,
    name: String,
}

/// The receivers' deliveries.
struct Got {
    deliveries_per_second: f64,
    took: Vec<Duration>,
}

impl Room {
    /// `pace` is the rate per second. Without it, as many messages as possible are sent.
    async fn run(&self, lasting: Duration, pace: Option<u64>) -> Got {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let (epoch, run) = (Instant::now(), RUNS.fetch_add(1, Ordering::Relaxed));
        let listeners = Listeners::start(self.address, &self.auths[1..], epoch).await;
        let mut sender = Socket::socket_io(self.address, &self.auths[0])
            .await
            .expect("a connection");
        sender.await_event("CONNECTED").await.expect("to be let in");
        let started = Instant::now();
        let (mut sent, mut acknowledged) = (0_u64, 0);
        let mut tick = tokio::time::interval(Duration::from_micros(1_000_000 / pace.unwrap_or(1_000)));
        while started.elapsed() < lasting {
            let may = match pace {
                Some(_) => true,
                // No more than the receivers have read; otherwise queues are measured.
                None => {
                    let through = listeners.delivered() / RECEIVERS as u64;
                    sent < through.min(acknowledged) + WINDOW
                }
            };
            tokio::select! {
                _ = tick.tick(), if may => {
                    let content = epoch.elapsed().as_micros().to_string();
                    let temp_id = format!("{run}-{sent}");
                    let message = json!({"chatId": self.name, "content": content, "tempId": temp_id});
                    sender.emit("NEW_MESSAGE", &message).await.expect("an open socket");
                    sent += 1;
                }
                received = sender.receive() => {
                    if received.expect("an open socket").is("MESSAGE_SENT") { acknowledged += 1; }
                }
                () = tokio::time::sleep(Duration::from_millis(1)), if !may => {}
            }
        }
        #[allow(clippy::cast_precision_loss)]
        let deliveries_per_second = listeners.delivered() as f64 / started.elapsed().as_secs_f64();
        // Messages in flight still arrive.
        let expected = sent * RECEIVERS as u64;
        let timeout = Instant::now() + Duration::from_secs(10);
        while listeners.delivered() < expected && Instant::now() < timeout {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(listeners.delivered(), expected, "every message to every receiver");
        drop(sender);
        let took = listeners.stop();
        Got {
            deliveries_per_second,
            took,
        }
    }
}

pub async fn measure(rounds: u64, lasting: Duration) {
    let product = Product::start().await;
    let people = product.people(RECEIVERS + 1);
    let ours = Room {
        address: product.address(),
        auths: people.iter().map(|person| person.auth.clone()).collect(),
        name: product.chat(&people),
    };
    let peer = Peer::start();
    let theirs = Room {
        address: peer.address,
        auths: (0..=RECEIVERS)
            .map(|number| json!({"user": format!("user-{number}"), "rooms": ["one"]}).to_string())
            .collect(),
        name: "one".to_owned(),
    };
    let mut our_rate = Figure::new("product", "deliveries/s");
    let mut their_rate = Figure::new("socket.io", "deliveries/s");
    let mut our_p99 = Figure::new("product, p99 at 10 messages/s", "ms");
    let mut their_p99 = Figure::new("socket.io, p99 at 10 messages/s", "ms");
    for _ in 0..rounds {
        our_rate.add(ours.run(lasting, None).await.deliveries_per_second);
        their_rate.add(theirs.run(lasting, None).await.deliveries_per_second);
        our_p99.add(quantile(&mut ours.run(lasting, Some(PER_SECOND)).await.took, 0.99));
        their_p99.add(quantile(&mut theirs.run(lasting, Some(PER_SECOND)).await.took, 0.99));
    }
    headings("fan-out, 1 sender to 1,000");
    for figure in [&our_rate, &their_rate, &our_p99, &their_p99] {
        figure.print("");
    }
    our_rate.over(&their_rate).print("≥ 3");
    our_p99.over(&their_p99).print("≤ 0.5");
}
