//! An outbox to break things around: the product with a SendGrid of our own, and mails written straight into the table.

use nexus_domain::Timestamp;
use nexus_domain::ids::MailId;
use nexus_store::mail::outbox::{self, NewMail};
use nexus_store::{Database, StoreError, params};
use nexus_tests::{FakeSendGrid, TestApp, TestAppBuilder};
use serde_json::json;

pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("not that late"))
}

/// SplitMix64: the same storm in every run.
pub fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub async fn start(provider: &FakeSendGrid) -> TestApp {
    sending_to(provider.url()).start().await
}

pub fn sending_to(provider: &str) -> TestAppBuilder {
    TestApp::builder()
        .env("MAIL_TRANSPORT", "sendgrid")
        .env("SENDGRID_API_KEY", "SG.an-api-key-that-is-only-for-tests")
        .env("SENDGRID_BASE_URL", provider)
}

pub fn database(app: &TestApp) -> Database {
    Database::open_file(&app.database_file()).expect("the database")
}

/// Writes mails in one commit; the n-th says `n` on a line of its own, and goes to the (n mod `recipients`)-th address.
pub fn enqueue(database: &Database, count: u64, recipients: u64) {
    let mut seed = now().as_millis() as u64;
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

pub fn count(database: &Database, status: &str) -> u64 {
    let sql = "SELECT count(*) FROM outbox WHERE status = ?1";
    let rows = database.query(sql, params![status]).expect("rows");
    u64::try_from(rows[0].get::<i64>(0).expect("a count")).expect("not negative")
}
