//! Clients that mean harm, all at once, beside two that don't: no panic, no answer of 500 or more, and memory doesn't grow.
//!
//! The long form (`--ignored`) takes as many seconds as `NEXUS_HOSTILE_SECONDS` says, 600 by default.

mod floods;
mod frames;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nexus_tests::{PlainSocket, TestApp};
use serde_json::json;
use tokio::task::JoinSet;

use crate::Scene;

/// What all attackers share.
pub struct Attack {
    pub url: String,
    pub address: String,
    pub token: String,
    pub chat: String,
    over: AtomicBool,
    pub done: Counts,
}

#[derive(Default)]
pub struct Counts {
    pub frames: AtomicU64,
    pub connects: AtomicU64,
    pub requests: AtomicU64,
    pub pings: AtomicU64,
    /// HTTP answers of 500 or more.
    pub server_errors: AtomicU64,
}

impl Attack {
    pub fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    pub fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn answered(&self, status: u16) {
        self.count(&self.done.requests);
        if status >= 500 {
            self.count(&self.done.server_errors);
        }
    }
}

/// SplitMix64.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

async fn metric(app: &TestApp, name: &str) -> f64 {
    let text = app.client().get("/metrics").await.expect(200).text();
    text.lines()
        .filter(|line| line.starts_with(name))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Waits until nobody is connected but the two honest ones.
async fn calm(app: &TestApp) {
    let patience = Instant::now() + Duration::from_secs(60);
    while metric(app, "relay_connections").await > 2.0 {
        assert!(Instant::now() < patience, "connections remain that nobody holds");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Resident memory once it falls no more: the allocator gives freed pages back to the system over some seconds.
async fn at_rest(app: &TestApp) -> u64 {
    let mut before = app.resident_memory();
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = app.resident_memory();
        if now + 1024 * 1024 > before {
            return now;
        }
        before = now;
    }
    before
}

/// Somebody who just wants to talk. Gives how long each message took to be acknowledged and heard.
async fn honest(attack: Arc<Attack>, mut anna: PlainSocket, mut ben: PlainSocket) -> Vec<Duration> {
    let mut took = Vec::new();
    let mut last = 0;
    while attack.goes_on() {
        let started = Instant::now();
        anna.send("NEW_MESSAGE", json!({"chatId": attack.chat, "content": "honest"}))
            .await;
        let sent = anna.next("MESSAGE_SENT").await["seq"].as_i64().unwrap();
        while last < sent {
            let seq = ben.next("NEW_MESSAGE").await["seq"].as_i64().unwrap();
            assert_eq!(seq, last + 1, "in order, whoever else writes");
            last = seq;
        }
        took.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // Kept until everything is judged.
    drop((anna, ben));
    took
}

async fn attack(seconds: u64, most_growth: u64) {
    let settings = [
        ("CONNECTIONS_PER_USER", "200"),
        ("MESSAGE_RATE", "1000000/1s"),
        ("LOG_LEVEL", "warn"),
        ("METRICS_ALLOW", "127.0.0.1/32"),
        // One of the honest ones only listens, for longer than such a one is kept.
        ("INACTIVITY", "1h"),
    ];
    let scene = Scene::with(&settings).await;
    let url = scene.app.url().to_owned();
    let anna = PlainSocket::connect(&url, scene.anna.token()).await;
    let ben = PlainSocket::connect(&url, scene.ben.token()).await;
    // What is fuzzed is done by a third person in a chat of their own, lest the honest ones have to hear it all.
    let attacker = scene.app.admin_create("attacker@example.org", "SUPER_ADMIN", None);
    let attacker = scene.app.sign_in(&attacker).await;
    let body = json!({"type": "GROUP", "name": "Under fire", "memberIds": [scene.ben_id]});
    let target = attacker.post("/chats", &body).await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    attacker
        .delete(&format!("/chats/{target}/members/{}", scene.ben_id))
        .await
        .expect(204);
    let start = |chat: &str| {
        Arc::new(Attack {
            address: url.trim_start_matches("http://").to_owned(),
            url: url.clone(),
            token: attacker.token().to_owned(),
            chat: chat.to_owned(),
            over: AtomicBool::new(false),
            done: Counts::default(),
        })
    };
    let talk = start(&scene.chat);
    let talking = tokio::spawn(honest(Arc::clone(&talk), anna, ben));
    let mut memory = Vec::new();
    // The first round fills pools and caches; what matters is that the later ones add nothing.
    for round in 0..3 {
        let attack = start(&target);
        let mut attackers = JoinSet::new();
        floods::start(&attack, &mut attackers);
        frames::start(&attack, &mut attackers, round);
        tokio::time::sleep(Duration::from_secs(seconds.div_ceil(3))).await;
        attack.over.store(true, Ordering::Relaxed);
        attackers.join_all().await;
        let done = &attack.done;
        println!(
            "round {round}: {:?} frames, {:?} connects, {:?} requests, {:?} pings",
            done.frames, done.connects, done.requests, done.pings
        );
        assert_eq!(done.server_errors.load(Ordering::Relaxed), 0, "answers of 500 or more");
        if talking.is_finished() {
            break;
        }
        calm(&scene.app).await;
        memory.push(at_rest(&scene.app).await);
    }
    talk.over.store(true, Ordering::Relaxed);
    let mut took = talking.await.expect("the honest ones are served");
    took.sort_unstable();
    let mebibytes: Vec<u64> = memory.iter().map(|bytes| bytes / 1024 / 1024).collect();
    println!(
        "{seconds} s: resident {mebibytes:?} MiB after each third; {} honest messages, median {:?}, max {:?}",
        took.len(),
        took[took.len() / 2],
        took[took.len() - 1]
    );
    let log = scene.app.log();
    assert!(!log.contains("panicked"), "{}", scene.app.log_tail());
    let text = scene.app.client().get("/metrics").await.expect(200).text();
    let failed: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("http_requests_total") && line.contains("status=\"5"))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    let grown = memory[2].saturating_sub(memory[0]);
    assert!(grown <= most_growth * 1024 * 1024, "{mebibytes:?} MiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_clients_break_nothing_and_leave_nothing_behind() {
    attack(6, 128).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes ten minutes"]
async fn ten_minutes_of_hostile_clients_leave_nothing_behind() {
    let seconds = std::env::var("NEXUS_HOSTILE_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    attack(seconds.unwrap_or(600), 32).await;
}
