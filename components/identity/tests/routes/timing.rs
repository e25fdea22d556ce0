//! Whether the time of a sign-in tells which addresses have an account.

use std::time::Instant;

use nexus_domain::Role;

use crate::support::{PASSWORD, TestApp};

/// How often a sample of `one` is above one of `other`, ties counting half: 0.5 is nothing to see, 1 is certainty.
fn area_under_curve(one: &[f64], other: &[f64]) -> f64 {
    let mut wins = 0.0;
    for a in one {
        for b in other {
            wins += if a > b {
                1.0
            } else if a < b {
                0.0
            } else {
                0.5
            };
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let pairs = (one.len() * other.len()) as f64;
    let auc: f64 = wins / pairs;
    auc.max(1.0 - auc)
}

/// Known and unknown addresses in turn, so that what else the machine does hits both alike.
async fn measure(samples: usize, cost: &str) -> f64 {
    let app = TestApp::with(&[("bcrypt_cost", cost)]);
    app.active_user("known@example.org", Role::Student);
    let hash = {
        // The account's hash has today's cost: the password was set through the product.
        let hashing = nexus_domain::password_hash::Hashing::new(
            nexus_domain::settings::PasswordHash::Bcrypt,
            cost.parse().unwrap(),
        );
        hashing
            .hash(&nexus_domain::password::Password::typed(PASSWORD), [9; 16])
            .unwrap()
    };
    app.sql("UPDATE users SET password_hash = ?1", nexus_store::params![hash]);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..samples {
        for (email, times) in [("known@example.org", &mut known), ("unknown@example.org", &mut unknown)] {
            let started = Instant::now();
            let reply = app.sign_in(email, "Wrong-River-42").await;
            times.push(started.elapsed().as_secs_f64());
            assert_eq!(reply.code(), "INVALID_CREDENTIALS", "{n}");
        }
        app.sql("DELETE FROM sign_in_attempts", &[]);
    }
    area_under_curve(&known, &unknown)
}

#[tokio::test]
async fn the_time_of_200_sign_ins_does_not_tell_known_from_unknown() {
    let auc = measure(100, "8").await;
    println!("AUC over 200 sign-ins: {auc:.3}");
    assert!(auc <= 0.65, "{auc}");
}

/// The long form: `cargo test --release -p identity --test routes -- --ignored --nocapture timing`.
#[tokio::test]
#[ignore = "takes minutes"]
async fn the_time_of_2_000_sign_ins_does_not_tell_known_from_unknown() {
    let auc = measure(1_000, "8").await;
    println!("AUC over 2,000 sign-ins: {auc:.3}");
    assert!(auc <= 0.55, "{auc}");
}
