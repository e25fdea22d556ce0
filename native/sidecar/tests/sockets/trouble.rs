use super::*;

#[tokio::test]
async fn the_rate_limit_says_how_long_to_wait() {
    let house = house(&[("MESSAGE_RATE", "2/10s")]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut client = house.plain_as(&anna).await;
    for _ in 0..3 {
        client
            .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x"}))
            .await;
    }
    let refused = client.next("ERROR").await;
    assert_eq!(refused["code"], "RATE_LIMIT_EXCEEDED");
    assert!(refused["retryAfterMs"].as_u64().unwrap() <= 10_000);
}

#[tokio::test]
async fn messages_by_rest_and_by_sockets_are_counted_together() {
    let house = house(&[("MESSAGE_RATE", "3/10s")]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut client = house.plain_as(&anna).await;
    let body = json!({"chatId": chat, "content": "x"});
    assert_eq!(house.hub.admit_message(anna.id).await, Ok(()));
    for _ in 0..2 {
        client.send("NEW_MESSAGE", body.clone()).await;
        client.next("MESSAGE_SENT").await;
    }
    let wait = house.hub.admit_message(anna.id).await.unwrap_err();
    assert!(
        wait > Duration::from_secs(5) && wait <= Duration::from_secs(10),
        "{wait:?}"
    );
    client.send("NEW_MESSAGE", body).await;
    assert_eq!(client.next("ERROR").await["code"], "RATE_LIMIT_EXCEEDED");
    assert_eq!(house.hub.admit_message(ben.id).await, Ok(()));
}

#[tokio::test]
async fn silent_and_expired_connections_end_and_a_fresh_token_goes_on() {
    let house = house(&[("INACTIVITY", "2s")]).await;
    let anna = house.person();
    let mut client = house.plain_as(&anna).await;
    client
        .send("REAUTH", json!({"token": house.token(anna.id, anna.session, 600)}))
        .await;
    assert!(client.next("REAUTHENTICATED").await["expiresAt"].is_string());
    client.send("REAUTH", json!({"token": "nonsense"})).await;
    assert_eq!(client.next("ERROR").await["code"], "INVALID_TOKEN");
    assert_eq!(client.next("FORCE_DISCONNECT").await["code"], "INACTIVE");
    client.closed().await;
}

#[tokio::test]
async fn a_failing_store_is_told_and_nothing_is_acknowledged() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut client = house.plain_as(&anna).await;
    house.backend.broken.store(true, Ordering::Relaxed);
    client
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x", "tempId": "t"}))
        .await;
    let failed = client.next("ERROR").await;
    assert_eq!(
        (&failed["code"], &failed["tempId"]),
        (&json!("MESSAGE_SEND_FAILED"), &json!("t"))
    );
    let mut newcomer = house.plain(Some(json!({"token": ben.token}))).await;
    assert_eq!(newcomer.next("ERROR").await["code"], "CONNECTION_ERROR");
    newcomer.closed().await;
    house.backend.broken.store(false, Ordering::Relaxed);
    client
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x", "tempId": "t"}))
        .await;
    assert_eq!(client.next("MESSAGE_SENT").await["seq"], 1);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_slows_nobody() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let _deaf = house.plain_as(&ben).await;
    let mut writer = house.plain_as(&anna).await;
    let content = "x".repeat(4_000);
    // Far beyond 1 MiB and what the kernel's buffers take.
    for round in 0..4 {
        for _ in 0..700 {
            writer
                .send("NEW_MESSAGE", json!({"chatId": chat, "content": content}))
                .await;
        }
        for _ in 0..700 {
            writer.next("MESSAGE_SENT").await;
        }
        if house
            .hub
            .metrics_text()
            .contains("relay_dropped_total{reason=\"slow\"} 1")
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert!(round < 3, "it was never dropped");
    }
}

#[tokio::test]
async fn a_stopping_server_says_goodbye_and_stores_what_is_under_way() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut client = house.plain_as(&anna).await;
    client
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "last words"}))
        .await;
    house.hub.drain().await;
    client.next("MESSAGE_SENT").await;
    assert_eq!(client.next("FORCE_DISCONNECT").await["code"], "SHUTDOWN");
    client.closed().await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let request = format!("ws://{}/ws", house.address).into_client_request().unwrap();
    assert!(client_async(request, stream).await.is_err());
}

#[tokio::test]
async fn whatever_is_sent_the_connection_answers_or_ends() {
    let house = house(&[]).await;
    let anna = house.person();
    let mut client = house.plain_as(&anna).await;
    for strange in [
        "",
        "{",
        "[]",
        "null",
        r#"{"event":1}"#,
        r#"{"event":"NOPE"}"#,
        r#"{"event":"NEW_MESSAGE"}"#,
    ] {
        client.raw(strange).await;
        assert_eq!(client.next("ERROR").await["code"], "INVALID_PAYLOAD", "{strange}");
    }
    client.send("HEALTH_CHECK", json!(null)).await;
    let health = client.next("HEALTH_RESPONSE").await;
    assert_eq!(
        (
            &health["authenticated"],
            &health["redisStatus"],
            &health["connectedUsers"]
        ),
        (&json!(true), &json!("disabled"), &json!(1))
    );
    let mut largest = json!({"event": "NOPE", "data": ""}).to_string();
    largest.insert_str(largest.len() - 2, &"x".repeat(64 * 1024 - largest.len()));
    client.raw(&largest).await;
    assert_eq!(client.next("ERROR").await["message"], "There is no such event.");
    client.raw(&format!("{largest} ")).await;
    assert_eq!(
        client.next("ERROR").await["message"],
        "A frame may have at most 64 KiB."
    );
    match client.socket.next().await {
        Some(Ok(Message::Close(Some(close)))) => assert_eq!(u16::from(close.code), 1009),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn health_is_unhealthy_while_the_components_do_not_answer() {
    let house = house(&[]).await;
    let mut client = house.plain_as(&house.person()).await;
    for (is_broken, wanted) in [(false, "healthy"), (true, "unhealthy"), (false, "healthy")] {
        house.backend.broken.store(is_broken, Ordering::Relaxed);
        // The next look at the feed shows it.
        loop {
            client.send("HEALTH_CHECK", json!(null)).await;
            if client.next("HEALTH_RESPONSE").await["status"] == wanted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[test]
fn a_redis_url_that_cannot_be_one_is_refused_by_name() {
    let read = |pairs: &[(&'static str, &str)]| {
        let settings = settings(pairs);
        SocketsConfig::read(&settings).map(drop).map_err(|error| error.name)
    };
    assert_eq!(
        read(&[("REDIS_URL", "redis://127.0.0.1:1/not-a-number")]),
        Err("REDIS_URL")
    );
    assert_eq!(read(&[("REDIS_HOST", "not a host")]), Err("REDIS_HOST"));
    // Whether it is there is another question.
    assert_eq!(read(&[("REDIS_URL", "redis://127.0.0.1:1/2")]), Ok(()));
}
