use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt;
use nexus_domain::settings::Settings;

use super::*;
use crate::backend::{Backend, BackendError, Body, empty, full};
use crate::signature::Signer;

/// Components that check the signature and count the calls.
struct Counting {
    signer: Signer,
    calls: Arc<AtomicUsize>,
    at_once: Arc<AtomicUsize>,
}

impl Backend for Counting {
    fn call(&self, request: Request<Body>, _: SocketAddr) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        let (signer, calls, at_once) = (self.signer.clone(), Arc::clone(&self.calls), Arc::clone(&self.at_once));
        async move {
            assert_eq!(at_once.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(BackendError::Unreachable)?.to_bytes();
            assert!(signer.verifies(&head.headers, "POST", head.uri.path(), &body));
            calls.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            at_once.fetch_sub(1, Ordering::SeqCst);
            Ok(Response::new(empty()))
        }
        .boxed()
    }
}

static SLOW: [Job; 1] = [Job {
    name: "mail",
    path: "/internal/mail/deliver",
    period: Duration::from_secs(3600),
    side_by_side: 1,
}];

fn settings() -> Settings {
    Settings::read(|name| {
        let is_secret = [
            "JWT_ACCESS_SECRET",
            "JWT_REFRESH_SECRET",
            "INTERNAL_SECRET",
            "MAIL_SEAL_KEY",
        ]
        .contains(&name);
        is_secret.then(|| "Cq3Zt7Kp1Xw9Rb5Nd2Lm8Vc4Gh6Jf0Yu".to_owned())
    })
    .expect("secrets are enough")
}

#[tokio::test(start_paused = true)]
async fn a_nudge_runs_a_job_at_once_and_never_twice_at_a_time() {
    let signer = Signer::read(&settings()).expect("a secret");
    let calls = Arc::new(AtomicUsize::new(0));
    let backend = Counting {
        signer: signer.clone(),
        calls: Arc::clone(&calls),
        at_once: Arc::default(),
    };
    let nudges = Nudges::new(&SLOW);
    let (stop, stopped) = watch::channel(false);
    let client = InternalClient::new(Arc::new(backend), signer);
    let scheduler = tokio::spawn(run(&SLOW, client, nudges.clone(), stopped));

    nudges.send("unknown, mail");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    nudges.send("mail");
    nudges.send("mail");
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);

    stop.send(true).expect("it listens");
    scheduler.await.expect("it stops without a panic");
}

#[test]
fn pauses_grow_with_failures_up_to_a_bound() {
    let second = Duration::from_secs(1);
    assert!(pause_after(second, 0) <= Duration::from_millis(1_100));
    assert!(pause_after(second, 3) >= Duration::from_secs(8));
    assert!(pause_after(second, 60) <= Duration::from_secs(33));
    let hour = Duration::from_secs(3600);
    assert!(pause_after(hour, 5) >= hour && pause_after(hour, 5) <= hour.mul_f64(1.1));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_due_seldom_runs_soon_after_the_start() {
    let signer = Signer::read(&settings()).expect("a secret");
    let calls = Arc::new(AtomicUsize::new(0));
    let backend = Counting {
        signer: signer.clone(),
        calls: Arc::clone(&calls),
        at_once: Arc::default(),
    };
    let (stop, stopped) = watch::channel(false);
    let client = InternalClient::new(Arc::new(backend), signer);
    let scheduler = tokio::spawn(run(&SLOW, client, Nudges::new(&SLOW), stopped));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    tokio::time::sleep(Duration::from_secs(4_200)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    stop.send(true).expect("it listens");
    scheduler.await.expect("it stops without a panic");
}

/// Answers that work is left for a number of times, and remembers how many calls there were at once.
struct Leaving {
    left: AtomicUsize,
    calls: AtomicUsize,
    at_once: AtomicUsize,
    most: AtomicUsize,
}

struct Shared(Arc<Leaving>);

impl Backend for Shared {
    fn call(&self, _: Request<Body>, _: SocketAddr) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        let me = Arc::clone(&self.0);
        async move {
            me.calls.fetch_add(1, Ordering::SeqCst);
            let now = me.at_once.fetch_add(1, Ordering::SeqCst) + 1;
            me.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            me.at_once.fetch_sub(1, Ordering::SeqCst);
            let take = |left: usize| left.checked_sub(1);
            let more = me.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
            Ok(Response::new(full(format!(r#"{{"sent":1,"more":{more}}}"#))))
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn what_leaves_work_is_asked_again_at_once_and_side_by_side_where_that_is_meant() {
    static TWO: [Job; 1] = [Job {
        name: "mail",
        path: "/internal/mail/deliver",
        period: Duration::from_secs(1),
        side_by_side: 2,
    }];
    let leaving = Arc::new(Leaving {
        left: AtomicUsize::new(20),
        calls: AtomicUsize::new(0),
        at_once: AtomicUsize::new(0),
        most: AtomicUsize::new(0),
    });
    let (stop, stopped) = watch::channel(false);
    let signer = Signer::read(&settings()).expect("a secret");
    let client = InternalClient::new(Arc::new(Shared(Arc::clone(&leaving))), signer);
    let scheduler = tokio::spawn(run(&TWO, client, Nudges::new(&TWO), stopped));
    // Twenty that leave something and two that don't, in two lanes of a tenth of a second each.
    tokio::time::sleep(Duration::from_millis(2_250)).await;
    assert_eq!(leaving.most.load(Ordering::SeqCst), 2);
    assert!(leaving.calls.load(Ordering::SeqCst) >= 20, "{:?}", leaving.calls);
    stop.send(true).expect("it listens");
    scheduler.await.expect("it stops without a panic");
}
