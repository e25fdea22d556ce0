//! Mail through SendGrid's door, and the outbox as admins see it.

use std::time::{Duration, Instant};

use nexus_store::Database;
use nexus_tests::{Client, FakeSendGrid, Reply, TestApp, TestAppBuilder};
use serde_json::{Value, json};

use crate::admin::{applicant, owner};

mod key;
mod public_mock;

const KEY: &str = "SG.an-api-key-that-is-only-for-tests";

fn sending_to(provider: &str) -> TestAppBuilder {
    TestApp::builder()
        .env("MAIL_TRANSPORT", "sendgrid")
        .env("SENDGRID_API_KEY", KEY)
        .env("SENDGRID_BASE_URL", provider)
        .env("SENDGRID_FROM_EMAIL", "no-reply@example.org")
}

async fn app_with(provider: &FakeSendGrid) -> TestApp {
    sending_to(provider.url()).start().await
}

/// The outbox row of `template`, once it has this status.
pub async fn await_status(owner: &Client, template: &str, status: &str) -> Value {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        let mails = owner
            .get(&format!("/admin/mail?template={template}"))
            .await
            .expect(200)
            .json();
        let mail = mails["items"][0].clone();
        if mail["status"] == status {
            return mail;
        }
        assert!(Instant::now() < patience, "{template} is not {status}: {mail}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_one_that_the_provider_s_published_document_allows() {
    let provider = FakeSendGrid::start().await;
    let app = app_with(&provider).await;
    let owner = owner(&app).await;
    let user = applicant(&app, "ana@example.org", None).await;
    owner
        .post_empty(&format!("/admin/verifications/{user}/approve"))
        .await
        .expect(200);
    let sent = await_status(&owner, "account-approved", "SENT").await;
    await_status(&owner, "verification-otp", "SENT").await;
    provider.assert_requests_valid();
    let received = provider.received();
    assert!(received.len() >= 2);
    assert!(received.iter().all(|request| request.key == format!("Bearer {KEY}")));
    assert!(received.iter().any(|request| sent["id"] == request.mail_id.as_str()));
    let database = Database::open_file(&app.database_file()).expect("the database");
    let rows = database
        .query("SELECT id, provider_message_id, sealed IS NULL FROM outbox", &[])
        .expect("rows");
    for row in rows {
        let id: String = row.get(0).expect("an id");
        assert_eq!(row.get::<String>(1), Ok(format!("x-{id}")), "its X-Message-Id is kept");
        assert_eq!(row.get::<bool>(2), Ok(true), "its secret is wiped");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_fails_is_tried_again_until_it_is_taken_and_then_never_again() {
    let provider = FakeSendGrid::start().await;
    let mut left = vec![
        Reply::AcceptThenReset,
        Reply::Busy { seconds: 3 },
        Reply::Status(500),
        Reply::Reset,
    ];
    provider.answer(move |_| left.pop().unwrap_or(Reply::Accept));
    let app = app_with(&provider).await;
    let owner = owner(&app).await;
    let body = json!({ "email": "ana@example.org" });
    applicant(&app, "ana@example.org", None).await;
    app.client().post("/auth/resend-otp", &body).await.expect(202);
    let sent = await_status(&owner, "verification-otp", "SENT").await;
    assert_eq!(sent["lastError"], Value::Null);
    let received = provider.received();
    let first: Vec<_> = received
        .iter()
        .filter(|request| request.mail_id == received[0].mail_id)
        .collect();
    let pauses: Vec<u128> = first.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    assert!(
        pauses[0] >= 1_000 && pauses[1] >= 2_000 && pauses[2] >= 4_000,
        "{pauses:?}"
    );
    let count = received.len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(
        provider.received().len() <= count + 1,
        "nothing that was taken is sent again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_t_succeed_is_given_up_at_once_and_an_admin_may_try_again() {
    let provider = FakeSendGrid::start().await;
    provider.answer(|_| Reply::Status(400));
    let app = app_with(&provider).await;
    let owner = owner(&app).await;
    let client = app
        .admin_create("ana@example.org", "STUDENT", None)
        .sign_in(&app.client())
        .await;
    let id = client.get("/auth/me").await.expect(200).json()["user"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    owner
        .post(&format!("/admin/users/{id}/suspend"), &json!({ "reason": "Noise" }))
        .await
        .expect(200);
    let failed = await_status(&owner, "account-suspended", "FAILED").await;
    assert_eq!((failed["attempts"].as_i64(), provider.received().len()), (Some(1), 1));
    assert!(
        failed["lastError"].as_str().is_some_and(|error| error.contains("400")),
        "{failed}"
    );
    provider.answer(|_| Reply::Accept);
    let path = format!("/admin/mail/{}/retry", failed["id"].as_str().expect("an id"));
    assert_eq!(owner.post_empty(&path).await.expect(200).json()["status"], "PENDING");
    await_status(&owner, "account-suspended", "SENT").await;
    owner.post_empty(&path).await.expect_problem(422, "INVALID_TRANSITION");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_development_mailbox_is_only_there_in_development() {
    let provider = FakeSendGrid::start().await;
    let app = app_with(&provider).await;
    app.client().get("/dev/mailbox").await.expect_problem(404, "NOT_FOUND");
}
