use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Mutex;

use nexus_domain::Timestamp;
use nexus_domain::ids::MailId;
use nexus_kit::Config;
use nexus_store::mail::outbox::{self, NewMail};
use nexus_store::{Database, params};
use serde_json::json;

use super::*;
use crate::transport::Readiness;

fn app() -> App {
    let secret = "a secret of at least thirty-two bytes, for tests";
    let config = Config::from_pairs([
        ("jwt_access_secret", secret),
        ("internal_secret", secret),
        ("mail_seal_key", secret),
        ("mail_transport", "sendgrid"),
    ]);
    App::new(Database::in_memory().unwrap(), config).unwrap()
}

fn enqueue(app: &App, recipient: &str) -> MailId {
    enqueue_until(app, recipient, clock::now().plus_seconds(86_400))
}

fn enqueue_until(app: &App, recipient: &str, expires_at: Timestamp) -> MailId {
    let id = clock::new_id(MailId::generate);
    let mail = NewMail {
        id,
        company: None,
        user: None,
        recipient,
        recipient_name: "Ana",
        template: "account-suspended",
        locale: "en",
        params: json!({ "reason": "r" }),
        sealed: None,
        now: clock::now(),
        expires_at,
    };
    app.database().transaction(|tx| outbox::enqueue(tx, &mail)).unwrap();
    id
}

fn row(app: &App, id: MailId) -> (String, u32, Option<String>) {
    let sql = "SELECT status, attempts, last_error FROM outbox WHERE id = ?1";
    let row = app.database().query_opt(sql, params![id]).unwrap().unwrap();
    (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap())
}

/// Makes everything due at once, as if the pauses had passed.
fn let_time_pass(app: &App) {
    app.database()
        .execute("UPDATE outbox SET next_attempt_at = 0 WHERE status = 'PENDING'", &[])
        .unwrap();
    app.database()
        .execute(
            "UPDATE mail_breaker SET next_probe_at = 0 WHERE opened_at IS NOT NULL",
            &[],
        )
        .unwrap();
}

/// Answers by recipient, in order, then always accepts; remembers what it was asked.
#[derive(Default)]
struct Scripted {
    answers: Mutex<HashMap<String, Vec<Outcome>>>,
    asked: Mutex<Vec<String>>,
}

impl Scripted {
    fn answering(recipient: &str, answers: Vec<Outcome>) -> Self {
        let scripted = Self::default();
        scripted.answers.lock().unwrap().insert(recipient.to_owned(), answers);
        scripted
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Transport for Scripted {
    async fn send(&self, mail: Outgoing) -> Outcome {
        self.asked.lock().unwrap().push(mail.id);
        let mut answers = self.answers.lock().unwrap();
        match answers.get_mut(&mail.recipient) {
            Some(left) if !left.is_empty() => left.remove(0),
            _ => Outcome::Accepted {
                message_id: Some("p1".into()),
            },
        }
    }

    async fn check(&self) -> Readiness {
        Readiness::Ready
    }
}

fn busy(seconds: u32) -> Outcome {
    Outcome::Failed {
        reason: "429".into(),
        retry_after_seconds: Some(seconds),
        fault: false,
    }
}

fn fault() -> Outcome {
    Outcome::Failed {
        reason: "500".into(),
        retry_after_seconds: None,
        fault: true,
    }
}

async fn run_once(app: &App, transport: &Scripted) -> Drained {
    run(app, &Renderer::new(app).unwrap(), Some(transport)).await.unwrap()
}

#[tokio::test]
async fn an_accepted_mail_is_sent_once_and_never_again() {
    let app = app();
    let id = enqueue(&app, "a@b.co");
    let transport = Scripted::default();
    run_once(&app, &transport).await;
    run_once(&app, &transport).await;
    assert_eq!(row(&app, id), ("SENT".into(), 1, None));
    assert_eq!(transport.asked().len(), 1);
}

#[tokio::test]
async fn a_mail_told_to_wait_waits() {
    let app = app();
    let id = enqueue(&app, "a@b.co");
    let transport = Scripted::answering("a@b.co", vec![busy(600)]);
    run_once(&app, &transport).await;
    run_once(&app, &transport).await;
    assert_eq!(transport.asked().len(), 1);
    let sql = "SELECT next_attempt_at FROM outbox WHERE id = ?1";
    let next: Timestamp = app.database().query(sql, params![id]).unwrap()[0].get(0).unwrap();
    assert!(next >= clock::now().plus_seconds(590));
    let_time_pass(&app);
    run_once(&app, &transport).await;
    assert_eq!(row(&app, id).0, "SENT");
}

#[tokio::test]
async fn a_refused_mail_is_given_up_at_once_and_holds_up_nobody() {
    let app = app();
    let bad = enqueue(&app, "bad@b.co");
    let good = enqueue(&app, "good@b.co");
    let transport = Scripted::answering("bad@b.co", vec![Outcome::Refused { reason: "400".into() }]);
    run_once(&app, &transport).await;
    assert_eq!(row(&app, bad), ("FAILED".into(), 1, Some("400".into())));
    assert_eq!(row(&app, good).0, "SENT");
}

#[tokio::test]
async fn mails_to_one_address_leave_in_the_order_in_which_they_were_written() {
    let app = app();
    let mails: Vec<MailId> = (0..6).map(|_| enqueue(&app, "a@b.co")).collect();
    let transport = Scripted::answering("a@b.co", vec![fault(), busy(1)]);
    for _ in 0..4 {
        run_once(&app, &transport).await;
        let_time_pass(&app);
    }
    let mut asked = transport.asked();
    asked.dedup();
    assert_eq!(asked, mails.iter().map(ToString::to_string).collect::<Vec<_>>());
}

#[tokio::test]
async fn ten_faults_in_a_row_open_the_breaker_and_a_probe_closes_it() {
    let app = app();
    let transport = Scripted::default();
    for n in 0..CONCURRENCY + 12 {
        let to = format!("u{n}@b.co");
        transport
            .answers
            .lock()
            .unwrap()
            .insert(to.clone(), if n < CONCURRENCY { vec![fault()] } else { vec![] });
        enqueue(&app, &to);
    }
    run_once(&app, &transport).await;
    let first = transport.asked().len();
    assert!(
        first < CONCURRENCY as usize + 12,
        "the open breaker kept the rest back: {first}"
    );
    run_once(&app, &transport).await;
    assert_eq!(transport.asked().len(), first, "open");
    let_time_pass(&app);
    for _ in 0..3 {
        run_once(&app, &transport).await;
        let_time_pass(&app);
    }
    let left = app
        .database()
        .query("SELECT count(*) FROM outbox WHERE status <> 'SENT'", &[])
        .unwrap()[0]
        .get::<i64>(0)
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_expired_mail_is_given_up_unsent_and_its_secret_wiped() {
    let app = app();
    let id = enqueue_until(&app, "a@b.co", clock::now().plus_seconds(-1));
    app.database().execute("UPDATE outbox SET sealed = x'00'", &[]).unwrap();
    let transport = Scripted::default();
    run_once(&app, &transport).await;
    assert_eq!(row(&app, id).0, "FAILED");
    assert!(transport.asked().is_empty());
    let sealed = app.database().query("SELECT sealed IS NULL FROM outbox", &[]).unwrap()[0]
        .get::<bool>(0)
        .unwrap();
    assert!(sealed);
}

#[tokio::test]
async fn a_suppressed_address_gets_nothing() {
    let app = app();
    let id = enqueue(&app, "A@b.co");
    app.database()
        .execute("INSERT INTO mail_suppressions VALUES ('a@b.co', 'bounce', 0)", &[])
        .unwrap();
    let transport = Scripted::default();
    run_once(&app, &transport).await;
    assert_eq!(row(&app, id).0, "SUPPRESSED");
    assert!(transport.asked().is_empty());
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_and_one_that_runs_is_not() {
    let app = app();
    let id = enqueue(&app, "a@b.co");
    let sql = "UPDATE outbox SET status = 'SENDING', lease_token = 'gone', lease_until = ?1";
    app.database()
        .execute(sql, params![clock::now().plus_seconds(10)])
        .unwrap();
    let transport = Scripted::default();
    run_once(&app, &transport).await;
    assert!(transport.asked().is_empty());
    app.database()
        .execute(sql, params![clock::now().plus_seconds(-1)])
        .unwrap();
    run_once(&app, &transport).await;
    assert_eq!(row(&app, id).0, "SENT");
}

#[tokio::test]
async fn without_a_transport_mails_lie_in_the_mailbox() {
    let app = app();
    enqueue(&app, "a@b.co");
    run(&app, &Renderer::new(&app).unwrap(), None::<&Scripted>)
        .await
        .unwrap();
    let items = outbox_delivery::mailbox(app.database(), 10).unwrap();
    assert_eq!((items.len(), items[0].to.as_str()), (1, "a@b.co"));
    assert!(items[0].rendered.text.contains("Ana"));
}

#[tokio::test]
async fn no_more_than_the_bound_are_in_flight_at_once() {
    struct Counting {
        now: RefCell<u32>,
        most: RefCell<u32>,
    }
    impl Transport for Counting {
        async fn send(&self, _: Outgoing) -> Outcome {
            *self.now.borrow_mut() += 1;
            let now = *self.now.borrow();
            self.most.replace_with(|most| now.max(*most));
            tokio::task::yield_now().await;
            *self.now.borrow_mut() -= 1;
            Outcome::Accepted { message_id: None }
        }
        async fn check(&self) -> Readiness {
            Readiness::Ready
        }
    }
    let app = app();
    for n in 0..200 {
        enqueue(&app, &format!("u{n}@b.co"));
    }
    let transport = Counting {
        now: RefCell::new(0),
        most: RefCell::new(0),
    };
    let drained = run(&app, &Renderer::new(&app).unwrap(), Some(&transport))
        .await
        .unwrap();
    assert_eq!(drained.sent, 200);
    let most = *transport.most.borrow();
    assert!(most > 1 && most <= CONCURRENCY, "{most}");
}

mod failing_database;
