//! What is done by REST is heard on sockets.

use nexus_tests::{PlainSocket, TestApp};
use serde_json::json;

use crate::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sending_editing_deleting_and_reading_by_rest_are_events() {
    let scene = Scene::new().await;
    let mut ben = PlainSocket::connect(scene.app.url(), scene.ben.token()).await;
    ben.next("CONNECTED").await;
    let path = format!("/chats/{}/messages", scene.chat);
    let sent = scene
        .anna
        .post(&path, &json!({"content": "one"}))
        .await
        .expect(201)
        .json();
    let heard = ben.next("NEW_MESSAGE").await;
    assert_eq!((&heard["id"], &heard["seq"]), (&sent["id"], &json!(1)));
    let one = format!("{path}/{}", sent["id"].as_str().unwrap());
    scene.anna.patch(&one, &json!({"content": "two"})).await.expect(200);
    assert_eq!(ben.next("MESSAGE_UPDATED").await["content"], "two");
    scene
        .anna
        .post(&format!("/chats/{}/read", scene.chat), &json!({"seq": 1}))
        .await
        .expect(204);
    assert_eq!(
        ben.next("MESSAGE_READ").await,
        json!({"chatId": scene.chat, "userId": scene.anna_id, "seq": 1})
    );
    scene.anna.delete(&one).await.expect(204);
    assert_eq!(ben.next("MESSAGE_DELETED").await["content"], "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_chat_is_joined_at_once_and_a_left_one_is_silent() {
    let scene = Scene::new().await;
    let mut anna = PlainSocket::connect(scene.app.url(), scene.anna.token()).await;
    let mut ben = PlainSocket::connect(scene.app.url(), scene.ben.token()).await;
    anna.next("CONNECTED").await;
    ben.next("CONNECTED").await;
    let body = json!({"type": "GROUP", "name": "New", "memberIds": [scene.ben_id]});
    let chat = scene.anna.post("/chats", &body).await.expect(201).json();
    assert_eq!(ben.next("CHAT_CREATED").await["id"], chat["id"]);
    anna.send("NEW_MESSAGE", json!({"chatId": chat["id"], "content": "first"}))
        .await;
    assert_eq!(ben.next("NEW_MESSAGE").await["seq"], 1);
    assert_eq!(anna.next("NEW_MESSAGE").await["seq"], 1);
    let member = format!("/chats/{}/members/{}", chat["id"].as_str().unwrap(), scene.ben_id);
    scene.anna.delete(&member).await.expect(204);
    assert_eq!(
        ben.next("MEMBER_REMOVED").await,
        json!({"chatId": chat["id"], "userId": scene.ben_id})
    );
    ben.send("NEW_MESSAGE", json!({"chatId": chat["id"], "content": "still here?"}))
        .await;
    assert_eq!(ben.next("ERROR").await["code"], "NOT_A_MEMBER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_the_socket_within_five_seconds() {
    let scene = Scene::new().await;
    let mut ben = PlainSocket::connect(scene.app.url(), scene.ben.token()).await;
    ben.next("CONNECTED").await;
    scene.ben.post_empty("/auth/logout-all").await.expect(204);
    let started = std::time::Instant::now();
    assert_eq!(ben.next("FORCE_DISCONNECT").await["code"], "REVOKED");
    assert!(started.elapsed().as_secs() < 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_by_rest_follows_the_sockets() {
    let scene = Scene::new().await;
    let path = format!("/presence?userIds={}", scene.ben_id);
    let online = || async { scene.anna.get(&path).await.expect(200).json()["items"][0]["online"] == true };
    assert!(!online().await);
    let mut ben = PlainSocket::connect(scene.app.url(), scene.ben.token()).await;
    ben.next("CONNECTED").await;
    for _ in 0..100 {
        if online().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("ben is connected and not online");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_component_notes_for_somebody_is_heard_once_and_can_be_read_again() {
    let scene = Scene::new().await;
    let mut anna = PlainSocket::connect(scene.app.url(), scene.anna.token()).await;
    anna.next("CONNECTED").await;
    let apartments = scene.anna.get("/apartments?limit=1").await.expect(200).json();
    let body = json!({
        "apartmentId": apartments["items"][0]["id"], "title": "The lamp", "description": "It flickers.", "priority": "LOW"
    });
    let made = scene.anna.post("/maintenance-requests", &body).await.expect(201).json();
    let path = format!("/maintenance-requests/{}", made["id"].as_str().unwrap());
    for status in ["IN_PROGRESS", "RESOLVED"] {
        scene.ben.patch(&path, &json!({"status": status})).await.expect(200);
        let heard = anna.next("NOTIFICATION").await;
        assert_eq!(
            (&heard["kind"], &heard["title"]),
            (&json!("MAINTENANCE_UPDATE"), &json!("The lamp"))
        );
        let kept = scene.anna.get("/notifications?limit=1").await.expect(200).json();
        assert_eq!(
            (&kept["items"][0]["id"], &kept["items"][0]["body"]),
            (&heard["id"], &heard["body"])
        );
        scene
            .anna
            .post("/notifications/read", &json!({"ids": [heard["id"]]}))
            .await
            .expect(204);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_does_not_start_with_a_redis_url_that_cannot_be_one() {
    let app = TestApp::start().await;
    let output = app
        .command(&["relay", "--listen", "127.0.0.1:0", "--upstream", app.url()])
        .env("INTERNAL_SECRET", "9b1f3c5d7e9a0b2c4d6e8f1a3b5c7d9e-other")
        .env("REDIS_URL", "redis://:a-password@127.0.0.1:1/not-a-number")
        .output()
        .expect("nexus runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("REDIS_URL") && !said.contains("a-password"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_the_components_don_t_know_does_not_start() {
    let app = TestApp::start().await;
    let output = app
        .command(&["relay", "--listen", "127.0.0.1:0", "--upstream", app.url()])
        .env("INTERNAL_SECRET", "9b1f3c5d7e9a0b2c4d6e8f1a3b5c7d9e-other")
        .output()
        .expect("nexus runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("INTERNAL_SECRET"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_moved_by_rest_is_heard_by_ones_own_connections_too() {
    let scene = Scene::new().await;
    let mut anna = PlainSocket::connect(scene.app.url(), scene.anna.token()).await;
    let mut ben = PlainSocket::connect(scene.app.url(), scene.ben.token()).await;
    anna.next("CONNECTED").await;
    ben.next("CONNECTED").await;
    let path = format!("/chats/{}", scene.chat);
    let messages = format!("{path}/messages");
    scene.anna.post(&messages, &json!({"content": "one"})).await.expect(201);
    scene
        .ben
        .post(&format!("{path}/read"), &json!({"seq": 1}))
        .await
        .expect(204);
    let marked = json!({"chatId": scene.chat, "userId": scene.ben_id, "seq": 1});
    assert_eq!(ben.next("MESSAGE_READ").await, marked);
    assert_eq!(anna.next("MESSAGE_READ").await, marked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_group_is_told_to_each_member_as_they_see_it() {
    let scene = Scene::new().await;
    let mut anna = PlainSocket::connect(scene.app.url(), scene.anna.token()).await;
    let mut ben = PlainSocket::connect(scene.app.url(), scene.ben.token()).await;
    anna.next("CONNECTED").await;
    ben.next("CONNECTED").await;
    let path = format!("/chats/{}", scene.chat);
    let messages = format!("{path}/messages");
    scene.anna.post(&messages, &json!({"content": "one"})).await.expect(201);
    scene.anna.patch(&path, &json!({"name": "Renamed"})).await.expect(200);
    for (socket, unread) in [(&mut anna, 0), (&mut ben, 1)] {
        let told = socket.next("CHAT_UPDATED").await;
        assert_eq!(
            (&told["name"], &told["unreadCount"]),
            (&json!("Renamed"), &json!(unread))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_by_rest_and_by_sockets_have_one_limit() {
    let scene = Scene::with(&[("MESSAGE_RATE", "4/30s")]).await;
    let path = format!("/chats/{}/messages", scene.chat);
    let mut anna = PlainSocket::connect(scene.app.url(), scene.anna.token()).await;
    anna.next("CONNECTED").await;
    let mut last = String::new();
    for number in 0..4 {
        let content = format!("{number}");
        if number % 2 == 0 {
            let sent = scene.anna.post(&path, &json!({"content": content})).await.expect(201);
            last = sent.json()["id"].as_str().unwrap().to_owned();
        } else {
            anna.send("NEW_MESSAGE", json!({"chatId": scene.chat, "content": content}))
                .await;
            anna.next("MESSAGE_SENT").await;
        }
    }
    let refused = scene.anna.post(&path, &json!({"content": "too much"})).await;
    let refused = refused.expect_problem(429, "RATE_LIMIT_EXCEEDED");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    anna.send("NEW_MESSAGE", json!({"chatId": scene.chat, "content": "too much"}))
        .await;
    assert_eq!(anna.next("ERROR").await["code"], "RATE_LIMIT_EXCEEDED");
    // Others have limits of their own, and changing a message is no message.
    scene.ben.post(&path, &json!({"content": "mine"})).await.expect(201);
    let last = format!("{path}/{last}");
    scene
        .anna
        .patch(&last, &json!({"content": "changed"}))
        .await
        .expect(200);
    scene.anna.delete(&last).await.expect(204);
}
