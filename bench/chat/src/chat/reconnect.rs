//! All clients lose their connections and reconnect at once.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use crate::figures::{Figure, headings, quantile};
use crate::product::{Person, Product};
use crate::socket::Socket;

/// Connects all at once. Returns the time of each connection, and the number of failures.
async fn storm(product: &Product, people: &[Person], chats: &[String]) -> (Vec<Socket>, Vec<Duration>, usize) {
    let address = product.address();
    let mut coming = JoinSet::new();
    for (person, chat) in people.iter().zip(chats) {
        let auth = json!({"token": person.token, "lastSeq": {chat.as_str(): 0}}).to_string();
        coming.spawn(async move {
            let started = Instant::now();
            let let_in = async {
                let mut socket = Socket::plain(address, None, &auth).await?;
                socket.await_event("CONNECTED").await?;
                std::io::Result::Ok(socket)
            };
            match tokio::time::timeout(Duration::from_secs(60), let_in).await {
                Ok(Ok(socket)) => Some((socket, started.elapsed())),
                Ok(Err(_)) | Err(_) => None,
            }
        });
    }
    let come = coming.join_all().await;
    let failed = come.iter().filter(|one| one.is_none()).count();
    let (sockets, took) = come.into_iter().flatten().unzip();
    (sockets, took, failed)
}

pub async fn measure(rounds: u64, count: usize) {
    let product = Product::start().await;
    let people = product.people(count);
    let chats: Vec<String> = people
        .chunks(10)
        .flat_map(|room| vec![product.chat(room); room.len()])
        .collect();
    let mut whole = Figure::new(format!("{count} come back at once: until the last is in"), "s");
    let mut p99 = Figure::new("one of them, p99", "ms");
    let mut errors = Figure::new("not let in", "");
    let (mut held, _, _) = storm(&product, &people, &chats).await;
    for _ in 0..rounds {
        held.clear();
        let started = Instant::now();
        let (sockets, mut took, failed) = storm(&product, &people, &chats).await;
        whole.add(started.elapsed().as_secs_f64());
        p99.add(quantile(&mut took, 0.99));
        errors.add(f64::from(u32::try_from(failed).unwrap_or(u32::MAX)));
        held = sockets;
    }
    headings("reconnecting");
    whole.print("");
    p99.print("");
    errors.print("0");
}
