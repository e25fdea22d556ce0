//! What a client missed, told to it when it comes with its `lastSeq`.

use nexus_tests::{PlainSocket, SocketIo};
use serde_json::{Value, json};

use crate::Scene;

impl Scene {
    /// Sends these by REST and gives the paths of the messages.
    async fn say(&self, contents: &[&str]) -> Vec<String> {
        let path = format!("/chats/{}/messages", self.chat);
        let mut paths = Vec::new();
        for content in contents {
            let sent = self.anna.post(&path, &json!({ "content": content })).await.expect(201);
            paths.push(format!("{path}/{}", sent.json()["id"].as_str().unwrap()));
        }
        paths
    }

    fn from(&self, seq: i64) -> Value {
        let mut last_seq = json!({});
        last_seq[&self.chat] = json!(seq);
        last_seq
    }
}

fn seqs(messages: &[Value]) -> Vec<i64> {
    messages
        .iter()
        .map(|message| message["seq"].as_i64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_and_deletions_that_were_missed_come_before_the_new_messages() {
    let scene = Scene::new().await;
    let paths = scene.say(&["one", "two", "three"]).await;
    scene
        .anna
        .patch(&paths[0], &json!({"content": "uno"}))
        .await
        .expect(200);
    scene.anna.delete(&paths[1]).await.expect(204);
    scene.say(&["four"]).await;

    let url = scene.app.url();
    let mut plain = PlainSocket::connect_from(url, scene.ben.token(), scene.from(3)).await;
    plain.next("CONNECTED").await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        let event = plain.next_of_all().await;
        heard.push((
            event["event"].clone(),
            event["data"]["seq"].clone(),
            event["data"]["content"].clone(),
        ));
    }
    let wanted = [
        (json!("MESSAGE_UPDATED"), json!(1), json!("uno")),
        (json!("MESSAGE_DELETED"), json!(2), json!("")),
        (json!("NEW_MESSAGE"), json!(4), json!("four")),
    ];
    assert_eq!(heard, wanted);

    let options = json!({"transports": ["polling"], "auth": {"lastSeq": scene.from(3)}});
    let mut polling = SocketIo::connect(url, scene.ben.token(), options).await;
    assert_eq!(polling.next("MESSAGE_UPDATED").await["content"], "uno");
    assert!(polling.next("MESSAGE_DELETED").await["deletedAt"].is_string());
    assert_eq!(polling.next("NEW_MESSAGE").await["seq"], 4);

    // And live, to whoever is there.
    scene
        .anna
        .patch(&paths[2], &json!({"content": "tre"}))
        .await
        .expect(200);
    assert_eq!(polling.next("MESSAGE_UPDATED").await["content"], "tre");
    scene.anna.delete(&paths[2]).await.expect(204);
    assert_eq!(polling.next("MESSAGE_DELETED").await["seq"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_five_hundred_missed_messages_are_a_gap_and_are_fetched_by_rest() {
    const SENT: i64 = 501;
    let scene = Scene::with(&[("CONNECTIONS_PER_USER", "2")]).await;
    let url = scene.app.url();
    let mut anna = PlainSocket::connect(url, scene.anna.token()).await;
    anna.next("CONNECTED").await;
    let said = |number: i64| json!({"chatId": scene.chat, "content": format!("{number}")});
    // `CONNECTED` comes before what was missed, and until that is sent only so much may be said: once the first is
    // acknowledged, that is over.
    anna.send("NEW_MESSAGE", said(1)).await;
    assert_eq!(anna.next("MESSAGE_SENT").await["seq"], 1);
    for number in 2..=SENT {
        anna.send("NEW_MESSAGE", said(number)).await;
    }
    for number in 2..=SENT {
        assert_eq!(anna.next("MESSAGE_SENT").await["seq"], number);
    }

    // As many as are replayed, but no more.
    let mut near = PlainSocket::connect_from(url, scene.ben.token(), scene.from(1)).await;
    for number in 2..=SENT {
        assert_eq!(near.next("NEW_MESSAGE").await["seq"], number);
    }
    assert!(!near.has_heard("HISTORY_GAP").await);

    let mut far = PlainSocket::connect_from(url, scene.ben.token(), scene.from(0)).await;
    assert_eq!(
        far.next("HISTORY_GAP").await,
        json!({"chatId": scene.chat, "fromSeq": 1, "toSeq": SENT})
    );
    scene.say(&["live"]).await;
    assert_eq!(far.next("NEW_MESSAGE").await["seq"], SENT + 1);

    let mut fetched: Vec<i64> = Vec::new();
    while fetched.last() < Some(&SENT) {
        let after = fetched.last().copied().unwrap_or(0);
        let path = format!("/chats/{}/messages?after={after}&limit=100", scene.chat);
        let page = scene.ben.get(&path).await.expect(200).json();
        fetched.extend(seqs(page["items"].as_array().unwrap()));
    }
    assert_eq!(fetched, (1..=SENT + 1).collect::<Vec<_>>());
}
