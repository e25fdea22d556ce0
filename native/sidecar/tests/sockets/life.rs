use super::*;
use nexus_protocol::EventName;

#[tokio::test]
async fn the_newer_connection_wins_and_a_revoked_session_ends() {
    let house = house(&[]).await;
    let anna = house.person();
    let mut older = house.plain_as(&anna).await;
    let mut newer = house.socket_io(json!({"token": anna.token})).await;
    newer.next("CONNECTED").await;
    assert_eq!(older.next("FORCE_DISCONNECT").await["code"], "DUPLICATE");
    older.closed().await;
    house
        .app
        .database()
        .execute("UPDATE sessions SET ended_at = 1 WHERE id = ?1", params![anna.session])
        .unwrap();
    assert_eq!(newer.next("FORCE_DISCONNECT").await["code"], "REVOKED");
    newer.closed().await;
}

#[tokio::test]
async fn typing_is_told_to_the_others_and_stops_by_itself() {
    let house = house(&[]).await;
    let (anna, ben, stranger) = (house.person(), house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let (mut one, mut other) = (house.plain_as(&anna).await, house.plain_as(&ben).await);
    one.send("TYPING_START", json!({"chatId": chat})).await;
    assert_eq!(other.next("USER_TYPING").await["userId"], json!(anna.id));
    assert_eq!(other.next("USER_STOPPED_TYPING").await["chatId"], json!(chat));
    let mut outside = house.plain_as(&stranger).await;
    outside.send("TYPING_START", json!({"chatId": chat})).await;
    assert_eq!(outside.next("ERROR").await["code"], "NOT_A_MEMBER");
    outside
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x", "tempId": "q"}))
        .await;
    let refused = outside.next("ERROR").await;
    assert_eq!(
        (&refused["code"], &refused["tempId"]),
        (&json!("NOT_A_MEMBER"), &json!("q"))
    );
}

#[tokio::test]
async fn presence_and_read_marks_reach_those_who_share_a_chat() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut one = house.plain_as(&anna).await;
    let mut other = house.plain_as(&ben).await;
    assert_eq!(one.next("USER_ONLINE").await["userId"], json!(ben.id));
    one.send("NEW_MESSAGE", json!({"chatId": chat, "content": "x"})).await;
    other.next("NEW_MESSAGE").await;
    other.send("MESSAGE_READ", json!({"chatId": chat, "seq": 1})).await;
    assert_eq!(
        one.next("MESSAGE_READ").await,
        json!({"chatId": chat, "userId": ben.id, "seq": 1})
    );
    // Back within the grace: nothing is said.
    drop(other);
    let back = house.plain_as(&ben).await;
    drop(back);
    let offline = one.next("USER_OFFLINE").await;
    assert_eq!(offline["userId"], json!(ben.id));
    assert!(offline["lastSeenAt"].is_string());
}

#[tokio::test]
async fn what_one_person_reads_at_once_is_one_mark_and_every_question_is_answered() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    for _ in 0..20 {
        house.store(chat, &anna, "x");
    }
    let (mut one, mut other) = (house.plain_as(&anna).await, house.plain_as(&ben).await);
    for seq in 1..=20 {
        let frame = json!({"event": "MESSAGE_READ", "data": {"chatId": chat, "seq": seq}, "id": seq});
        other.raw(&frame.to_string()).await;
    }
    for seq in 1..=20 {
        assert!(other.next("MESSAGE_READ").await["seq"].as_i64().unwrap() >= seq);
    }
    let mut heard = vec![one.next("MESSAGE_READ").await["seq"].as_i64().unwrap()];
    while heard.last() != Some(&20) {
        heard.push(one.next("MESSAGE_READ").await["seq"].as_i64().unwrap());
    }
    assert!(heard.len() < 20 && heard.is_sorted(), "{heard:?}");
}

#[tokio::test]
async fn what_any_component_writes_down_for_somebody_reaches_their_sockets_once() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let (mut told, mut other) = (house.plain_as(&anna).await, house.plain_as(&ben).await);
    let write = |title: &str| {
        let notification = nexus_store::chat::notifications::Notification {
            id: clock::new_id(nexus_domain::ids::NotificationId::generate),
            user_id: anna.id,
            kind: "INVOICE_ISSUED".into(),
            title: title.to_owned(),
            body: "100.00 EUR".to_owned(),
            link: Some("/invoices/1".to_owned()),
            created_at: clock::now(),
            read_at: None,
        };
        nexus_store::chat::notifications::insert(house.app.database(), &notification).unwrap();
        notification
    };
    let first = write("nobody tells");
    let expected = json!({
        "id": first.id, "kind": "INVOICE_ISSUED", "title": "nobody tells", "body": "100.00 EUR",
        "link": "/invoices/1", "timestamp": first.created_at
    });
    assert_eq!(told.next("NOTIFICATION").await, expected);
    // Told as well, it comes sooner, and no second time.
    let second = write("and told");
    let event = RelayEvent::ToUsers {
        user_ids: vec![anna.id],
        event: EventName::Notification,
        data: json!({"title": second.title}),
    };
    house.hub.deliver(vec![event]).await;
    let asked = std::time::Instant::now();
    assert_eq!(told.next("NOTIFICATION").await["title"], "and told");
    assert!(asked.elapsed() < Duration::from_secs(1));
    write("last");
    assert_eq!(told.next("NOTIFICATION").await["title"], "last");
    other.send("HEALTH_CHECK", json!(null)).await;
    loop {
        let (event, _) = other.event().await.unwrap();
        assert_ne!(event, "NOTIFICATION");
        if event == "HEALTH_RESPONSE" {
            break;
        }
    }
}

#[tokio::test]
async fn whoever_stayed_while_the_store_was_away_is_online_again_when_it_has_forgotten_them() {
    let house = house(&[]).await;
    let anna = house.person();
    let _here = house.plain_as(&anna).await;
    let database = house.app.database();
    let count = |sql: &str| -> i64 { database.query(sql, &[]).unwrap()[0].get(0).unwrap() };
    let patience = Duration::from_millis(100);
    while count("SELECT count(*) FROM presence WHERE online = 1") == 0 {
        tokio::time::sleep(patience).await;
    }
    house.backend.broken.store(true, Ordering::Relaxed);
    while count("SELECT count(*) FROM relay_nodes WHERE lease_until > unixepoch('subsec') * 1000") == 1 {
        tokio::time::sleep(patience).await;
    }
    // As another node does after a while.
    database.execute("DELETE FROM presence", &[]).unwrap();
    database.execute("DELETE FROM relay_nodes", &[]).unwrap();
    house.backend.broken.store(false, Ordering::Relaxed);
    while count("SELECT count(*) FROM presence WHERE online = 1") == 0 {
        tokio::time::sleep(patience).await;
    }
}
