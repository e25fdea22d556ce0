//! How connections end: tokens that expire, people who are sent away, servers that stop.

use std::time::Instant;

use futures::future::join_all;

use super::*;

/// The next farewell, while the client goes on saying that it is there.
async fn farewell(client: &mut Client) -> Value {
    loop {
        client.send("HEALTH_CHECK", json!(null)).await;
        loop {
            let (event, data) = client.event().await.expect("a farewell before the end");
            match event.as_str() {
                "FORCE_DISCONNECT" => return data,
                "HEALTH_RESPONSE" => break,
                _ => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn an_expired_token_ends_the_connection_after_half_a_minute_unless_it_is_renewed() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let brief = |person: &Person| house.token(person.id, person.session, 3);
    let mut expires = house.plain(Some(json!({"token": brief(&anna)}))).await;
    let mut renewed = house.plain(Some(json!({"token": brief(&ben)}))).await;
    let came = Instant::now();
    for client in [&mut expires, &mut renewed] {
        client.next("CONNECTED").await;
    }
    renewed.send("REAUTH", json!({"token": ben.token})).await;
    renewed.next("REAUTHENTICATED").await;
    let told = farewell(&mut expires).await;
    assert_eq!(told["code"], "TOKEN_EXPIRED");
    expires.closed().await;
    // Tokens expire at whole seconds, and connections are looked at every second.
    let took = came.elapsed();
    assert!(
        (Duration::from_secs(31)..Duration::from_secs(37)).contains(&took),
        "{took:?}"
    );
    renewed.send("HEALTH_CHECK", json!(null)).await;
    assert_eq!(renewed.next("HEALTH_RESPONSE").await["authenticated"], true);
}

#[tokio::test]
async fn nobody_goes_on_with_somebody_elses_token_or_without_one() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let mut client = house.plain_as(&anna).await;
    client.send("REAUTH", json!({"token": ben.token})).await;
    assert_eq!(client.next("ERROR").await["code"], "UNAUTHORIZED");
    client.send("REAUTH", json!({"token": anna.token})).await;
    client.next("REAUTHENTICATED").await;
    let mut stranger = house.plain(None).await;
    stranger.send("TYPING_START", json!({})).await;
    assert_eq!(stranger.next("ERROR").await["code"], "UNAUTHORIZED");
    stranger.send("AUTH", json!({"token": ben.token})).await;
    stranger.next("CONNECTED").await;
}

#[tokio::test]
async fn whoever_is_suspended_is_gone_within_five_seconds() {
    let house = house(&[]).await;
    let anna = house.person();
    let mut client = house.socket_io(json!({"token": anna.token})).await;
    client.next("CONNECTED").await;
    let database = house.app.database();
    database
        .execute("UPDATE users SET status = 'SUSPENDED' WHERE id = ?1", params![anna.id])
        .unwrap();
    let suspended = Instant::now();
    assert_eq!(client.next("FORCE_DISCONNECT").await["code"], "REVOKED");
    client.closed().await;
    assert!(suspended.elapsed() < Duration::from_secs(5));
    let mut again = house.plain(Some(json!({"token": anna.token}))).await;
    assert_eq!(again.next("ERROR").await["code"], "INVALID_TOKEN");
}

#[tokio::test]
async fn a_stopping_server_spreads_its_goodbyes_over_five_seconds() {
    let house = house(&[]).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(house.plain_as(&house.person()).await);
    }
    let started = Instant::now();
    let hub = house.hub.clone();
    let draining = tokio::spawn(async move { hub.drain().await });
    let ends = clients.iter_mut().map(|client| async {
        assert_eq!(client.next("FORCE_DISCONNECT").await["code"], "SHUTDOWN");
        started.elapsed()
    });
    let mut ends = join_all(ends).await;
    draining.await.unwrap();
    ends.sort();
    let (first, last) = (ends[0], ends[19]);
    assert!(last < Duration::from_secs(5), "{ends:?}");
    assert!(last - first > Duration::from_millis(1_500), "{ends:?}");
    let at_once = |window: &[Duration]| window[5] - window[0] < Duration::from_millis(200);
    assert!(!ends.windows(6).any(at_once), "{ends:?}");
}

#[tokio::test]
async fn with_several_connections_somebody_is_offline_when_the_last_is_gone() {
    let house = house(&[("CONNECTIONS_PER_USER", "2")]).await;
    let (anna, ben) = (house.person(), house.person());
    house.chat(&[&anna, &ben]);
    let mut onlooker = house.plain_as(&anna).await;
    let phone = house.device_of(&ben);
    let (first, second) = (house.plain_as(&ben).await, house.plain_as(&phone).await);
    assert_eq!(onlooker.next("USER_ONLINE").await["userId"], json!(ben.id));
    drop(first);
    // Longer than the grace.
    tokio::time::sleep(Duration::from_secs(4)).await;
    onlooker.send("HEALTH_CHECK", json!(null)).await;
    let (event, health) = onlooker.event().await.unwrap();
    assert_eq!(
        (event.as_str(), &health["connectedUsers"]),
        ("HEALTH_RESPONSE", &json!(2))
    );
    drop(second);
    assert_eq!(onlooker.next("USER_OFFLINE").await["userId"], json!(ben.id));
}

#[tokio::test]
async fn a_session_has_one_connection_and_a_person_as_many_as_are_allowed() {
    let house = house(&[("CONNECTIONS_PER_USER", "2")]).await;
    let laptop = house.person();
    let mut first = house.plain_as(&laptop).await;
    let mut again = house.plain_as(&laptop).await;
    assert_eq!(first.next("FORCE_DISCONNECT").await["code"], "DUPLICATE");
    let mut phone = house.plain_as(&house.device_of(&laptop)).await;
    for client in [&mut again, &mut phone] {
        client.send("HEALTH_CHECK", json!(null)).await;
        client.next("HEALTH_RESPONSE").await;
    }
    let _tablet = house.plain_as(&house.device_of(&laptop)).await;
    assert_eq!(again.next("FORCE_DISCONNECT").await["code"], "DUPLICATE");
    phone.send("HEALTH_CHECK", json!(null)).await;
    phone.next("HEALTH_RESPONSE").await;
}
