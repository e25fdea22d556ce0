use super::*;

#[tokio::test]
async fn people_on_either_way_in_are_in_the_same_room() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut plain = house.plain_as(&anna).await;
    let mut socket_io = house.socket_io(json!({"token": ben.token})).await;
    let connected = socket_io.next("CONNECTED").await;
    assert_eq!(connected["userId"], json!(ben.id));
    assert_eq!(
        connected["chats"],
        json!([{"chatId": chat, "lastSeq": 0, "lastChange": 0}])
    );

    socket_io
        .raw(&format!(
            "427{}",
            json!(["NEW_MESSAGE", {"chatId": chat, "content": "hi", "tempId": "t"}])
        ))
        .await;
    let message = plain.next("NEW_MESSAGE").await;
    assert_eq!(
        (&message["seq"], &message["content"], &message["tempId"]),
        (&json!(1), &json!("hi"), &json!("t"))
    );
    assert!(message["timestamp"].is_string());
    assert_eq!(socket_io.next("NEW_MESSAGE").await, message);
    let sent = socket_io.next("MESSAGE_SENT").await;
    assert_eq!((&sent["messageId"], &sent["tempId"]), (&message["id"], &json!("t")));
    let ack = socket_io.next("ack").await;
    let given = ack.as_str().and_then(|ack| ack.strip_prefix('7')).unwrap();
    assert_eq!(serde_json::from_str::<Value>(given).unwrap(), json!([sent]));

    plain
        .raw(&json!({"event": "NEW_MESSAGE", "data": {"chatId": chat, "content": "ho"}, "id": 3}).to_string())
        .await;
    assert_eq!(socket_io.next("NEW_MESSAGE").await["seq"], 2);
    assert_eq!(plain.next("MESSAGE_SENT").await["seq"], 2);
}

#[tokio::test]
async fn the_same_temp_id_again_is_a_duplicate_also_after_a_reconnect() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let body = json!({"chatId": chat, "content": "once", "tempId": "x"});
    let mut first = house.plain_as(&anna).await;
    first.send("NEW_MESSAGE", body.clone()).await;
    let sent = first.next("MESSAGE_SENT").await;
    drop(first);
    let mut second = house.plain_as(&anna).await;
    second.send("NEW_MESSAGE", body).await;
    let again = second.next("MESSAGE_DUPLICATE").await;
    assert_eq!((&again["messageId"], &again["seq"]), (&sent["messageId"], &sent["seq"]));
    assert_eq!(again["message"], "Message already sent");
}

#[tokio::test]
async fn without_a_good_token_one_is_told_so_and_sent_away() {
    let house = house(&[]).await;
    let anna = house.person();
    let expired = house.token(anna.id, anna.session, -10);
    for (auth, code) in [
        (json!({}), "NO_TOKEN"),
        (json!({"token": ""}), "NO_TOKEN"),
        (json!({"token": "nonsense"}), "INVALID_TOKEN"),
        (json!({"token": 5}), "INVALID_TOKEN"),
        (json!({"token": expired}), "INVALID_TOKEN"),
    ] {
        let mut plain = house.plain(Some(auth.clone())).await;
        assert_eq!(plain.next("ERROR").await["code"], code, "{auth}");
        plain.closed().await;
        let mut socket_io = house.socket_io(auth.clone()).await;
        assert_eq!(socket_io.next("ERROR").await["code"], code, "{auth}");
        socket_io.closed().await;
    }
    let mut silent = house.plain(None).await;
    assert_eq!(silent.next("ERROR").await["code"], "NO_TOKEN");
}

#[tokio::test]
async fn nothing_falls_between_catching_up_and_live_while_messages_pour_in() {
    let house = Arc::new(house(&[]).await);
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut writer = house.plain_as(&anna).await;
    let pouring = tokio::spawn(async move {
        for number in 0..400 {
            writer
                .send("NEW_MESSAGE", json!({"chatId": chat, "content": format!("{number}")}))
                .await;
            if number % 8 == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        while writer.next("MESSAGE_SENT").await["seq"] != 400 {}
    });
    let mut last = 0;
    while last < 400 {
        let mut reader = house
            .plain(Some(json!({"token": ben.token, "lastSeq": {chat.to_string(): last}})))
            .await;
        reader.next("CONNECTED").await;
        let count = (400 - last).min(37);
        let seqs = reader.seqs(usize::try_from(count).unwrap()).await;
        assert_eq!(seqs, ((last + 1)..=(last + count)).collect::<Vec<_>>());
        last += count;
    }
    pouring.await.unwrap();
}

#[tokio::test]
async fn too_much_missed_is_a_gap_and_edits_are_made_up_for() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let (long, short) = (house.chat(&[&anna, &ben]), house.chat(&[&anna, &ben]));
    for _ in 0..501 {
        house.store(long, &anna, "x");
    }
    let first = house.store(short, &anna, "before");
    nexus_store::chat::messages::edit(
        house.app.database(),
        anna.id,
        short,
        first.message.id,
        "after".into(),
        |_| true,
        clock::now(),
    )
    .unwrap();
    let positions = json!({long.to_string(): 0, short.to_string(): 1});
    let mut reader = house
        .plain(Some(json!({"token": ben.token, "lastSeq": positions})))
        .await;
    reader.next("CONNECTED").await;
    // In the order of the chats' ids, which is that of chance when both are of the same millisecond.
    let mut told = [reader.event().await.unwrap(), reader.event().await.unwrap()];
    told.sort_by(|one, other| one.0.cmp(&other.0));
    let [(gap_event, gap), (updated_event, updated)] = told;
    assert_eq!(
        (gap_event.as_str(), updated_event.as_str()),
        ("HISTORY_GAP", "MESSAGE_UPDATED")
    );
    assert_eq!(gap, json!({"chatId": long, "fromSeq": 1, "toSeq": 501}));
    assert_eq!((&updated["seq"], &updated["content"]), (&json!(1), &json!("after")));
    house.store(long, &anna, "live");
    assert_eq!(reader.next("NEW_MESSAGE").await["seq"], 502);
}

#[tokio::test]
async fn messages_of_others_come_in_order_even_when_nobody_told_the_hub() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut reader = house.plain_as(&ben).await;
    let stored: Vec<_> = (0..3).map(|_| house.store(chat, &anna, "x")).collect();
    // The third is told first, the second never.
    house
        .hub
        .deliver(vec![RelayEvent::MessageStored {
            placed: stored[2].clone(),
        }])
        .await;
    house
        .hub
        .deliver(vec![RelayEvent::MessageStored {
            placed: stored[0].clone(),
        }])
        .await;
    assert_eq!(reader.seqs(3).await, [1, 2, 3]);
    house.store(chat, &anna, "only the feed knows");
    assert_eq!(reader.seqs(1).await, [4]);
}

#[tokio::test]
async fn whoever_knows_more_than_the_store_after_a_restore_hears_what_is_said_anew() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    house.store(chat, &anna, "in the backup");
    let known = json!({chat.to_string(): 40});
    let mut reader = house.plain(Some(json!({"token": ben.token, "lastSeq": known}))).await;
    reader.next("CONNECTED").await;
    let mut writer = house.plain_as(&anna).await;
    writer
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "said anew"}))
        .await;
    assert_eq!(reader.seqs(1).await, [2]);
}
