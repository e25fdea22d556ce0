//! How much processor time a password hash takes, for comparing builds and hosts: time on the clock says little on a busy
//! machine, so run it under something that counts the process's own, in turn with what it is compared to.
//!
//! ```sh
//! cargo build --release -p nexus-domain --example hash_time
//! cargo build --release -p nexus-domain --example hash_time --target wasm32-wasip2
//! time target/release/examples/hash_time bcrypt 12 5
//! time wasmtime run -W epoch-interruption=y target/wasm32-wasip2/release/examples/hash_time.wasm bcrypt 12 5
//! ```

use std::env::args;
use std::time::Instant;

use nexus_domain::password::Password;
use nexus_domain::password_hash::Hashing;
use nexus_domain::settings::PasswordHash;

fn main() {
    let arguments: Vec<String> = args().skip(1).collect();
    let number = |at: usize, default: u32| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let algorithm = match arguments.first().map(String::as_str) {
        Some("argon2id") => PasswordHash::Argon2id,
        _ => PasswordHash::Bcrypt,
    };
    let (cost, rounds) = (number(1, 12), number(2, 5));
    let hashing = Hashing::new(algorithm, cost);
    let mut times = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        match hashing.hash(&Password::typed("Quiet-River-42"), [7; 16]) {
            Ok(hash) => assert!(!hash.is_empty()),
            Err(error) => eprintln!("{error}"),
        }
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{algorithm:?} {cost}: min {:.1} median {:.1} ms",
        times[0],
        times[times.len() / 2]
    );
}
