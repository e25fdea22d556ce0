//! Two official Socket.IO clients behind a proxy that spoils WebSockets: as many messages as with the reference server, and
//! not many more requests.

use std::time::Duration;

use nexus_tests::{ReferenceServer, SocketIo, Spoil, SpoilingProxy};
use serde_json::json;
use tokio::time::Instant;

use crate::Scene;

const PAUSE: Duration = Duration::from_secs(2);
/// For what is under way at the end.
const GRACE: Duration = Duration::from_secs(2);

#[derive(Debug)]
struct Figures {
    sent: usize,
    /// By both together.
    received: usize,
    requests: u64,
}

/// Two clients that speak in turn, for so long.
async fn measure(server: &str, spoil: Spoil, tokens: [&str; 2], chat: &str, time: Duration) -> Figures {
    let proxy = SpoilingProxy::before(server, spoil).await;
    let mut one = SocketIo::connect(proxy.url(), tokens[0], json!({})).await;
    let mut other = SocketIo::connect(proxy.url(), tokens[1], json!({})).await;
    one.next("CONNECTED").await;
    other.next("CONNECTED").await;
    let (mut sent, mut received) = (0, 0);
    let end = Instant::now() + time;
    while Instant::now() < end {
        let message = json!({"chatId": chat, "content": "Hello", "tempId": format!("{spoil:?}-{sent}")});
        let speaker = if sent % 2 == 0 { &mut one } else { &mut other };
        speaker.send("NEW_MESSAGE", message).await;
        sent += 1;
        received += both(&mut one, &mut other, PAUSE).await;
    }
    received += both(&mut one, &mut other, GRACE).await;
    Figures {
        sent,
        received,
        requests: proxy.requests(),
    }
}

async fn both(one: &mut SocketIo, other: &mut SocketIo, time: Duration) -> usize {
    let until = Instant::now() + time;
    let (one, other) = tokio::join!(
        one.count_until("NEW_MESSAGE", until),
        other.count_until("NEW_MESSAGE", until)
    );
    one + other
}

async fn as_good_as_the_reference(spoil: Spoil, time: Duration) {
    let scene = Scene::new().await;
    let reference = ReferenceServer::start().await;
    let tokens = [scene.anna.token(), scene.ben.token()];
    let (ours, theirs) = tokio::join!(
        measure(scene.app.url(), spoil, tokens, &scene.chat, time),
        measure(reference.url(), spoil, tokens, &scene.chat, time)
    );
    println!("{spoil:?}: ours {ours:?}, the reference server's {theirs:?}");
    assert_eq!(ours.received, 2 * ours.sent, "{spoil:?}: {ours:?}");
    assert!(ours.received >= theirs.received, "{spoil:?}: {ours:?} {theirs:?}");
    assert!(ours.requests <= 3 * theirs.requests, "{spoil:?}: {ours:?} {theirs:?}");
}

const SHORT: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_whose_websockets_lead_nowhere_lose_nothing_by_polling() {
    as_good_as_the_reference(Spoil::BlackHole, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_whose_websockets_are_reset_lose_nothing_by_polling() {
    as_good_as_the_reference(Spoil::Reset, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_whose_websockets_are_cut_after_the_probe_lose_nothing_by_polling() {
    as_good_as_the_reference(Spoil::CutAfterProbe, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes nine minutes"]
async fn clients_behind_every_kind_of_proxy_lose_nothing_in_a_minute() {
    as_good_as_the_reference(Spoil::Nothing, Duration::from_secs(60)).await;
    for spoil in Spoil::ALL {
        as_good_as_the_reference(spoil, Duration::from_secs(60)).await;
    }
}

/// It has no other way in: it tries again, less and less often, and comes in once it may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_typescript_client_does_not_run_against_a_proxy_that_spoils_websockets() {
    let scene = Scene::new().await;
    let proxy = SpoilingProxy::before(scene.app.url(), Spoil::BadGateway).await;
    let mut client = SocketIo::ours(proxy.url(), scene.anna.token()).await;
    let until = Instant::now() + Duration::from_secs(6);
    assert_eq!(client.count_until("CONNECTED", until).await, 0);
    // It is driven with pauses of 20 to 200 ms instead of 250 ms to 15 s.
    assert!(proxy.requests() < 80, "{}", proxy.requests());
    let open = SpoilingProxy::before(scene.app.url(), Spoil::Nothing).await;
    let mut client = SocketIo::ours(open.url(), scene.anna.token()).await;
    client.next("CONNECTED").await;
}
