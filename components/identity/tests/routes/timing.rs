//! Whether the time of an answer tells which addresses have an account, or wait to be proven.
//!
//! The long forms: `cargo test --release -p identity --test routes -- --ignored --nocapture timing`.

use std::time::Instant;

use nexus_domain::Role;
use nexus_store::Database;
use serde_json::{Value, json};

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

/// What is asked about an address.
#[derive(Debug, Clone, Copy)]
enum Asked {
    SignIn,
    VerifyEmail,
    ResendOtp,
    ForgotPassword,
    Register,
}

const KNOWN: &str = "known@example.org";

impl Asked {
    const fn path(self) -> &'static str {
        match self {
            Self::SignIn => "/auth/login",
            Self::VerifyEmail => "/auth/verify-email",
            Self::ResendOtp => "/auth/resend-otp",
            Self::ForgotPassword => "/auth/forgot-password",
            Self::Register => "/auth/register",
        }
    }

    fn body(self, email: &str) -> Value {
        match self {
            Self::SignIn => json!({ "email": email, "password": "Wrong-River-42" }),
            Self::VerifyEmail => json!({ "email": email, "otp": "000000" }),
            Self::ResendOtp | Self::ForgotPassword => json!({ "email": email }),
            Self::Register => json!({ "email": email, "password": PASSWORD, "name": "Ana" }),
        }
    }

    /// Somebody whose address the question is about.
    async fn prepare(self, app: &TestApp, cost: &str) {
        match self {
            Self::VerifyEmail | Self::ResendOtp => {
                app.post("/auth/register", Self::Register.body(KNOWN)).await;
            }
            Self::SignIn | Self::ForgotPassword | Self::Register => {
                app.active_user(KNOWN, Role::Student);
            }
        }
        // The account's hash has today's cost: the password was set through the product.
        let hashing = nexus_domain::password_hash::Hashing::new(
            nexus_domain::settings::PasswordHash::Bcrypt,
            cost.parse().unwrap(),
        );
        let hash = hashing
            .hash(&nexus_domain::password::Password::typed(PASSWORD), [9; 16])
            .unwrap();
        app.sql("UPDATE users SET password_hash = ?1", nexus_store::params![hash]);
    }
}

/// Known and unknown addresses in turn, now the one first and now the other, so that what else the machine does, and what
/// one request leaves behind, hits both alike. On a file, as in production: most of the time is the disk's.
async fn measure(asked: Asked, samples: usize, cost: &str) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open_file(&folder.path().join("nexus.db")).unwrap();
    let app = TestApp::on(
        database,
        &[("bcrypt_cost", cost), ("registration_disclosure", "hidden")],
    );
    asked.prepare(&app, cost).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut answers = (Value::Null, Value::Null);
    for n in 0..samples + WARMING_UP {
        // As long as the other.
        let somebody = format!("k{:04}@example.org", n);
        for is_known in [n % 2 == 0, n % 2 == 1] {
            let (email, times, answer) = if is_known {
                (KNOWN, &mut known, &mut answers.0)
            } else {
                (somebody.as_str(), &mut unknown, &mut answers.1)
            };
            let body = asked.body(email);
            let started = Instant::now();
            let reply = app.post(asked.path(), body).await;
            let took = started.elapsed().as_secs_f64();
            if n >= WARMING_UP {
                times.push(took);
            }
            *answer = json!([reply.status.as_u16(), reply.code(), reply.body["message"]]);
        }
        assert_eq!(answers.0, answers.1, "{asked:?} {n}");
        app.sql("DELETE FROM sign_in_attempts", &[]);
        app.sql("DELETE FROM request_counts", &[]);
        app.sql("UPDATE one_time_codes SET tries = 0", &[]);
    }
    let auc = area_under_curve(&known, &unknown);
    println!("{asked:?}: AUC over {} requests: {auc:.3}", 2 * samples);
    auc
}

/// Not counted: caches fill, and tables get their first rows.
const WARMING_UP: usize = 10;

/// Once more when something else was in the way; what tells two addresses apart does so every time.
async fn assert_alike(asked: Asked, samples: usize, cost: &str, most: f64) {
    let mut auc = measure(asked, samples, cost).await;
    if auc > most {
        auc = measure(asked, samples, cost).await;
    }
    assert!(auc <= most, "{asked:?}: {auc}");
}

#[tokio::test]
async fn the_time_of_200_sign_ins_does_not_tell_known_from_unknown() {
    assert_alike(Asked::SignIn, 100, "8", 0.65).await;
}

#[tokio::test]
async fn the_time_of_200_tried_codes_does_not_tell_pending_from_unknown() {
    assert_alike(Asked::VerifyEmail, 100, "4", 0.65).await;
}

#[tokio::test]
async fn the_time_of_200_codes_asked_for_does_not_tell_pending_from_unknown() {
    assert_alike(Asked::ResendOtp, 100, "4", 0.65).await;
}

#[tokio::test]
async fn the_time_of_200_links_asked_for_does_not_tell_known_from_unknown() {
    assert_alike(Asked::ForgotPassword, 100, "4", 0.65).await;
}

#[tokio::test]
async fn the_time_of_200_registrations_does_not_tell_taken_from_free() {
    assert_alike(Asked::Register, 100, "8", 0.65).await;
}

#[tokio::test]
#[ignore = "takes minutes"]
async fn the_time_of_2_000_requests_of_each_kind_does_not_tell_known_from_unknown() {
    for (asked, cost) in [
        (Asked::VerifyEmail, "4"),
        (Asked::ResendOtp, "4"),
        (Asked::ForgotPassword, "4"),
        (Asked::Register, "8"),
        (Asked::SignIn, "8"),
    ] {
        assert_alike(asked, 1_000, cost, 0.55).await;
    }
}
