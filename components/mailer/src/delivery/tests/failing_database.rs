//! What a database that fails does to mails on their way: none is lost, and none is sent twice.

use std::sync::Arc;

use nexus_store::{Engine, Row, StoreError, Value};

use super::*;
use crate::unsettled;

/// When the database fails, counted from when it was told.
#[derive(Debug, Clone, Copy, Default)]
struct Fault {
    /// The first statement that fails; 0: none does.
    at: usize,
    /// And how many after it.
    length: usize,
    /// The first one is carried out, and only its answer is lost.
    carried_out: bool,
}

#[derive(Default)]
struct Plan {
    fault: Fault,
    seen: usize,
}

/// A database that fails by plan, as one behind a connection that breaks.
struct Failing {
    inner: Database,
    plan: Arc<Mutex<Plan>>,
}

impl Engine for Failing {
    fn run(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut plan = self.plan.lock().unwrap();
        plan.seen += 1;
        let Fault {
            at,
            length,
            carried_out,
        } = plan.fault;
        let fails = at > 0 && (at..at + length).contains(&plan.seen);
        let is_first = plan.seen == at;
        drop(plan);
        if !fails || (is_first && carried_out) {
            let answer = self.inner.query(sql, params);
            if !fails {
                return answer;
            }
        }
        // A connection that is gone takes its transaction with it.
        if sql != "COMMIT" || !(is_first && carried_out) {
            let _ = self.inner.execute("ROLLBACK", &[]);
        }
        Err(StoreError::from_message(
            "Hrana: `http error: `connection reset by peer``",
        ))
    }

    fn exclusively(&self, work: &mut dyn FnMut()) {
        work();
    }
}

struct Scene {
    app: App,
    plan: Arc<Mutex<Plan>>,
}

impl Scene {
    fn new() -> Self {
        let secret = "a secret of at least thirty-two bytes, for tests";
        let config = Config::from_pairs([
            ("jwt_access_secret", secret),
            ("internal_secret", secret),
            ("mail_seal_key", secret),
            ("mail_transport", "sendgrid"),
        ]);
        let plan = Arc::<Mutex<Plan>>::default();
        let failing = Failing {
            inner: Database::in_memory().unwrap(),
            plan: plan.clone(),
        };
        let database = Database::open(Box::new(failing), || 0).unwrap();
        Self {
            app: App::new(database, config).unwrap(),
            plan,
        }
    }

    fn fail(&self, fault: Fault) {
        *self.plan.lock().unwrap() = Plan { fault, seen: 0 };
    }

    fn mend(&self) -> usize {
        let mut plan = self.plan.lock().unwrap();
        std::mem::take(&mut *plan).seen
    }

    async fn drain(&self, transport: &Scripted) -> Result<Drained, ApiError> {
        run(&self.app, &Renderer::new(&self.app).unwrap(), Some(transport)).await
    }

    /// As if all leases had ended.
    fn end_leases(&self) {
        let sql = "UPDATE outbox SET lease_until = 0, next_attempt_at = 0 WHERE status IN ('PENDING', 'SENDING')";
        self.app.database().execute(sql, &[]).unwrap();
    }

    fn count(&self, status: &str) -> i64 {
        let sql = "SELECT count(*) FROM outbox WHERE status = ?1";
        self.app.database().query(sql, params![status]).unwrap()[0]
            .get(0)
            .unwrap()
    }
}

const MAILS: usize = 3;

/// One drain with the fault in it, and as many more as it takes.
async fn each_is_sent_once(fault: Fault) -> usize {
    let scene = Scene::new();
    for n in 0..MAILS {
        enqueue(&scene.app, &format!("u{n}@b.co"));
    }
    let transport = Scripted::default();
    scene.fail(fault);
    let _ = scene.drain(&transport).await;
    let statements = scene.mend();
    for _ in 0..3 {
        scene.end_leases();
        scene.drain(&transport).await.unwrap();
    }
    assert_eq!(scene.count("SENT"), i64::try_from(MAILS).unwrap(), "{fault:?}");
    let mut asked = transport.asked();
    asked.sort();
    let all = asked.len();
    asked.dedup();
    assert_eq!((asked.len(), all), (MAILS, MAILS), "{fault:?}");
    assert!(unsettled::is_empty());
    statements
}

#[tokio::test]
async fn whichever_statement_fails_no_mail_is_sent_twice() {
    let statements = each_is_sent_once(Fault::default()).await;
    assert!(statements > 8, "{statements}");
    for at in 1..=statements {
        for carried_out in [false, true] {
            for length in [1, 4, 40] {
                each_is_sent_once(Fault {
                    at,
                    length,
                    carried_out,
                })
                .await;
            }
        }
    }
}

#[tokio::test]
async fn what_was_sent_is_written_down_by_the_next_drain_of_the_instance() {
    let scene = Scene::new();
    let id = enqueue(&scene.app, "a@b.co");
    let transport = Scripted::default();
    // From the statement behind the lease on, for longer than a drain tries.
    let statements = {
        let other = Scene::new();
        other.fail(Fault::default());
        other.drain(&transport).await.unwrap();
        other.mend()
    };
    scene.fail(Fault {
        at: statements + 2,
        length: 1_000,
        carried_out: false,
    });
    assert!(scene.drain(&transport).await.is_err());
    scene.mend();
    assert!(!unsettled::is_empty());
    scene.drain(&transport).await.unwrap();
    assert_eq!(row(&scene.app, id), ("SENT".into(), 1, None));
    assert_eq!(transport.asked().len(), 1);
}

#[tokio::test]
async fn another_instance_learns_from_the_key_value_store_what_was_sent() {
    let scene = Scene::new();
    let id = enqueue(&scene.app, "a@b.co");
    let transport = Scripted::default();
    let mut at = 1;
    // Until the fault hits what comes after the send.
    while unsettled::is_empty() {
        at += 1;
        scene.fail(Fault {
            at,
            length: 1_000,
            carried_out: false,
        });
        let _ = scene.drain(&transport).await;
        scene.mend();
        if unsettled::is_empty() {
            scene.end_leases();
        }
    }
    assert_eq!(transport.asked().len(), 1);
    // The instance is gone, and the lease has ended.
    let (settled, _) = unsettled::all();
    unsettled::drop_all();
    scene.end_leases();
    scene.drain(&transport).await.unwrap();
    let (status, _, error) = row(&scene.app, id);
    assert_eq!((status.as_str(), error), ("SENT", None));
    assert_eq!(transport.asked().len(), 1, "it was not sent again");
    assert_eq!(settled.len(), 1);
}

#[tokio::test]
async fn mails_in_flight_are_awaited_when_the_database_fails() {
    /// Answers the second mail only when the first one's answer can't be written down.
    struct Late {
        plan: Arc<Mutex<Plan>>,
        asked: Mutex<Vec<String>>,
    }
    impl Transport for Late {
        async fn send(&self, mail: Outgoing) -> Outcome {
            self.asked.lock().unwrap().push(mail.id);
            if mail.recipient == "late@b.co" {
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
            } else {
                *self.plan.lock().unwrap() = Plan {
                    fault: Fault {
                        at: 1,
                        length: 3,
                        carried_out: false,
                    },
                    seen: 0,
                };
            }
            Outcome::Accepted { message_id: None }
        }
        async fn check(&self) -> Readiness {
            Readiness::Ready
        }
    }
    let scene = Scene::new();
    let (soon, late) = (enqueue(&scene.app, "soon@b.co"), enqueue(&scene.app, "late@b.co"));
    let transport = Late {
        plan: scene.plan.clone(),
        asked: Mutex::default(),
    };
    let drained = run(&scene.app, &Renderer::new(&scene.app).unwrap(), Some(&transport))
        .await
        .unwrap();
    assert_eq!(drained.sent, 2);
    for id in [soon, late] {
        assert_eq!(row(&scene.app, id), ("SENT".into(), 1, None));
    }
    assert_eq!(transport.asked.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_lease_that_came_too_late_is_given_back_unsent() {
    let app = app();
    let id = enqueue(&app, "a@b.co");
    let_time_pass(&app);
    let turn = Turn {
        // The lock was there four seconds ago; the commit took that long.
        clock: || clock::now().plus_seconds(-4),
        token: "t",
        room: 1,
    };
    let leased = outbox_delivery::settle_and_lease(app.database(), &[], &[], &turn).unwrap();
    let transport = Scripted::default();
    let renderer = Renderer::new(&app).unwrap();
    for leased in leased {
        unsettled::add(deliver(&renderer, Some(&transport), leased).await);
    }
    assert!(transport.asked().is_empty());
    run_once(&app, &transport).await;
    run_once(&app, &transport).await;
    assert_eq!(row(&app, id), ("SENT".into(), 2, None));
    assert_eq!(transport.asked().len(), 1);
}
