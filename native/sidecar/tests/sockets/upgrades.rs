//! Upgrades from polling to WebSocket that fail, in the middle or never begun: polling goes on as if there had been none.

use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::*;

/// A session by polling.
#[derive(Clone)]
struct Polling {
    client: HttpClient<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    sid: String,
}

impl Polling {
    async fn enter(house: &House, person: &Person) -> Self {
        let mut polling = Self {
            client: HttpClient::builder(TokioExecutor::new()).build_http(),
            address: house.address,
            sid: String::new(),
        };
        let (_, opened) = polling.ask("GET", "").await;
        let opened: Value = serde_json::from_str(&opened[1..]).unwrap();
        polling.sid = opened["sid"].as_str().unwrap().to_owned();
        polling.post(&format!("40{}", json!({"token": person.token}))).await;
        // The first ping comes at once; the next after longer than any of these tests takes.
        let (mut is_connected, mut is_pinged) = (false, false);
        while !(is_connected && is_pinged) {
            for packet in polling.poll().await.split('\u{1e}') {
                is_connected |= packet.contains("CONNECTED");
                is_pinged |= packet == "2";
            }
        }
        polling.post("3").await;
        polling
    }

    async fn ask(&self, method: &str, body: &str) -> (u16, String) {
        let sid = match self.sid.as_str() {
            "" => String::new(),
            sid => format!("&sid={sid}"),
        };
        let uri = format!("http://{}/socket.io/?EIO=4&transport=polling{sid}", self.address);
        let request = Request::builder().method(method).uri(uri);
        let answer = self.client.request(request.body(Full::from(body.to_owned())).unwrap());
        let answer = answer.await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn poll(&self) -> String {
        let (status, packets) = self.ask("GET", "").await;
        assert_eq!(status, 200, "{packets}");
        packets
    }

    async fn post(&self, packets: &str) {
        assert_eq!(self.ask("POST", packets).await, (200, "ok".to_owned()));
    }

    /// The WebSocket of an upgrade; frames are Engine.IO packets.
    async fn websocket(&self) -> Client {
        let path = format!("/socket.io/?EIO=4&transport=websocket&sid={}", self.sid);
        Client::open(self.address, &path, Kind::Plain).await
    }

    /// Whether a poll waits until somebody says something, and then brings just that.
    async fn works(&self, say: impl Future<Output = ()>) {
        let polling = self.clone();
        let poll = tokio::spawn(async move { polling.poll().await });
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert!(!poll.is_finished(), "a poll was answered at once: {:?}", poll.await);
        say.await;
        let heard = poll.await.unwrap();
        assert!(heard.starts_with("42[\"NEW_MESSAGE\""), "{heard}");
    }
}

/// A message as by REST.
async fn say(house: &House, chat: ChatId, sender: &Person, text: &str) {
    let placed = house.store(chat, sender, text);
    house.hub.deliver(vec![RelayEvent::MessageStored { placed }]).await;
}

struct Scene {
    house: House,
    ben: Person,
    chat: ChatId,
    polling: Polling,
}

async fn scene() -> Scene {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let polling = Polling::enter(&house, &anna).await;
    Scene {
        house,
        ben,
        chat,
        polling,
    }
}

impl Scene {
    async fn works(&self) {
        self.polling
            .works(say(&self.house, self.chat, &self.ben, "Hello"))
            .await;
    }

    async fn upgraded(&self) -> Client {
        let mut socket = self.polling.websocket().await;
        socket.raw("2probe").await;
        assert_eq!(socket.frame().await.as_deref(), Some("3probe"));
        socket.raw("5").await;
        socket
    }
}

#[tokio::test]
async fn polling_goes_on_whatever_ends_an_upgrade() {
    let scene = scene().await;
    let endings: [(&str, Vec<Message>); 8] = [
        ("cut before the probe", vec![]),
        ("closed before the probe", vec![Message::Close(None)]),
        ("cut after the probe", vec![Message::text("2probe")]),
        (
            "closed after the probe",
            vec![Message::text("2probe"), Message::Close(None)],
        ),
        ("another packet first", vec![Message::text("4hello")]),
        (
            "another packet after the probe",
            vec![Message::text("2probe"), Message::text("4hello")],
        ),
        ("no packet at all", vec![Message::text("nonsense")]),
        ("bytes", vec![Message::binary(vec![1, 2, 3])]),
    ];
    for (ending, frames) in endings {
        let mut socket = scene.polling.websocket().await;
        for frame in frames {
            let is_probe = frame == Message::text("2probe");
            socket.socket.send(frame).await.unwrap();
            if is_probe {
                assert_eq!(socket.frame().await.as_deref(), Some("3probe"));
            }
        }
        if ending.starts_with("cut") {
            drop(socket);
        } else {
            socket.closed().await;
        }
        println!("{ending}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.works().await;
    }
    let mut socket = scene.upgraded().await;
    say(&scene.house, scene.chat, &scene.ben, "by the WebSocket").await;
    assert!(socket.frame().await.unwrap().starts_with("42[\"NEW_MESSAGE\""));
}

#[tokio::test]
async fn an_upgrade_that_stays_silent_is_given_up_after_ten_seconds_and_disturbs_nobody_meanwhile() {
    let scene = scene().await;
    let started = Instant::now();
    let mut silent = scene.polling.websocket().await;
    for _ in 0..3 {
        scene.works().await;
    }
    silent.closed().await;
    let took = started.elapsed();
    assert!(
        took > Duration::from_secs(9) && took < Duration::from_secs(14),
        "{took:?}"
    );
    scene.works().await;
    scene.upgraded().await;
}

#[tokio::test]
async fn a_poll_that_waits_is_released_once_the_upgrade_was_probed_and_messages_go_by_polling_until_it_is_done() {
    let scene = scene().await;
    let waiting = scene.polling.clone();
    let poll = tokio::spawn(async move { waiting.poll().await });
    let mut socket = scene.polling.websocket().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!poll.is_finished());
    socket.raw("2probe").await;
    assert_eq!(socket.frame().await.as_deref(), Some("3probe"));
    assert_eq!(poll.await.unwrap(), "6");
    say(&scene.house, scene.chat, &scene.ben, "by polling").await;
    assert!(scene.polling.poll().await.contains("by polling"));
    say(&scene.house, scene.chat, &scene.ben, "by the WebSocket").await;
    socket.raw("5").await;
    assert!(socket.frame().await.unwrap().contains("by the WebSocket"));
    assert_eq!(scene.polling.ask("GET", "").await.0, 400);
}

#[tokio::test]
async fn of_two_upgrades_at_once_the_first_goes_on_and_an_upgraded_session_takes_no_other() {
    let scene = scene().await;
    let mut first = scene.polling.websocket().await;
    first.raw("2probe").await;
    assert_eq!(first.frame().await.as_deref(), Some("3probe"));
    let mut second = scene.polling.websocket().await;
    second.closed().await;
    first.raw("5").await;
    let mut third = scene.polling.websocket().await;
    third.closed().await;
    say(&scene.house, scene.chat, &scene.ben, "still here").await;
    assert!(first.frame().await.unwrap().contains("still here"));
}

#[tokio::test]
async fn what_did_not_fit_into_the_last_poll_comes_first_by_the_websocket() {
    let scene = scene().await;
    // 16 KiB each: some four of them fit into a poll.
    for number in 0..9 {
        let text = format!("{number}{}", "🌊".repeat(3_999));
        say(&scene.house, scene.chat, &scene.ben, &text).await;
    }
    let polled = scene.polling.poll().await;
    let mut seqs: Vec<i64> = polled.split('\u{1e}').map(seq).collect();
    assert!(seqs.len() < 9, "{seqs:?}");
    let mut socket = scene.upgraded().await;
    while seqs.len() < 9 {
        seqs.push(seq(&socket.frame().await.unwrap()));
    }
    assert_eq!(seqs, (1..=9).collect::<Vec<_>>());
}

fn seq(packet: &str) -> i64 {
    let event: Value = serde_json::from_str(packet.strip_prefix("42").unwrap()).unwrap();
    event[1]["seq"].as_i64().unwrap()
}
