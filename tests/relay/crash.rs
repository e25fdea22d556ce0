//! Acknowledged is stored, whatever dies: the product, a relay, Redis. The long forms run with `--ignored`.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nexus_store::{Database, params};
use nexus_tests::witness::{Stored, Witness, compare};
use nexus_tests::{RedisServer, Relay, TestApp};

use crate::Scene;

const SECRET: &str = "Cq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yu";

fn stored(app: &TestApp, chat: &str) -> Vec<Stored> {
    let database = Database::open_file(&app.data().join(".spin/sqlite_db.db")).expect("the database");
    database
        .query(
            "SELECT seq, id, temp_id, content FROM messages WHERE chat_id = ?1 ORDER BY seq",
            params![chat],
        )
        .expect("rows")
        .iter()
        .map(|row| Stored {
            seq: row.get(0).unwrap(),
            id: row.get(1).unwrap(),
            temp_id: row.get(2).unwrap(),
            content: row.get(3).unwrap(),
        })
        .collect()
}

fn integrity(app: &TestApp) -> String {
    let database = Database::open_file(&app.data().join(".spin/sqlite_db.db")).expect("the database");
    let rows = database.query("PRAGMA integrity_check", &[]).expect("rows");
    rows[0].get(0).unwrap()
}

/// Waits until everything is acknowledged and seen by everybody, and nothing is wrong.
async fn settled(app: &TestApp, chat: &str, witnesses: &[&Witness]) {
    let patience = Instant::now() + Duration::from_secs(60);
    loop {
        let pending: usize = witnesses.iter().map(|witness| witness.seen().pending.len()).sum();
        let wrong = compare(chat, &stored(app, chat), witnesses, |_| false);
        if pending == 0 && wrong.is_empty() {
            return;
        }
        let complained = witnesses.iter().any(|witness| !witness.seen().complaints.is_empty());
        assert!(
            !complained && Instant::now() < patience,
            "{pending} not acknowledged\n{}",
            wrong.join("\n")
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Two people who write all the time.
fn write(witnesses: &mut [&mut Witness], chat: &str, count: usize) {
    for number in 0..count {
        for witness in witnesses.iter_mut() {
            witness.send(chat, &format!("{number}"));
        }
    }
}

async fn kill_the_product(kills: u32) {
    let mut scene = Scene::new().await;
    let chat = scene.chat.clone();
    let url = scene.app.url().to_owned();
    let urls = move || url.clone();
    let mut anna = Witness::start("anna", scene.anna.token(), urls.clone());
    let mut ben = Witness::start("ben", scene.ben.token(), urls);
    let mut starts = Vec::new();
    for round in 0..kills {
        write(&mut [&mut anna, &mut ben], &chat, 30);
        tokio::time::sleep(Duration::from_millis(u64::from(round * 7 % 60))).await;
        let killed = Instant::now();
        scene.app.restart().await;
        starts.push(killed.elapsed());
    }
    settled(&scene.app, &chat, &[&anna, &ben]).await;
    assert_eq!(integrity(&scene.app), "ok");
    starts.sort_unstable();
    let acknowledged = anna.seen().acknowledged.len() + ben.seen().acknowledged.len();
    println!(
        "{kills} kills: {acknowledged} acknowledged, 0 lost, 0 duplicated; back after {:?} / {:?} / {:?} (min/median/max)",
        starts[0],
        starts[starts.len() / 2],
        starts[starts.len() - 1]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_and_seq_goes_on() {
    kill_the_product(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn two_hundred_kills_of_the_product_lose_nothing() {
    kill_the_product(200).await;
}

/// The product with its own sockets, a relay beside it, and Redis between them; one after the other dies.
async fn kill_everything(rounds: u32) {
    let mut redis = RedisServer::start();
    let redis_url = redis.url();
    let shared = [("REDIS_URL", redis_url.as_str()), ("INTERNAL_SECRET", SECRET)];
    let mut scene = Scene::with(&shared).await;
    let mut env = shared.to_vec();
    env.push(("MESSAGE_RATE", "10000/1s"));
    let mut relay = Relay::start(scene.app.url(), &env).await;
    let chat = scene.chat.clone();
    let urls = [scene.app.url().to_owned(), relay.url().to_owned()];
    let turn = Arc::new(Mutex::new(0_usize));
    let alternating = move || {
        let mut turn = turn.lock().unwrap();
        *turn += 1;
        urls[*turn % 2].clone()
    };
    let mut anna = Witness::start("anna", scene.anna.token(), alternating.clone());
    let mut ben = Witness::start("ben", scene.ben.token(), alternating);
    for round in 0..rounds {
        write(&mut [&mut anna, &mut ben], &chat, 20);
        tokio::time::sleep(Duration::from_millis(u64::from(round * 13 % 90))).await;
        match round % 5 {
            0 => relay.restart().await,
            1 => scene.app.restart().await,
            2 => {
                redis.kill();
                write(&mut [&mut anna, &mut ben], &chat, 5);
                tokio::time::sleep(Duration::from_millis(700)).await;
                redis.run();
            }
            3 => {
                redis.pause();
                write(&mut [&mut anna, &mut ben], &chat, 5);
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                redis.resume();
            }
            _ => {
                anna.drop_connection(Duration::from_millis(200));
                ben.drop_connection(Duration::from_millis(100));
            }
        }
    }
    settled(&scene.app, &chat, &[&anna, &ben]).await;
    assert_eq!(integrity(&scene.app), "ok");
    let acknowledged = anna.seen().acknowledged.len() + ben.seen().acknowledged.len();
    println!("{rounds} rounds of kills and pauses: {acknowledged} acknowledged, 0 lost, 0 duplicated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_second_relay_and_redis_nothing_is_lost_whichever_dies() {
    kill_everything(5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn with_a_second_relay_and_redis_nothing_is_lost_in_a_hundred_rounds() {
    kill_everything(100).await;
}
