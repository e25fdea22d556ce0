//! Chat: the figures of `spec/quality.md` that no test checks.

mod durable;
mod fan_out;
mod growth;
mod idle;
mod reconnect;

use std::time::Duration;

use crate::Wishes;

pub async fn run(wishes: &Wishes) {
    let rounds = wishes.option("rounds", 5);
    let lasting = Duration::from_secs(wishes.option("seconds", 3));
    let sockets = usize::try_from(wishes.option("sockets", 20_000)).unwrap_or(usize::MAX);
    if wishes.wants("durable") {
        durable::measure(rounds, lasting).await;
    }
    if wishes.wants("growth") {
        let most = usize::try_from(wishes.option("messages", 1_000_000)).unwrap_or(usize::MAX);
        growth::measure(rounds, lasting, [most / 100, most / 10, most]).await;
    }
    if wishes.wants("fan-out") {
        fan_out::measure(rounds, lasting).await;
    }
    if wishes.wants("idle") {
        idle::measure(sockets).await;
    }
    if wishes.wants("reconnect") {
        reconnect::measure(rounds, sockets.min(5_000)).await;
    }
}
