//! Whether the time of a sign-in tells which addresses have an account, measured where an attacker would: at a client.

use std::time::Instant;

use nexus_domain::Timestamp;
use nexus_store::Database;
use nexus_store::identity::sign_in_attempts::{self, SIGN_IN_LIMITS};
use nexus_tests::{Client, TestApp};

use super::{credentials, resident};

/// How often a time of `one` is above one of `other`, ties counting half: 0.5 is nothing to see, 1 is certainty.
#[allow(clippy::cast_precision_loss)]
fn area_under_curve(one: &[f64], other: &[f64]) -> f64 {
    let wins: f64 = one
        .iter()
        .flat_map(|a| other.iter().map(move |b| a.total_cmp(b)))
        .map(|order| match order {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    let auc = wins / (one.len() * other.len()) as f64;
    auc.max(1.0 - auc)
}

async fn time_of(client: &Client, email: &str) -> f64 {
    let started = Instant::now();
    client
        .post("/auth/login", &credentials(email, "Wrong-Horse-7"))
        .await
        .expect_problem(401, "INVALID_CREDENTIALS");
    started.elapsed().as_secs_f64()
}

/// Known and unknown addresses in turn, so that whatever else the machine does hits both alike.
async fn measure(samples: usize, cost: &str) -> f64 {
    let app = TestApp::builder().env("BCRYPT_COST", cost).start().await;
    resident(&app, "known@example.org");
    let database = Database::open_file(&app.data().join(".spin/sqlite_db.db")).expect("the database");
    let client = app.client();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..samples / 2 {
        if n % 4 == 0 {
            // Else the throttle would answer.
            sign_in_attempts::purge(&database, SIGN_IN_LIMITS, Timestamp::from_millis(i64::MAX / 2)).expect("a delete");
        }
        let mut turns = [("known@example.org", &mut known), ("unknown@example.org", &mut unknown)];
        if n % 2 == 1 {
            turns.reverse();
        }
        for (email, times) in turns {
            times.push(time_of(&client, email).await);
        }
    }
    let auc = area_under_curve(&known, &unknown);
    for times in [&mut known, &mut unknown] {
        times.sort_by(f64::total_cmp);
    }
    println!(
        "AUC over {samples} sign-ins at cost {cost}: {auc:.3}; medians {:.2} and {:.2} ms",
        known[known.len() / 2] * 1_000.0,
        unknown[unknown.len() / 2] * 1_000.0
    );
    auc
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_200_sign_ins_does_not_tell_known_from_unknown() {
    let auc = measure(200, "7").await;
    assert!(auc <= 0.65, "{auc}");
}

/// The long form: `cargo test --release -p nexus-tests --test api -- --ignored --nocapture auth::timing`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn the_time_of_2_000_sign_ins_does_not_tell_known_from_unknown() {
    let auc = measure(2_000, "8").await;
    assert!(auc <= 0.55, "{auc}");
}
