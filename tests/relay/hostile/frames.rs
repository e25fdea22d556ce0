//! Frames that nobody should send, on both protocols, signed in or not.

use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::{Attack, Chance};

pub fn start(attack: &Arc<Attack>, attackers: &mut JoinSet<()>, round: u64) {
    for number in 0..3 {
        let seed = round * 100 + number;
        attackers.spawn(plain(Arc::clone(attack), Chance(seed), number > 0));
        attackers.spawn(socket_io(Arc::clone(attack), Chance(seed + 50), number > 0));
    }
    attackers.spawn(polling(Arc::clone(attack), Chance(round)));
}

/// The beginnings of what is sent: right, nearly right, and far from it.
fn seeds(attack: &Attack) -> Vec<String> {
    let chat = &attack.chat;
    let deep = "[".repeat(3_000);
    let mut seeds: Vec<String> = [
        json!({"event": "NEW_MESSAGE", "data": {"chatId": chat, "content": "x", "tempId": "t"}, "id": 1}),
        json!({"event": "NEW_MESSAGE", "data": {"chatId": chat, "content": "\u{0}\u{202e}😀", "attachments": ["x"]}}),
        json!({"event": "NEW_MESSAGE", "data": {"chatId": 5, "content": [], "messageType": {}}}),
        json!({"event": "TYPING_START", "data": {"chatId": chat}}),
        json!({"event": "MESSAGE_READ", "data": {"chatId": chat, "seq": i64::MAX}}),
        json!({"event": "MESSAGE_READ", "data": {"chatId": chat, "seq": -1}, "id": i64::MIN}),
        json!({"event": "REAUTH", "data": {"token": "a.b.c"}}),
        json!({"event": "AUTH", "data": {"token": attack.token, "lastSeq": {chat.as_str(): 1e300}}}),
        json!({"event": "HEALTH_CHECK"}),
        json!({"event": "__proto__", "data": null}),
        json!(["NEW_MESSAGE", {"chatId": chat, "content": "y"}]),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    seeds.extend([
        String::new(),
        "\u{feff}{}".to_owned(),
        "0".repeat(2_000),
        "-".to_owned(),
        format!("{{\"event\":\"NEW_MESSAGE\",\"data\":{deep}"),
        "{\"event\":\"X\",\"event\":\"Y\"}".to_owned(),
    ]);
    seeds
}

/// A seed, as it is or damaged.
fn mutate(chance: &mut Chance, seed: &str) -> String {
    let mut bytes = seed.as_bytes().to_vec();
    for _ in 0..chance.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = chance.below(bytes.len());
        match chance.below(5) {
            0 => bytes[at] = u8::try_from(chance.below(256)).unwrap(),
            1 => {
                bytes.remove(at);
            }
            2 => bytes.truncate(at),
            3 => {
                let copy = bytes[at..].to_vec();
                bytes.extend(copy.into_iter().take(4_000));
            }
            _ => bytes.insert(at, b"\"\\{}[],:0-eE\x00"[chance.below(13)]),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn any(chance: &mut Chance, seeds: &[String]) -> String {
    let seed = &seeds[chance.below(seeds.len())];
    mutate(chance, seed)
}

async fn plain(attack: Arc<Attack>, mut chance: Chance, signed_in: bool) {
    let seeds = seeds(&attack);
    while attack.goes_on() {
        let url = format!("{}/ws", attack.url.replacen("http", "ws", 1));
        let Ok((socket, answer)) = connect_async(url).await else {
            continue;
        };
        attack.answered(answer.status().as_u16());
        let (mut out, mut inward) = socket.split();
        let reading = tokio::spawn(async move { while let Some(Ok(_)) = inward.next().await {} });
        if signed_in {
            let auth = json!({"event": "AUTH", "data": {"token": attack.token}});
            let _ = out.send(Message::text(auth.to_string())).await;
        }
        for _ in 0..200 {
            let text = any(&mut chance, &seeds);
            let message = match chance.below(20) {
                0 => Message::Binary(Bytes::from(text)),
                1 => Message::Ping(Bytes::from(text.into_bytes().into_iter().take(125).collect::<Vec<_>>())),
                _ => Message::text(text),
            };
            if !attack.goes_on() || out.send(message).await.is_err() {
                break;
            }
            attack.count(&attack.done.frames);
        }
        drop(out);
        reading.abort();
    }
}

async fn socket_io(attack: Arc<Attack>, mut chance: Chance, signed_in: bool) {
    let seeds: Vec<String> = seeds(&attack)
        .into_iter()
        .map(|seed| format!("42[\"NEW_MESSAGE\",{seed}]"))
        .collect();
    let strange = [
        "",
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "40",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "4",
        "40/x,",
        "42/x,[]",
        "451-[\"X\",{\"_placeholder\":true,\"num\":0}]",
        "42999999999999999999[]",
        "43[]",
        "4\u{1f600}",
        "2probe",
    ];
    while attack.goes_on() {
        let url = format!(
            "{}/socket.io/?EIO=4&transport=websocket",
            attack.url.replacen("http", "ws", 1)
        );
        let Ok((socket, answer)) = connect_async(url).await else {
            continue;
        };
        attack.answered(answer.status().as_u16());
        let (mut out, mut inward) = socket.split();
        let reading = tokio::spawn(async move { while let Some(Ok(_)) = inward.next().await {} });
        if signed_in {
            let auth = json!({"token": attack.token});
            let _ = out.send(Message::text(format!("40{auth}"))).await;
        }
        for _ in 0..200 {
            let text = match chance.below(4) {
                0 => strange[chance.below(strange.len())].to_owned(),
                _ => any(&mut chance, &seeds),
            };
            let message = match chance.below(20) {
                0 => Message::Binary(Bytes::from(text)),
                _ => Message::text(text),
            };
            if !attack.goes_on() || out.send(message).await.is_err() {
                break;
            }
            attack.count(&attack.done.frames);
        }
        drop(out);
        reading.abort();
    }
}

/// The polling transport: sessions, payloads and queries of all kinds.
async fn polling(attack: Arc<Attack>, mut chance: Chance) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let seeds = seeds(&attack);
    let base = format!("{}/socket.io/", attack.url);
    while attack.goes_on() {
        let Ok(opened) = client.get(format!("{base}?EIO=4&transport=polling")).send().await else {
            continue;
        };
        attack.answered(opened.status().as_u16());
        let text = opened.text().await.unwrap_or_default();
        let sid = text
            .split("\"sid\":\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap_or("x")
            .to_owned();
        for _ in 0..20 {
            let query = match chance.below(8) {
                0 => "EIO=3&transport=polling".to_owned(),
                1 => "EIO=4&transport=nonsense".to_owned(),
                2 => mutate(&mut chance, "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA").replace(['#', ' '], "+"),
                _ => format!("EIO=4&transport=polling&sid={sid}"),
            };
            let body: Vec<String> = (0..chance.below(4))
                .map(|_| format!("4{}", any(&mut chance, &seeds)))
                .collect();
            let request = match chance.below(6) {
                0 => client.put(format!("{base}?{query}")),
                1 => client.post(format!("{base}?{query}")).body(vec![b'4'; 200_000]),
                _ => client.post(format!("{base}?{query}")).body(body.join("\u{1e}")),
            };
            let answered = tokio::time::timeout(std::time::Duration::from_secs(5), request.send()).await;
            if let Ok(Ok(answer)) = answered {
                attack.answered(answer.status().as_u16());
            }
            attack.count(&attack.done.frames);
            if !attack.goes_on() {
                return;
            }
        }
    }
}
