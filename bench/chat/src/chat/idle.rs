//! The cost of idle sockets.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::figures::{Figure, headings};
use crate::product::Product;
use crate::socket::Socket;

/// Local addresses. Each has about 28,000 ports.
const ADDRESSES: u8 = 4;
const AT_ONCE: usize = 64;
/// Two periods of pings. All sockets opened within seconds, so their pings come together.
const WATCHED: Duration = Duration::from_secs(100);

/// Processor seconds that a process has used (proc(5); 100 ticks per second).
fn processor_seconds(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|ticks| ticks.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

/// Raises the number of files that this process and its children may have open.
fn most_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .and_then(|line| line.split_whitespace().nth(3)?.parse().ok())
        .unwrap_or(1_024)
}

pub async fn measure(wanted: usize) {
    let count = wanted.min(most_files().saturating_sub(400));
    if count < wanted {
        println!(
            "this machine allows {} open files: {count} sockets instead of {wanted}",
            most_files()
        );
    }
    let product = Product::start().await;
    let people = product.people(count);
    for room in people.chunks(10) {
        product.chat(room);
    }
    let address = product.address();
    // One connection first, so that everything that is made once exists.
    let mut first = Socket::plain(address, None, &people[0].auth)
        .await
        .expect("a connection");
    first.await_event("CONNECTED").await.expect("to be let in");
    drop(first);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = product.app.resident_memory();

    let mut held = JoinSet::new();
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let (connected, mut all_connected) = tokio::sync::mpsc::channel::<()>(count);
    for (number, person) in people.iter().enumerate() {
        let place = std::sync::Arc::clone(&places).acquire_owned().await.expect("open");
        let own = Ipv4Addr::new(
            127,
            0,
            0,
            2 + u8::try_from(number % usize::from(ADDRESSES)).unwrap_or(0),
        );
        let (auth, connected) = (person.auth.clone(), connected.clone());
        held.spawn(async move {
            let mut socket = Socket::plain(address, Some(IpAddr::V4(own)), &auth)
                .await
                .expect("a connection");
            socket.await_event("CONNECTED").await.expect("to be let in");
            drop(place);
            connected.send(()).await.expect("it is waited for");
            // Answers heartbeats.
            while socket.receive().await.is_ok() {}
        });
    }
    for _ in 0..count {
        all_connected.recv().await;
    }
    // Meanwhile presence is published and stored, and buffers are freed.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let after = product.app.resident_memory();
    let used = processor_seconds(product.app.process_id());
    tokio::time::sleep(WATCHED).await;
    let used = processor_seconds(product.app.process_id()) - used;
    assert_eq!(held.len(), count, "all are still connected");

    #[allow(clippy::cast_precision_loss)]
    let (sockets, grown, whole) = (count as f64, (after - before) as f64, after as f64);
    let gibibyte = f64::from(1 << 30);
    headings("idle sockets");
    for (name, unit, value, goal) in [
        ("sockets", "", sockets, "20,000"),
        ("resident memory before", "MiB", before as f64 / f64::from(1 << 20), ""),
        ("resident memory with them", "MiB", whole / f64::from(1 << 20), ""),
        ("a socket", "KiB", grown / sockets / 1_024.0, ""),
        (
            "sockets per GiB that they add",
            "",
            sockets / grown * gibibyte,
            "≥ 39,000",
        ),
        (
            "sockets per GiB of the whole process",
            "",
            sockets / whole * gibibyte,
            "≥ 39,000",
        ),
        (
            "of a core, each 10,000",
            "%",
            used / WATCHED.as_secs_f64() * 100.0 / sockets * 10_000.0,
            "≤ 1",
        ),
    ] {
        let mut figure = Figure::new(name, unit);
        figure.add(value);
        figure.print(goal);
    }
}
