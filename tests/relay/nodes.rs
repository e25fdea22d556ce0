//! Relays that share Redis.

use std::time::{Duration, Instant};

use nexus_tests::{PlainSocket, RedisServer};
use serde_json::json;

use crate::Scene;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_by_tls_with_an_authority_of_ones_own_joins_two_relays() {
    let redis = RedisServer::start_tls();
    let (url, authority) = (redis.url(), redis.authority());
    let settings = [
        ("REDIS_URL", url.as_str()),
        ("SSL_CERT_FILE", authority.to_str().unwrap()),
    ];
    let scene = Scene::with(&settings).await;
    let relay = scene.app.relay_with(&settings).await;
    let mut anna = PlainSocket::connect(scene.app.url(), scene.anna.token()).await;
    // Who comes in after somebody else did hears nothing of it.
    anna.next("CONNECTED").await;
    let mut ben = PlainSocket::connect(relay.url(), scene.ben.token()).await;
    // Neither can be known from the store: both go from relay to relay by way of Redis.
    assert_eq!(anna.next("USER_ONLINE").await["userId"], json!(scene.ben_id));
    ben.send("TYPING_START", json!({"chatId": scene.chat})).await;
    assert_eq!(anna.next("USER_TYPING").await["userId"], json!(scene.ben_id));
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        ben.send("HEALTH_CHECK", json!(null)).await;
        let health = ben.next("HEALTH_RESPONSE").await;
        if (&health["redisStatus"], &health["connectedUsers"]) == (&json!("connected"), &json!(2)) {
            return;
        }
        assert!(Instant::now() < patience, "{health}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
