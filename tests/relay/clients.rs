//! Unmodified clients, on every way in.

use nexus_tests::{PlainSocket, SocketIo};
use serde_json::json;

use crate::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn socket_io_clients_by_websocket_and_by_polling_and_a_plain_one_share_a_room() {
    let scene = Scene::with(&[("CONNECTIONS_PER_USER", "2")]).await;
    let url = scene.app.url();
    let mut by_websocket = SocketIo::connect(url, scene.anna.token(), json!({"transports": ["websocket"]})).await;
    let mut by_polling = SocketIo::connect(url, scene.ben.token(), json!({"transports": ["polling"]})).await;
    let device = scene.another_device_of_ben().await;
    let mut plain = PlainSocket::connect(url, device.token()).await;
    assert_eq!(by_websocket.next("CONNECTED").await["userId"], json!(scene.anna_id));
    assert_eq!(by_polling.next("CONNECTED").await["userId"], json!(scene.ben_id));
    plain.next("CONNECTED").await;

    let body = json!({"chatId": scene.chat, "content": "Hello", "tempId": "one"});
    by_polling.send_with_ack("NEW_MESSAGE", body.clone()).await;
    let heard = by_websocket.next("NEW_MESSAGE").await;
    assert_eq!(
        (&heard["content"], &heard["seq"], &heard["senderId"]),
        (&json!("Hello"), &json!(1), &json!(scene.ben_id))
    );
    assert_eq!(plain.next("NEW_MESSAGE").await, heard);
    let sent = by_polling.next("MESSAGE_SENT").await;
    assert_eq!(sent["messageId"], heard["id"]);
    assert_eq!(by_polling.next("ack").await, sent);

    by_polling.send("NEW_MESSAGE", body).await;
    assert_eq!(by_polling.next("MESSAGE_DUPLICATE").await["messageId"], heard["id"]);
    by_websocket.send("TYPING_START", json!({"chatId": scene.chat})).await;
    assert_eq!(plain.next("USER_TYPING").await["userId"], json!(scene.anna_id));
    by_websocket.send("HEALTH_CHECK", json!(null)).await;
    assert_eq!(by_websocket.next("HEALTH_RESPONSE").await["connectedUsers"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_upgrades_from_polling_goes_on_without_a_break() {
    let scene = Scene::new().await;
    let mut client = SocketIo::connect(scene.app.url(), scene.anna.token(), json!({})).await;
    client.next("CONNECTED").await;
    for number in 1..=30 {
        client
            .send(
                "NEW_MESSAGE",
                json!({"chatId": scene.chat, "content": format!("{number}")}),
            )
            .await;
        assert_eq!(client.next("NEW_MESSAGE").await["seq"], number);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_token_is_told_by_an_event_and_the_connection_closed() {
    let scene = Scene::new().await;
    for transports in [json!(["websocket"]), json!(["polling"])] {
        let mut client = SocketIo::connect(scene.app.url(), "nonsense", json!({"transports": transports})).await;
        assert_eq!(client.next("ERROR").await["code"], "INVALID_TOKEN");
        assert_eq!(client.next("disconnect").await["reason"], "io server disconnect");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_connection_of_the_same_person_supersedes_the_first() {
    let scene = Scene::new().await;
    let mut first = SocketIo::connect(
        scene.app.url(),
        scene.anna.token(),
        json!({"transports": ["websocket"]}),
    )
    .await;
    first.next("CONNECTED").await;
    let mut second = SocketIo::connect(scene.app.url(), scene.anna.token(), json!({"transports": ["polling"]})).await;
    second.next("CONNECTED").await;
    assert_eq!(first.next("FORCE_DISCONNECT").await["code"], "DUPLICATE");
    assert_eq!(first.next("disconnect").await["reason"], "io server disconnect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_socketio_works_by_websocket_by_polling_and_by_upgrading() {
    let scene = Scene::new().await;
    let url = scene.app.url();
    let mut ben = PlainSocket::connect(url, scene.ben.token()).await;
    ben.next("CONNECTED").await;
    let all = [
        json!(["websocket"]),
        json!(["polling"]),
        json!(["polling", "websocket"]),
    ];
    for (number, transports) in (1..).zip(all) {
        let mut anna = SocketIo::python(url, scene.anna.token(), json!({"transports": transports})).await;
        assert_eq!(anna.next("CONNECTED").await["userId"], json!(scene.anna_id));
        let temp_id = format!("python-{number}");
        let body = json!({"chatId": scene.chat, "content": "Hello", "tempId": temp_id});
        anna.send_with_ack("NEW_MESSAGE", body).await;
        let heard = ben.next("NEW_MESSAGE").await;
        assert_eq!((&heard["seq"], &heard["tempId"]), (&json!(number), &json!(temp_id)));
        assert_eq!(anna.next("NEW_MESSAGE").await["id"], heard["id"]);
        assert_eq!(anna.next("ack").await["messageId"], heard["id"]);
        ben.send("TYPING_START", json!({"chatId": scene.chat})).await;
        assert_eq!(anna.next("USER_TYPING").await["userId"], json!(scene.ben_id));
        ben.send("TYPING_STOP", json!({"chatId": scene.chat})).await;
        anna.next("USER_STOPPED_TYPING").await;
    }
    let mut stranger = SocketIo::python(url, "nonsense", json!({"transports": ["websocket"]})).await;
    assert_eq!(stranger.next("ERROR").await["code"], "INVALID_TOKEN");
    stranger.next("disconnect").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_typescript_client_loses_nothing_when_it_is_cut_off_or_the_server_dies() {
    let mut scene = Scene::new().await;
    let url = scene.app.url().to_owned();
    let mut anna = SocketIo::ours(&url, scene.anna.token()).await;
    let mut ben = SocketIo::ours(&url, scene.ben.token()).await;
    anna.next("CONNECTED").await;
    ben.next("CONNECTED").await;
    let message =
        |number: i64| json!({"chatId": scene.chat, "content": format!("{number}"), "tempId": format!("t{number}")});
    anna.send("NEW_MESSAGE", message(1)).await;
    assert_eq!(anna.next("ack").await["seq"], 1);
    assert_eq!(ben.next("NEW_MESSAGE").await["seq"], 1);
    ben.drop_connection().await;
    ben.next("disconnected").await;
    anna.send("NEW_MESSAGE", message(2)).await;
    assert_eq!(anna.next("ack").await["seq"], 2);
    assert_eq!(ben.next("NEW_MESSAGE").await["seq"], 2);
    let (third, fourth) = (message(3), message(4));
    anna.send("NEW_MESSAGE", third).await;
    scene.app.kill_9();
    anna.send("NEW_MESSAGE", fourth).await;
    scene.app.restart().await;
    let mut seqs = [
        anna.next("ack").await["seq"].clone(),
        anna.next("ack").await["seq"].clone(),
    ];
    seqs.sort_by_key(serde_json::Value::as_i64);
    assert_eq!(seqs, [json!(3), json!(4)]);
    assert_eq!(ben.next("NEW_MESSAGE").await["seq"], 3);
    assert_eq!(ben.next("NEW_MESSAGE").await["seq"], 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_typescript_client_follows_a_chat_that_it_learns_of_and_forgets_one_that_it_left() {
    let scene = Scene::new().await;
    let mut ben = SocketIo::ours(scene.app.url(), scene.ben.token()).await;
    ben.next("CONNECTED").await;
    let body = json!({"type": "GROUP", "name": "New", "memberIds": [scene.ben_id]});
    let chat = scene.anna.post("/chats", &body).await.expect(201).json();
    let path = format!("/chats/{}", chat["id"].as_str().unwrap());
    assert_eq!(ben.next("CHAT_CREATED").await["id"], chat["id"]);
    ben.drop_connection().await;
    ben.next("disconnected").await;
    let said = json!({"content": "while it was away"});
    scene.anna.post(&format!("{path}/messages"), &said).await.expect(201);
    assert_eq!(ben.next("NEW_MESSAGE").await["chatId"], chat["id"]);

    let member = format!("{path}/members/{}", scene.ben_id);
    scene.anna.delete(&member).await.expect(204);
    assert_eq!(ben.next("MEMBER_REMOVED").await["chatId"], chat["id"]);
    scene.anna.post(&format!("{path}/messages"), &said).await.expect(201);
    let again = json!({"userIds": [scene.ben_id]});
    scene.anna.post(&format!("{path}/members"), &again).await.expect(200);
    assert_eq!(ben.next("CHAT_CREATED").await["lastSeq"], 2);
    scene.anna.post(&format!("{path}/messages"), &said).await.expect(201);
    assert_eq!(ben.next("NEW_MESSAGE").await["seq"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_typescript_client_sends_later_what_is_too_much_at_once() {
    let scene = Scene::with(&[("MESSAGE_RATE", "3/1s")]).await;
    let mut anna = SocketIo::ours(scene.app.url(), scene.anna.token()).await;
    anna.next("CONNECTED").await;
    for number in 1..=7 {
        let message = json!({"chatId": scene.chat, "content": "x", "tempId": format!("t{number}")});
        anna.send("NEW_MESSAGE", message).await;
    }
    let mut seqs = Vec::new();
    for _ in 1..=7 {
        seqs.push(anna.next("ack").await["seq"].as_i64().unwrap());
    }
    assert_eq!(seqs, (1..=7).collect::<Vec<_>>());
    let refused = anna.next("ERROR").await;
    assert_eq!(refused["code"], "RATE_LIMIT_EXCEEDED");
    assert!(
        refused["retryAfterMs"].as_i64().is_some_and(|wait| wait > 0),
        "{refused}"
    );
}
