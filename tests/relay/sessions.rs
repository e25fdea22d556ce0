//! How long a connection may stay: its session, its token, its server.

use std::time::{Duration, Instant};

use futures::future::join_all;
use nexus_tests::PlainSocket;
use serde_json::json;

use crate::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_goes_on_with_a_fresh_token_of_its_own_and_with_no_other() {
    let scene = Scene::new().await;
    let mut anna = PlainSocket::connect(scene.app.url(), scene.anna.token()).await;
    anna.next("CONNECTED").await;
    anna.send("REAUTH", json!({"token": scene.ben.token()})).await;
    assert_eq!(anna.next("ERROR").await["code"], "UNAUTHORIZED");
    anna.send("REAUTH", json!({"token": "nonsense"})).await;
    assert_eq!(anna.next("ERROR").await["code"], "INVALID_TOKEN");
    anna.send("REAUTH", json!({"token": scene.anna.token()})).await;
    assert!(anna.next("REAUTHENTICATED").await["expiresAt"].is_string());
    // Still herself.
    anna.send("NEW_MESSAGE", json!({"chatId": scene.chat, "content": "I"}))
        .await;
    assert_eq!(anna.next("NEW_MESSAGE").await["senderId"], json!(scene.anna_id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_person_is_out_within_five_seconds_on_a_relay_that_nobody_told() {
    let scene = Scene::new().await;
    // Without Redis the product can't tell it anything.
    let relay = scene.app.relay().await;
    let mut ben = PlainSocket::connect(relay.url(), scene.ben.token()).await;
    ben.next("CONNECTED").await;
    let path = format!("/admin/users/{}/suspend", scene.ben_id);
    let suspended = Instant::now();
    scene.anna.post(&path, &json!({"reason": "Noise"})).await.expect(200);
    let said = ben.until_closed().await;
    assert!(suspended.elapsed() < Duration::from_secs(5));
    let last = said.last().expect("a goodbye");
    assert_eq!(
        (&last["event"], &last["data"]["code"]),
        (&json!("FORCE_DISCONNECT"), &json!("REVOKED"))
    );
    let mut again = PlainSocket::connect(relay.url(), scene.ben.token()).await;
    assert_eq!(again.next("ERROR").await["code"], "INVALID_TOKEN");
    again.until_closed().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_says_goodbye_to_one_after_the_other_and_keeps_what_it_acknowledged() {
    const LISTENERS: usize = 20;
    let scene = Scene::with(&[("CONNECTIONS_PER_USER", "20")]).await;
    let url = scene.app.url().to_owned();
    let mut anna = PlainSocket::connect(&url, scene.anna.token()).await;
    anna.next("CONNECTED").await;
    let mut listeners = Vec::new();
    for _ in 0..LISTENERS {
        let device = scene.another_device_of_ben().await;
        let mut ben = PlainSocket::connect(&url, device.token()).await;
        ben.next("CONNECTED").await;
        listeners.push(ben);
    }
    for number in 0..50 {
        let body = json!({"chatId": scene.chat, "content": "x", "tempId": format!("t{number}")});
        anna.send("NEW_MESSAGE", body).await;
    }
    let first = anna.next("MESSAGE_SENT").await;

    let mut app = scene.app;
    let stopping = Instant::now();
    let stopped = tokio::task::spawn_blocking(move || (app.terminate(), app));
    let goodbyes = listeners.into_iter().map(|mut ben| async move {
        assert_eq!(ben.next("FORCE_DISCONNECT").await["code"], "SHUTDOWN");
        let said = stopping.elapsed();
        ben.until_closed().await;
        said
    });
    let (said, of_anna) = tokio::join!(join_all(goodbyes), anna.until_closed());
    let (code, mut app) = stopped.await.expect("no panic");
    assert_eq!(code, Some(0));
    let (soonest, latest) = (said.iter().min().unwrap(), said.iter().max().unwrap());
    assert!(
        *latest - *soonest > Duration::from_millis(500) && *latest < Duration::from_secs(6),
        "{said:?}"
    );

    app.restart().await;
    let mut acknowledged = vec![first];
    let sent = of_anna.into_iter().filter(|told| told["event"] == "MESSAGE_SENT");
    acknowledged.extend(sent.map(|mut told| told["data"].take()));
    let path = format!("/chats/{}/messages?after=0&limit=100", scene.chat);
    let stored = scene.anna.get(&path).await.expect(200).json();
    let stored = stored["items"].as_array().unwrap();
    for told in &acknowledged {
        let found = stored.iter().find(|message| message["tempId"] == told["tempId"]);
        let found = found.unwrap_or_else(|| panic!("lost: {told}"));
        assert_eq!((&found["id"], &found["seq"]), (&told["messageId"], &told["seq"]));
    }
    let mut back = PlainSocket::connect(&url, scene.anna.token()).await;
    let body = json!({"chatId": scene.chat, "content": "x", "tempId": acknowledged[0]["tempId"]});
    back.send("NEW_MESSAGE", body).await;
    assert_eq!(
        back.next("MESSAGE_DUPLICATE").await["messageId"],
        acknowledged[0]["messageId"]
    );
}
