//! The same load on rooms with few messages, ten times and a hundred times as many.

use std::time::Duration;

use super::durable::product;
use crate::figures::{Figure, headings};

pub async fn measure(rounds: u64, lasting: Duration, sizes: [usize; 3]) {
    let mut places = Vec::new();
    for size in sizes {
        let (product, load) = product(size).await;
        let name = format!("product with {size} messages stored");
        places.push((product, load, Figure::new(name, "messages/s")));
    }
    for _ in 0..rounds {
        for (_, load, figure) in &mut places {
            figure.add(load.at_most(lasting).await);
        }
    }
    headings("chat, durable send as the store grows");
    for (_, _, figure) in &places {
        figure.print("");
    }
    for (_, _, larger) in &places[1..] {
        larger.over(&places[0].2).print("≥ 0.8");
    }
}
