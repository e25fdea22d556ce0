//! Who comes and goes in a chat, and who hears of it.

use nexus_tests::{PlainSocket, SocketIo};
use serde_json::{Value, json};

use crate::{Scene, id_of};

/// The demo's admin and manager, in the scene's chat, and a third of the company's staff, in no chat yet.
async fn three(scene: &Scene) -> (PlainSocket, PlainSocket, SocketIo, String) {
    let account = scene.app.admin_create("carol@demo.example", "MANAGER", Some("demo"));
    let carol = scene.app.sign_in(&account).await;
    let url = scene.app.url();
    let mut sockets = (
        PlainSocket::connect(url, scene.anna.token()).await,
        PlainSocket::connect(url, scene.ben.token()).await,
        SocketIo::connect(url, carol.token(), json!({"transports": ["websocket"]})).await,
        id_of(&carol).await,
    );
    sockets.0.next("CONNECTED").await;
    sockets.1.next("CONNECTED").await;
    assert_eq!(sockets.2.next("CONNECTED").await["chats"], json!([]));
    sockets
}

fn ids(members: &Value) -> Vec<&str> {
    let members = members.as_array().expect("members").iter();
    members
        .map(|member| member["userId"].as_str().expect("an id"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_are_added_and_those_who_are_there_hear_of_each_other_and_of_a_new_name() {
    let scene = Scene::new().await;
    let (mut anna, mut ben, mut carol, carol_id) = three(&scene).await;
    let chat = format!("/chats/{}", scene.chat);
    let said = json!({"chatId": scene.chat, "content": "before her time"});
    anna.send("NEW_MESSAGE", said).await;
    assert_eq!(ben.next("NEW_MESSAGE").await["seq"], 1);

    let members = format!("{chat}/members");
    let body = json!({"userIds": [carol_id]});
    scene.anna.post(&members, &body).await.expect(200);
    let added = json!({"chatId": scene.chat, "userId": carol_id});
    let made = carol.next("CHAT_CREATED").await;
    assert_eq!((&made["id"], &made["lastSeq"]), (&json!(scene.chat), &json!(1)));
    assert!(ids(&made["members"]).contains(&carol_id.as_str()));
    assert_eq!(carol.next("MEMBER_ADDED").await, added);
    assert_eq!(anna.next("MEMBER_ADDED").await, added);
    assert_eq!(ben.next("MEMBER_ADDED").await, added);

    scene
        .ben
        .patch(&chat, &json!({"name": "Another name"}))
        .await
        .expect(200);
    let told = [
        anna.next("CHAT_UPDATED").await,
        ben.next("CHAT_UPDATED").await,
        carol.next("CHAT_UPDATED").await,
    ];
    for chat in told {
        assert_eq!(
            (&chat["id"], &chat["name"]),
            (&json!(scene.chat), &json!("Another name"))
        );
    }

    // She is in the room: what is said from now on reaches her, and nothing from before.
    carol
        .send("NEW_MESSAGE", json!({"chatId": scene.chat, "content": "Hello"}))
        .await;
    assert_eq!(carol.next("NEW_MESSAGE").await["seq"], 2);
    assert_eq!(ben.next("NEW_MESSAGE").await["senderId"], json!(carol_id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_taken_out_hears_it_and_nothing_more() {
    let scene = Scene::new().await;
    let (mut anna, mut ben, mut carol, carol_id) = three(&scene).await;
    let members = format!("/chats/{}/members", scene.chat);
    scene
        .anna
        .post(&members, &json!({"userIds": [carol_id]}))
        .await
        .expect(200);
    carol.next("MEMBER_ADDED").await;

    let ben_path = format!("{members}/{}", scene.ben_id);
    scene.anna.delete(&ben_path).await.expect(204);
    let removed = json!({"chatId": scene.chat, "userId": scene.ben_id});
    assert_eq!(anna.next("MEMBER_REMOVED").await, removed);
    assert_eq!(ben.next("MEMBER_REMOVED").await, removed);
    assert_eq!(carol.next("MEMBER_REMOVED").await, removed);

    carol
        .send("NEW_MESSAGE", json!({"chatId": scene.chat, "content": "among us"}))
        .await;
    carol.send("TYPING_START", json!({"chatId": scene.chat})).await;
    anna.next("NEW_MESSAGE").await;
    anna.next("USER_TYPING").await;
    for event in ["NEW_MESSAGE", "USER_TYPING"] {
        assert!(!ben.has_heard(event).await, "{event}");
    }
    ben.send("TYPING_START", json!({"chatId": scene.chat})).await;
    assert_eq!(ben.next("ERROR").await["code"], "NOT_A_MEMBER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_mark_is_told_to_the_others_and_counts_by_rest() {
    let scene = Scene::new().await;
    let (mut anna, mut ben, ..) = three(&scene).await;
    for number in 1..=3 {
        anna.send("NEW_MESSAGE", json!({"chatId": scene.chat, "content": "x"}))
            .await;
        assert_eq!(ben.next("NEW_MESSAGE").await["seq"], number);
    }
    let chat = format!("/chats/{}", scene.chat);
    assert_eq!(scene.ben.get(&chat).await.expect(200).json()["unreadCount"], 3);
    ben.send("MESSAGE_READ", json!({"chatId": scene.chat, "seq": 2})).await;
    let read = json!({"chatId": scene.chat, "userId": scene.ben_id, "seq": 2});
    assert_eq!(anna.next("MESSAGE_READ").await, read);
    assert!(!ben.has_heard("MESSAGE_READ").await, "one's own mark is no event");
    assert_eq!(scene.ben.get(&chat).await.expect(200).json()["unreadCount"], 1);
    // It never moves back.
    ben.send("MESSAGE_READ", json!({"chatId": scene.chat, "seq": 1})).await;
    ben.send("MESSAGE_READ", json!({"chatId": scene.chat, "seq": 3})).await;
    assert_eq!(anna.next("MESSAGE_READ").await["seq"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_those_who_share_a_chat_hear_who_comes_and_goes() {
    let scene = Scene::new().await;
    let account = scene.app.admin_create("carol@demo.example", "MANAGER", Some("demo"));
    let carol = scene.app.sign_in(&account).await;
    let url = scene.app.url();
    let mut carol = PlainSocket::connect(url, carol.token()).await;
    carol.next("CONNECTED").await;
    let mut anna = PlainSocket::connect(url, scene.anna.token()).await;
    anna.next("CONNECTED").await;
    let ben = PlainSocket::connect(url, scene.ben.token()).await;
    assert_eq!(anna.next("USER_ONLINE").await["userId"], json!(scene.ben_id));
    drop(ben);
    let gone = anna.next("USER_OFFLINE").await;
    assert_eq!(gone["userId"], json!(scene.ben_id));
    assert!(gone["lastSeenAt"].is_string(), "{gone}");
    for event in ["USER_ONLINE", "USER_OFFLINE"] {
        assert!(!carol.has_heard(event).await, "{event}");
    }
}
