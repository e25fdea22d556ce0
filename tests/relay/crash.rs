//! Acknowledged is stored, whatever happens.

use nexus_tests::PlainSocket;
use serde_json::json;

use crate::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_kill_9_and_seq_goes_on() {
    let mut scene = Scene::new().await;
    let path = format!("/chats/{}/messages?after=0&limit=100", scene.chat);
    let mut acknowledged = 0;
    for round in 0..3 {
        let mut anna = PlainSocket::connect(scene.app.url(), scene.anna.token()).await;
        anna.next("CONNECTED").await;
        for number in 0..20 {
            let temp_id = format!("{round}-{number}");
            anna.send(
                "NEW_MESSAGE",
                json!({"chatId": scene.chat, "content": "x", "tempId": temp_id}),
            )
            .await;
        }
        for _ in 0..10 {
            acknowledged = anna.next("MESSAGE_SENT").await["seq"].as_i64().unwrap();
        }
        scene.app.restart().await;
        let items = scene.anna.get(&path).await.expect(200).json()["items"].clone();
        let seqs: Vec<i64> = items
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["seq"].as_i64().unwrap())
            .collect();
        assert!(seqs.contains(&acknowledged), "{acknowledged} is lost: {seqs:?}");
        let unbroken: Vec<i64> = (1..=i64::try_from(seqs.len()).unwrap()).collect();
        assert_eq!(seqs, unbroken);
    }
    assert!(acknowledged >= 30);
}
