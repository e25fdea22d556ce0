//! Several relays before one store, joined by a real Redis.

use std::time::Instant;

use nexus_tests::RedisServer;
use tokio::runtime::Runtime;

use super::*;

/// A relay with threads of its own, so that it can die as a process does: at once, without a goodbye.
pub struct Mortal {
    pub relay: House,
    runtime: Option<Runtime>,
}

impl Mortal {
    pub async fn start(app: &App, company: CompanyId, redis: &str, settings: &'static [(&'static str, &str)]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (app, redis) = (app.clone(), redis.to_owned());
        let started = runtime.spawn(async move {
            let mut settings = settings.to_vec();
            settings.push(("REDIS_URL", &redis));
            node(app, company, &settings).await
        });
        Self {
            relay: started.await.unwrap(),
            runtime: Some(runtime),
        }
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Two relays that know each other.
pub async fn two(redis: &RedisServer, settings: &[(&'static str, &str)]) -> (House, House) {
    let url = redis.url();
    let mut all = settings.to_vec();
    all.push(("REDIS_URL", &url));
    let one = house(&all).await;
    let other = one.neighbour(&all).await;
    for relay in [&one, &other] {
        until(|| relay.hub.metrics_text().contains("relay_other_nodes 1")).await;
    }
    (one, other)
}

pub async fn until(mut condition: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < patience, "it never came true");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn redis_status(client: &mut Client) -> String {
    client.send("HEALTH_CHECK", json!(null)).await;
    client.next("HEALTH_RESPONSE").await["redisStatus"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub async fn until_status(client: &mut Client, wanted: &str) -> Duration {
    let started = Instant::now();
    while redis_status(client).await != wanted {
        assert!(started.elapsed() < Duration::from_secs(20), "never {wanted}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    started.elapsed()
}

#[tokio::test]
async fn people_on_two_nodes_are_in_the_same_room() {
    let redis = RedisServer::start();
    let (one, other) = two(&redis, &[]).await;
    let (anna, ben) = (one.person(), one.person());
    let chat = one.chat(&[&anna, &ben]);
    let mut here = one.plain_as(&anna).await;
    let mut there = other.plain_as(&ben).await;
    assert_eq!(here.next("USER_ONLINE").await["userId"], json!(ben.id));
    for number in 1..=50 {
        let (from, to) = if number % 2 == 0 {
            (&mut here, &mut there)
        } else {
            (&mut there, &mut here)
        };
        from.send("NEW_MESSAGE", json!({"chatId": chat, "content": format!("{number}")}))
            .await;
        let heard = to.next("NEW_MESSAGE").await;
        assert_eq!(
            (&heard["seq"], &heard["content"]),
            (&json!(number), &json!(format!("{number}")))
        );
        assert_eq!(from.next("NEW_MESSAGE").await["seq"], number);
    }
    here.send("TYPING_START", json!({"chatId": chat})).await;
    assert_eq!(there.next("USER_TYPING").await["userId"], json!(anna.id));
    here.send("TYPING_STOP", json!({"chatId": chat})).await;
    there.next("USER_STOPPED_TYPING").await;
    there.send("MESSAGE_READ", json!({"chatId": chat, "seq": 3})).await;
    assert_eq!(here.next("MESSAGE_READ").await["seq"], 3);
    here.send("HEALTH_CHECK", json!(null)).await;
    let health = here.next("HEALTH_RESPONSE").await;
    assert_eq!(
        (&health["connectedUsers"], &health["redisStatus"]),
        (&json!(2), &json!("connected"))
    );
    drop(there);
    assert_eq!(here.next("USER_OFFLINE").await["userId"], json!(ben.id));
}

/// What became of the message that was sent last.
async fn outcome(client: &mut Client) -> (String, Value) {
    loop {
        let (event, data) = client.event().await.unwrap();
        if ["MESSAGE_SENT", "MESSAGE_DUPLICATE", "ERROR"].contains(&event.as_str()) {
            return (event, data);
        }
    }
}

#[tokio::test]
async fn the_same_temp_id_on_another_node_is_a_duplicate() {
    let redis = RedisServer::start();
    let (one, other) = two(&redis, &[("CONNECTIONS_PER_USER", "2")]).await;
    let (anna, ben) = (one.person(), one.person());
    let chat = one.chat(&[&anna, &ben]);
    let body = json!({"chatId": chat, "content": "once", "tempId": "x"});
    let mut here = one.plain_as(&anna).await;
    let mut there = other.plain_as(&one.device_of(&anna)).await;
    here.send("NEW_MESSAGE", body.clone()).await;
    there.send("NEW_MESSAGE", body).await;
    let (one_told, other_told) = (outcome(&mut here).await, outcome(&mut there).await);
    let (sent, duplicate) = match (one_told.0.as_str(), other_told.0.as_str()) {
        ("MESSAGE_SENT", "MESSAGE_DUPLICATE") => (one_told.1, other_told.1),
        ("MESSAGE_DUPLICATE", "MESSAGE_SENT") => (other_told.1, one_told.1),
        both => panic!("{both:?}"),
    };
    assert_eq!((&sent["messageId"], &sent["seq"]), (&duplicate["messageId"], &json!(1)));
}

#[tokio::test]
async fn the_rate_limit_counts_over_all_nodes() {
    let redis = RedisServer::start();
    let (one, other) = two(&redis, &[("MESSAGE_RATE", "4/10s"), ("CONNECTIONS_PER_USER", "2")]).await;
    let (anna, ben) = (one.person(), one.person());
    let chat = one.chat(&[&anna, &ben]);
    let device = one.device_of(&anna);
    let (mut here, mut there) = (one.plain_as(&anna).await, other.plain_as(&device).await);
    for client in [&mut here, &mut there] {
        for _ in 0..2 {
            client
                .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x"}))
                .await;
            client.next("MESSAGE_SENT").await;
        }
    }
    for client in [&mut here, &mut there] {
        client
            .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x", "tempId": "t"}))
            .await;
        let refused = client.next("ERROR").await;
        assert_eq!(refused["code"], "RATE_LIMIT_EXCEEDED");
        assert!((1..=10_000).contains(&refused["retryAfterMs"].as_u64().unwrap()));
    }
    // What comes by REST is counted with them.
    for node in [&one, &other] {
        assert!(node.hub.admit_message(anna.id).await.is_err());
        for _ in 0..2 {
            assert_eq!(node.hub.admit_message(ben.id).await, Ok(()));
        }
    }
    assert!(one.hub.admit_message(ben.id).await.is_err());
}

#[tokio::test]
async fn the_newer_connection_wins_wherever_it_is_and_one_always_stays() {
    let redis = RedisServer::start();
    let (one, other) = two(&redis, &[]).await;
    let anna = one.person();
    let mut older = one.plain_as(&anna).await;
    let mut newer = other.plain_as(&anna).await;
    assert_eq!(older.next("FORCE_DISCONNECT").await["code"], "DUPLICATE");
    newer.send("HEALTH_CHECK", json!(null)).await;
    newer.next("HEALTH_RESPONSE").await;
    drop(newer);
    // Both at the same moment: whichever is heard of last stays, and never none.
    for _ in 0..8 {
        let somebody = one.person();
        let (mut a, mut b) = tokio::join!(one.plain_as(&somebody), other.plain_as(&somebody));
        let (told, mut stays) = tokio::select! {
            told = a.next("FORCE_DISCONNECT") => (told, b),
            told = b.next("FORCE_DISCONNECT") => (told, a),
        };
        assert_eq!(told["code"], "DUPLICATE");
        tokio::time::sleep(Duration::from_millis(100)).await;
        stays.send("HEALTH_CHECK", json!(null)).await;
        stays.next("HEALTH_RESPONSE").await;
    }
}

#[tokio::test]
async fn of_more_connections_than_allowed_the_oldest_goes_wherever_it_is() {
    let redis = RedisServer::start();
    let (one, other) = two(&redis, &[("CONNECTIONS_PER_USER", "2")]).await;
    let anna = one.person();
    let mut first = one.plain_as(&anna).await;
    let mut second = other.plain_as(&one.device_of(&anna)).await;
    let mut third = other.plain_as(&one.device_of(&anna)).await;
    assert_eq!(first.next("FORCE_DISCONNECT").await["code"], "DUPLICATE");
    for client in [&mut second, &mut third] {
        client.send("HEALTH_CHECK", json!(null)).await;
        client.next("HEALTH_RESPONSE").await;
    }
}

#[tokio::test]
async fn a_node_that_dies_is_noticed_and_its_people_go_offline_and_type_no_more() {
    let redis = RedisServer::start();
    let (app, company) = place();
    let doomed = Mortal::start(&app, company, &redis.url(), &[]).await;
    let living = Mortal::start(&app, company, &redis.url(), &[]).await;
    let (one, other) = (&doomed.relay, &living.relay);
    let (anna, ben) = (one.person(), one.person());
    let chat = one.chat(&[&anna, &ben]);
    let mut stays = other.plain_as(&ben).await;
    let mut goes = one.plain_as(&anna).await;
    assert_eq!(stays.next("USER_ONLINE").await["userId"], json!(anna.id));
    goes.send("TYPING_START", json!({"chatId": chat})).await;
    stays.next("USER_TYPING").await;
    drop(doomed);
    let died = Instant::now();
    assert_eq!(stays.next("USER_STOPPED_TYPING").await["userId"], json!(anna.id));
    assert_eq!(stays.next("USER_OFFLINE").await["userId"], json!(anna.id));
    let took = died.elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
}

#[tokio::test]
async fn what_was_said_on_a_node_that_died_still_counts_on_the_others() {
    let redis = RedisServer::start();
    let (app, company) = place();
    let limit: &[(&str, &str)] = &[("MESSAGE_RATE", "4/60s")];
    let doomed = Mortal::start(&app, company, &redis.url(), limit).await;
    let living = Mortal::start(&app, company, &redis.url(), limit).await;
    let (one, other) = (&doomed.relay, &living.relay);
    until(|| one.hub.metrics_text().contains("relay_other_nodes 1")).await;
    let (anna, ben) = (one.person(), one.person());
    let chat = one.chat(&[&anna, &ben]);
    let body = |temp_id: &str| json!({"chatId": chat, "content": "x", "tempId": temp_id});
    let mut here = one.plain_as(&anna).await;
    for temp_id in ["a", "b"] {
        here.send("NEW_MESSAGE", body(temp_id)).await;
        here.next("MESSAGE_SENT").await;
    }
    drop(doomed);
    // It never heard what became of the last one, and asks again elsewhere.
    let mut there = other.plain_as(&anna).await;
    for (temp_id, expected) in [("b", "MESSAGE_DUPLICATE"), ("c", "MESSAGE_SENT"), ("d", "ERROR")] {
        there.send("NEW_MESSAGE", body(temp_id)).await;
        let (event, data) = outcome(&mut there).await;
        assert_eq!(event, expected, "{temp_id}: {data}");
        assert!(event != "ERROR" || data["code"] == "RATE_LIMIT_EXCEEDED", "{data}");
    }
}

#[tokio::test]
async fn while_redis_stands_still_limits_duplicates_and_typing_hold_on_each_node() {
    let redis = RedisServer::start();
    let settings = [("MESSAGE_RATE", "3/60s"), ("CONNECTIONS_PER_USER", "2")];
    let (one, other) = two(&redis, &settings).await;
    let (anna, ben) = (one.person(), one.person());
    let chat = one.chat(&[&anna, &ben]);
    let device = one.device_of(&anna);
    let (mut here, mut there) = (one.plain_as(&anna).await, other.plain_as(&device).await);
    let mut beside = one.plain_as(&ben).await;
    let mut onlooker = one.plain_as(&one.person()).await;
    redis.pause();
    until_status(&mut onlooker, "disconnected").await;
    let body = |temp_id: &str| json!({"chatId": chat, "content": "x", "tempId": temp_id});
    here.send("NEW_MESSAGE", body("a")).await;
    assert_eq!(outcome(&mut here).await.0, "MESSAGE_SENT");
    // The store knows it, whichever node asks.
    there.send("NEW_MESSAGE", body("a")).await;
    assert_eq!(outcome(&mut there).await.0, "MESSAGE_DUPLICATE");
    for (temp_id, expected) in [("b", "MESSAGE_SENT"), ("c", "MESSAGE_SENT"), ("d", "ERROR")] {
        here.send("NEW_MESSAGE", body(temp_id)).await;
        let (event, data) = outcome(&mut here).await;
        assert_eq!(event, expected, "{temp_id}: {data}");
    }
    here.send("TYPING_START", json!({"chatId": chat})).await;
    assert_eq!(beside.next("USER_TYPING").await["userId"], json!(anna.id));
    here.send("TYPING_STOP", json!({"chatId": chat})).await;
    beside.next("USER_STOPPED_TYPING").await;
    // A third connection of the same person here: of those of this node the oldest goes once there are too many.
    let mut second = one.plain_as(&one.device_of(&anna)).await;
    let mut third = one.plain_as(&one.device_of(&anna)).await;
    assert_eq!(here.next("FORCE_DISCONNECT").await["code"], "DUPLICATE");
    for client in [&mut second, &mut third] {
        client.send("HEALTH_CHECK", json!(null)).await;
        client.next("HEALTH_RESPONSE").await;
    }
    redis.resume();
    until_status(&mut onlooker, "connected").await;
    // And between nodes again.
    let mut far = other.plain_as(&ben).await;
    third.send("TYPING_START", json!({"chatId": chat})).await;
    assert_eq!(far.next("USER_TYPING").await["userId"], json!(anna.id));
}

#[tokio::test]
async fn while_redis_stands_still_each_node_goes_on_and_what_was_missed_comes_from_the_store() {
    let redis = RedisServer::start();
    let (one, other) = two(&redis, &[]).await;
    let (anna, ben, cleo) = (one.person(), one.person(), one.person());
    let chat = one.chat(&[&anna, &ben, &cleo]);
    let mut here = one.plain_as(&anna).await;
    let mut there = other.plain_as(&ben).await;
    here.next("USER_ONLINE").await;
    // Asks in place of those who mustn't miss an event over the answer.
    let mut onlooker = one.plain_as(&one.person()).await;
    redis.pause();
    let noticed = until_status(&mut onlooker, "disconnected").await;
    assert!(noticed < Duration::from_secs(3), "{noticed:?}");
    for number in 1..=5 {
        here.send("NEW_MESSAGE", json!({"chatId": chat, "content": format!("{number}")}))
            .await;
        assert_eq!(here.next("MESSAGE_SENT").await["seq"], number);
    }
    assert_eq!(there.seqs(5).await, [1, 2, 3, 4, 5]);
    // Somebody who comes and goes meanwhile is known correctly afterwards.
    let newcomer = other.plain_as(&cleo).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    redis.resume();
    let healed = until_status(&mut onlooker, "connected").await;
    assert!(healed < Duration::from_secs(5), "{healed:?}");
    assert_eq!(here.next("USER_ONLINE").await["userId"], json!(cleo.id));
    there.send("NEW_MESSAGE", json!({"chatId": chat, "content": "6"})).await;
    // Nobody was taken for gone only because Redis was.
    loop {
        let (event, data) = here.event().await.unwrap();
        assert_ne!(event, "USER_OFFLINE", "{data}");
        if event == "NEW_MESSAGE" && data["seq"] == 6 {
            break;
        }
    }
    drop(newcomer);
    assert_eq!(here.next("USER_OFFLINE").await["userId"], json!(cleo.id));
}

#[tokio::test]
async fn a_redis_that_dies_and_forgets_everything_loses_nothing() {
    let mut redis = RedisServer::start();
    let (one, other) = two(&redis, &[]).await;
    let (anna, ben, cleo, dora) = (one.person(), one.person(), one.person(), one.person());
    let chat = one.chat(&[&anna, &ben, &cleo, &dora]);
    let (mut here, mut there) = (one.plain_as(&anna).await, other.plain_as(&ben).await);
    let (mut ears_here, mut ears_there) = (one.plain_as(&cleo).await, other.plain_as(&dora).await);
    for round in 0..2 {
        redis.kill();
        until_status(&mut here, "disconnected").await;
        for number in 1..=3 {
            here.send("NEW_MESSAGE", json!({"chatId": chat, "content": "x"})).await;
            assert_eq!(here.next("MESSAGE_SENT").await["seq"], round * 4 + number);
        }
        redis.run();
        let healed = until_status(&mut here, "connected").await;
        assert!(healed < Duration::from_secs(5), "{healed:?}");
        until_status(&mut there, "connected").await;
        there.send("NEW_MESSAGE", json!({"chatId": chat, "content": "x"})).await;
        let expected: Vec<i64> = (round * 4 + 1..=round * 4 + 4).collect();
        assert_eq!(ears_here.seqs(4).await, expected);
        assert_eq!(ears_there.seqs(4).await, expected);
    }
}
