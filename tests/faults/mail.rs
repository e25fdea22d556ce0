//! 10,000 mails, 60 % of the answers faulty, 20 kills: none lost, none early, twice only what was never answered.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use nexus_domain::Timestamp;
use nexus_domain::ids::MailId;
use nexus_store::outbox::{self, NewMail};
use nexus_store::{Database, StoreError};
use nexus_tests::{FakeSendGrid, Received, Reply, TestApp};
use serde_json::json;

fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("not that late"))
}

fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn database(app: &TestApp) -> Database {
    Database::open_file(&app.data().join(".spin/sqlite_db.db")).expect("the database")
}

fn enqueue(database: &Database, count: u64, recipients: u64) {
    let mut seed = 1;
    let written: Result<(), StoreError> = database.transaction(|tx| {
        for n in 0..count {
            let at = now();
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&random(&mut seed).to_be_bytes());
            bytes[8..].copy_from_slice(&[(n >> 8) as u8, n as u8]);
            outbox::enqueue(
                tx,
                &NewMail {
                    id: MailId::generate(at, bytes),
                    company: None,
                    user: None,
                    recipient: &format!("u{}@example.org", n % recipients),
                    recipient_name: "Ana",
                    template: "account-suspended",
                    locale: "en",
                    params: json!({ "reason": format!("{n}") }),
                    sealed: None,
                    now: at,
                    expires_at: at.plus_seconds(86_400),
                },
            )?;
        }
        Ok(())
    });
    written.expect("written");
}

fn count(database: &Database, status: &str) -> i64 {
    let sql = "SELECT count(*) FROM outbox WHERE status = ?1";
    database.query(sql, nexus_store::params![status]).expect("rows")[0]
        .get(0)
        .expect("a count")
}

async fn start(provider: &FakeSendGrid) -> TestApp {
    TestApp::builder()
        .env("MAIL_TRANSPORT", "sendgrid")
        .env("SENDGRID_API_KEY", "SG.an-api-key-that-is-only-for-tests")
        .env("SENDGRID_BASE_URL", provider.url())
        .start()
        .await
}

/// 60 of 100 answers are faulty, of each kind as many.
fn faulty(seed: &mut u64) -> Reply {
    match random(seed) % 100 {
        0..15 => Reply::Busy { seconds: 2 },
        15..30 => Reply::Status(500),
        30..45 => Reply::Reset,
        45..60 => Reply::AcceptThenReset,
        _ => Reply::Accept,
    }
}

/// How many mails were tried before their time: after a 429, `Retry-After` (with 50 ms for the clocks).
fn early(received: &[Received]) -> usize {
    let mut not_before: HashMap<&str, u128> = HashMap::new();
    let mut early = 0;
    for one in received {
        if not_before.get(one.mail_id.as_str()).is_some_and(|at| one.at + 50 < *at) {
            early += 1;
        }
        if let Reply::Busy { seconds } = one.reply {
            not_before.insert(&one.mail_id, one.at + u128::from(seconds) * 1_000);
        }
    }
    early
}

async fn storm(mails: u64, kills: u32, patience: Duration) {
    let provider = FakeSendGrid::start().await;
    let mut app = start(&provider).await;
    let mut seed = 42;
    provider.answer(move |_| faulty(&mut seed));
    enqueue(&database(&app), mails, mails / 2);
    let began = Instant::now();
    let mut killed = 0;
    let mut killed_at = Vec::new();
    while count(&database(&app), "SENT") < i64::try_from(mails).expect("small") {
        assert!(
            began.elapsed() < patience,
            "{} of {mails} sent",
            count(&database(&app), "SENT")
        );
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        if killed < kills {
            killed_at.push(now());
            app.restart().await;
            killed += 1;
        }
    }
    let took = began.elapsed();
    assert_eq!(killed, kills, "the storm was over before all kills");
    let received = provider.received();
    let taken = provider.taken();
    let lost = mails - taken.len() as u64;
    // An accepted mail may come again only when its answer was never seen: broken by us, or the process died within
    // the second after it.
    let mut unexplained = 0;
    let mut duplicates = 0;
    let mut accepted: HashMap<&str, &Received> = HashMap::new();
    for one in received.iter().filter(|one| one.reply.takes()) {
        if let Some(before) = accepted.insert(&one.mail_id, one) {
            duplicates += 1;
            let at = i64::try_from(before.at).expect("not that late");
            let died = killed_at
                .iter()
                .any(|kill| (0..1_000).contains(&(kill.as_millis() - at)));
            if before.reply == Reply::Accept && !died {
                unexplained += 1;
            }
        }
    }
    let mut order: HashMap<&str, Vec<u64>> = HashMap::new();
    for one in received.iter().filter(|one| one.reply.takes()) {
        let reason = one.body["content"][0]["value"].as_str().unwrap_or("");
        let n = reason.lines().find_map(|line| line.parse().ok()).unwrap_or(u64::MAX);
        order.entry(&one.to).or_default().push(n);
    }
    let disordered = order.values().filter(|list| !list.is_sorted()).count();
    println!(
        "{mails} mails, {kills} kills, {} requests in {:.1} s: lost {lost}, early {}, duplicates {duplicates} (unexplained {unexplained}), out of order {disordered}",
        received.len(),
        took.as_secs_f64(),
        early(&received),
    );
    assert_eq!((lost, early(&received), unexplained, disordered), (0, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_is_lost_or_sent_early_in_a_storm_of_faults_and_kills() {
    storm(200, 2, Duration::from_secs(180)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn ten_thousand_mails_survive_a_storm_of_faults_and_twenty_kills() {
    storm(10_000, 20, Duration::from_secs(900)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn the_outbox_drains_at_a_thousand_mails_a_second() {
    const MAILS: u64 = 10_000;
    let provider = FakeSendGrid::start().await;
    let app = start(&provider).await;
    for round in 1..=5 {
        let before = provider.received().len();
        let database = database(&app);
        enqueue(&database, MAILS, MAILS);
        let began = Instant::now();
        while count(&database, "PENDING") + count(&database, "SENDING") > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let rate = MAILS as f64 / began.elapsed().as_secs_f64();
        println!(
            "round {round}: {rate:.0} mails/s, {} requests",
            provider.received().len() - before
        );
    }
}
