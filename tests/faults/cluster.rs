//! Two nodes on one libSQL server that is paused, killed, and loaded.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nexus_domain::ids::MailId;
use nexus_tests::{Answer, Client, FakeSendGrid, LibsqlServer, Reply, TestApp};
use reqwest::Method;
use serde_json::json;

use crate::approvals::behind_a_proxy;
use crate::drain::processor_seconds;
use crate::outbox::{now, random, sending_to};

const TIMEOUT: Duration = Duration::from_secs(90);

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let patience = Instant::now() + TIMEOUT;
    while !done().await {
        assert!(Instant::now() < patience, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes so many mails, each to an address of its own.
async fn enqueue(server: &LibsqlServer, mails: std::ops::Range<u64>) {
    let (at, mut seed) = (now(), now().as_millis() as u64);
    let rows: Vec<String> = mails
        .map(|n| {
            let mut bytes = [0; 10];
            bytes[..8].copy_from_slice(&random(&mut seed).to_be_bytes());
            let (id, to) = (MailId::generate(at, bytes), format!("u{n}@example.org"));
            let (due, end) = (at.as_millis(), at.plus_seconds(3_600).as_millis());
            format!(
                "('{id}', '{to}', '{to}', 'Ana', 'account-suspended', '{{\"reason\":\"{n}\"}}', {due}, {due}, {end})"
            )
        })
        .collect();
    let sql = format!(
        "INSERT INTO outbox (id, recipient, recipient_key, recipient_name, template, params, created_at, next_attempt_at, \
         expires_at) VALUES {}",
        rows.join(", ")
    );
    server.query(&sql).await;
}

/// In each round mails are on their way when the server stops for a while: paused, or killed and started again.
async fn mails_go_out_once(rounds: u64) {
    const EACH: u64 = 20;
    let mut server = LibsqlServer::start();
    let provider = FakeSendGrid::start().await;
    provider.answer(|_| Reply::AcceptSlowly { millis: 300 });
    let one = sending_to(provider.url()).stores(server.stores()).start().await;
    let two = sending_to(provider.url()).stores(server.stores()).start().await;
    for round in 0..rounds {
        enqueue(&server, round * EACH..(round + 1) * EACH).await;
        let before = usize::try_from(round * EACH).expect("a number");
        until("mails are on their way", async || provider.received().len() > before).await;
        // Before the first answer, between answer and commit, or afterwards.
        tokio::time::sleep(Duration::from_millis(round % 5 * 100)).await;
        let away = Duration::from_secs(1 + round % 3);
        if round % 2 == 0 {
            server.pause();
            tokio::time::sleep(away).await;
            server.resume();
        } else {
            server.kill_9();
            tokio::time::sleep(away).await;
            server.run();
        }
        let all = i64::try_from((round + 1) * EACH).expect("a number");
        until("all are sent", async || {
            server.count("SELECT count(*) FROM outbox WHERE status = 'SENT'").await == all
        })
        .await;
    }
    let taken = provider.taken();
    let twice = taken.values().filter(|times| **times > 1).count();
    println!(
        "{rounds} rounds: {} mails taken, {twice} of them more than once",
        taken.len()
    );
    assert_eq!((taken.len() as u64, twice), (rounds * EACH, 0));
    drop((one, two));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_out_once_while_the_libsql_server_is_paused_and_killed() {
    mails_go_out_once(4).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn forty_pauses_and_kills_of_the_libsql_server_send_no_mail_twice() {
    mails_go_out_once(40).await;
}

/// Clients that write and read without a pause.
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<Vec<Answer>>>,
}

static ADDRESS: AtomicU32 = AtomicU32::new(0);

/// A request that writes: two counters and a transaction. From an address of its own, which may only ask so often.
fn write(client: &Client) -> reqwest::RequestBuilder {
    let n = ADDRESS.fetch_add(1, Ordering::Relaxed);
    client
        .request(Method::POST, "/auth/forgot-password")
        .header("x-forwarded-for", Ipv4Addr::from_bits(0x0a00_0000 | n).to_string())
        .json(&json!({ "email": format!("u{n}@example.org") }))
}

impl Load {
    fn begin(nodes: &[&Client], clients_each: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = nodes
            .iter()
            .flat_map(|node| (0..clients_each).map(move |n| ((*node).clone(), n)))
            .map(|(client, n)| {
                let stop = Arc::clone(&stop);
                tokio::spawn(async move {
                    let mut answers = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        let request = match n % 4 {
                            0 => client.request(Method::GET, "/admin/users?limit=5"),
                            _ => write(&client),
                        };
                        answers.push(Answer::of(request).await);
                    }
                    answers
                })
            })
            .collect();
        Self { stop, clients }
    }

    async fn end(self) -> Vec<Answer> {
        self.stop.store(true, Ordering::Relaxed);
        let mut answers = Vec::new();
        for client in self.clients {
            answers.extend(client.await.expect("no panic"));
        }
        answers
    }
}

async fn two_nodes(server: &LibsqlServer) -> ([TestApp; 2], [Client; 2]) {
    let one = behind_a_proxy().stores(server.stores()).start().await;
    let account = tokio::task::block_in_place(|| one.admin_create("owner@example.org", "SUPER_ADMIN", None));
    let two = behind_a_proxy().stores(server.stores()).start().await;
    let clients = [
        account.sign_in(&one.client()).await,
        account.sign_in(&two.client()).await,
    ];
    ([one, two], clients)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_libsql_server_is_away_every_failure_is_503_and_passes() {
    let mut server = LibsqlServer::start();
    let (apps, clients) = two_nodes(&server).await;
    let load = Load::begin(&[&clients[0], &clients[1]], 8);
    for round in 0..2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if round == 0 {
            server.kill_9();
            tokio::time::sleep(Duration::from_secs(3)).await;
            server.run();
        } else {
            server.pause();
            tokio::time::sleep(Duration::from_secs(6)).await;
            server.resume();
        }
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut statuses = BTreeMap::<u16, usize>::new();
    for answer in load.end().await {
        *statuses.entry(answer.status).or_default() += 1;
        if answer.status >= 400 {
            let answer = answer.expect_problem(503, "UNAVAILABLE");
            assert!(answer.header("retry-after").is_some(), "{}", answer.text());
        }
    }
    println!("{statuses:?}");
    assert!(statuses.get(&503).is_some_and(|count| *count > 0), "{statuses:?}");
    for client in &clients {
        until("a node writes again", async || {
            Answer::of(write(client)).await.status == 202
        })
        .await;
        client.get("/admin/users?limit=5").await.expect(200);
    }
    drop(apps);
}

/// Loads the server from two nodes, and sees whether it writes afterwards and comes to rest.
async fn load_from_two(duration: Duration, clients_each: usize) {
    let server = LibsqlServer::start();
    let (apps, clients) = two_nodes(&server).await;
    let load = Load::begin(&[&clients[0], &clients[1]], clients_each);
    tokio::time::sleep(duration).await;
    let answers = tokio::time::timeout(Duration::from_secs(60), load.end()).await;
    let answers = answers.expect("every request is answered");
    let good = answers.iter().filter(|answer| answer.status < 400).count();
    println!("{} requests in {duration:?}, {good} of them good", answers.len());
    assert!(good * 10 > answers.len() * 9, "{good} of {}", answers.len());
    for client in &clients {
        let written = tokio::time::timeout(Duration::from_secs(20), Answer::of(write(client))).await;
        written.expect("an answer").expect(202);
    }
    drop(apps);
    let process = server.process_id().to_string();
    until("the server comes to rest", async || {
        let before = processor_seconds(&process);
        tokio::time::sleep(Duration::from_secs(2)).await;
        processor_seconds(&process) - before < 0.4
    })
    .await;
    server.count("SELECT count(*) FROM users").await;
    server.query("UPDATE users SET version = version + 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_write_without_a_pause_leave_the_libsql_server_well() {
    load_from_two(Duration::from_secs(8), 16).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn two_nodes_that_write_for_minutes_leave_the_libsql_server_well() {
    load_from_two(Duration::from_secs(180), 64).await;
}
