//! What hashing costs, and what it costs others. Long forms, for figures and not for a verdict:
//! `cargo test --release -p nexus-tests --test api -- --ignored --nocapture auth::hashing`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nexus_domain::password::Password;
use nexus_domain::password_hash::Hashing;
use nexus_domain::settings::PasswordHash;
use nexus_tests::{Account, Client, TestApp};

use super::{credentials, resident};

/// Which list it is makes no difference here; this one is there without any data.
const LIST: &str = "/chats";

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

fn quantile(times: &mut [f64], of_1000: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    times[(times.len() - 1) * of_1000 / 1_000]
}

async fn sign_in_time(client: &Client, account: &Account) -> f64 {
    let started = Instant::now();
    client
        .post("/auth/login", &credentials(&account.email, &account.password))
        .await
        .expect(200);
    milliseconds(started)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn a_hash_in_the_guest_beside_a_native_one() {
    let app = TestApp::builder().env("BCRYPT_COST", "12").start().await;
    let quick_app = TestApp::start().await;
    let (account, quick_account) = (
        resident(&app, "ana@example.org"),
        resident(&quick_app, "ana@example.org"),
    );
    let (client, quick_client) = (app.client(), quick_app.client());
    let hashing = Hashing::new(PasswordHash::Bcrypt, 12);
    let (mut native, mut guest, mut rest) = (Vec::new(), Vec::new(), Vec::new());
    sign_in_time(&client, &account).await;
    sign_in_time(&quick_client, &quick_account).await;
    for _ in 0..9 {
        let started = Instant::now();
        hashing
            .hash(&Password::typed(&account.password), [7; 16])
            .expect("a hash");
        native.push(milliseconds(started));
        guest.push(sign_in_time(&client, &account).await);
        // A sign-in but for its hash: cost 4 is a 256th of the work.
        rest.push(sign_in_time(&quick_client, &quick_account).await);
    }
    let [native_median, guest_median, rest_median] =
        [&mut native, &mut guest, &mut rest].map(|times| quantile(times, 500));
    println!("native {native:.1?} ms\nsign-in at cost 12 {guest:.1?} ms\nsign-in at cost 4 {rest:.1?} ms");
    println!(
        "guest hash / native hash: {:.3}",
        (guest_median - rest_median) / native_median
    );
}

/// Signs in again and again, `clients` at once; gives how many came through.
async fn flood(client: &Client, account: &Account, clients: usize, stop: Arc<AtomicBool>) -> (usize, usize) {
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let (client, account, stop, counts) =
                (client.clone(), account.clone(), Arc::clone(&stop), Arc::clone(&counts));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = client
                        .post("/auth/login", &credentials(&account.email, &account.password))
                        .await;
                    let count = if answer.status == 200 { &counts.0 } else { &counts.1 };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("it ends");
    }
    (counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed))
}

/// p50 and p99 of a read, four clients at once, for so many seconds.
async fn read_times(client: &Client, path: &'static str, seconds: u64) -> (f64, f64, usize) {
    let until = Instant::now() + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while Instant::now() < until {
                    let started = Instant::now();
                    client.get(path).await.expect(200);
                    times.push(milliseconds(started));
                    // A steady load, so that both runs are asked the same.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                times
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.expect("it ends"));
    }
    (quantile(&mut times, 500), quantile(&mut times, 990), times.len())
}

/// The short form, for a machine that does other things too: no verdict on milliseconds, but readers must not queue behind
/// hashes. Without admission as many hashes as sign-ins would share the cores, and a read would wait its turn among them.
#[tokio::test(flavor = "multi_thread")]
async fn readers_do_not_queue_behind_a_flood_of_sign_ins() {
    let app = TestApp::builder().env("BCRYPT_COST", "11").start().await;
    let account = resident(&app, "ana@example.org");
    let reader = app
        .sign_in(&app.admin_create("bo@example.org", "SUPER_ADMIN", None))
        .await;
    let hash = sign_in_time(&app.client(), &account).await;
    let (_, alone, _) = read_times(&reader, LIST, 2).await;
    let ((signed_in, refused), (p50, p99, reads)) =
        during(&app.client(), &account, 6, read_times(&reader, LIST, 4)).await;
    println!(
        "reads alone p99 {alone:.1} ms; under a flood p50 {p50:.1} p99 {p99:.1} ms ({reads}); {signed_in} signed in, {refused} refused; a sign-in alone {hash:.1} ms"
    );
    assert!(signed_in > 0, "there was a flood");
    assert!(p50 < hash, "half of the reads waited for longer than a hash takes");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn sign_ins_per_second_and_what_readers_notice_of_them() {
    let app = TestApp::builder().env("BCRYPT_COST", "12").start().await;
    let account = resident(&app, "ana@example.org");
    let other = app.admin_create("bo@example.org", "SUPER_ADMIN", None);
    measure_flood("embedded", &app.client(), &account, &other).await;
    // Two processes on the same cores, and every request through both.
    let relay = app.relay().await;
    measure_flood("behind nexus relay", &relay.client(), &account, &other).await;
}

async fn measure_flood(way: &str, client: &Client, account: &Account, other: &Account) {
    let reader = other.sign_in(client).await;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let hashing = Hashing::new(PasswordHash::Bcrypt, 12);
    let mut hash_times = Vec::new();
    for _ in 0..5 {
        let started = Instant::now();
        hashing.hash(&Password::typed("x"), [7; 16]).expect("a hash");
        hash_times.push(milliseconds(started));
    }
    let hash_seconds = quantile(&mut hash_times, 500) / 1_000.0;
    for round in 0..5 {
        // Without readers: what they use of the cores isn't there for hashes.
        let began = Instant::now();
        let (signed_in, refused) = during(client, account, cores, tokio::time::sleep(Duration::from_secs(10)))
            .await
            .0;
        #[allow(clippy::cast_precision_loss)]
        let (per_second, possible) = (
            signed_in as f64 / began.elapsed().as_secs_f64(),
            cores as f64 / hash_seconds,
        );
        println!(
            "{way}, round {round}: {per_second:.2} sign-ins/s ({refused} refused) of {possible:.2} that {cores} cores / {hash_seconds:.3} s allow: {:.0} %",
            100.0 * per_second / possible
        );
        let (p50, p99, reads) = read_times(&reader, LIST, 10).await;
        let (_, (flood_p50, flood_p99, flood_reads)) =
            during(client, account, cores, read_times(&reader, LIST, 10)).await;
        println!(
            "{way}, round {round}: reads alone p50 {p50:.1} p99 {p99:.1} ms ({reads}), under the flood p50 {flood_p50:.1} p99 {flood_p99:.1} ms ({flood_reads}), ratio of p99 {:.2}",
            flood_p99 / p99
        );
    }
}

/// Does something while twice as many clients sign in as there are cores; gives how many came through, and the rest.
async fn during<T>(
    client: &Client,
    account: &Account,
    cores: usize,
    something: impl Future<Output = T>,
) -> ((usize, usize), T) {
    let stop = Arc::new(AtomicBool::new(false));
    let flooding = {
        let (client, account, stop) = (client.clone(), account.clone(), Arc::clone(&stop));
        tokio::spawn(async move { flood(&client, &account, 2 * cores, stop).await })
    };
    let done = something.await;
    stop.store(true, Ordering::Relaxed);
    (flooding.await.expect("it ends"), done)
}
