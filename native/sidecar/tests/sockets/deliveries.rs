//! What `/metrics` says was delivered is what clients got, on whichever path it came to them.

use super::*;

/// Everything that comes until the answer to a `HEALTH_CHECK`, by event.
async fn tally(client: &mut Client, heard: &mut BTreeMap<String, u64>) {
    client.send("HEALTH_CHECK", json!(null)).await;
    loop {
        let (event, _) = client.event().await.unwrap();
        let is_last = event == "HEALTH_RESPONSE";
        add(event, heard);
        if is_last {
            return;
        }
    }
}

fn add(event: String, heard: &mut BTreeMap<String, u64>) {
    let name = if event == "ack" {
        "acknowledgement".to_owned()
    } else {
        event
    };
    *heard.entry(name).or_default() += 1;
}

fn delivered(house: &House) -> BTreeMap<String, u64> {
    let text = house.hub.metrics_text();
    let counts = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("relay_events_delivered_total{event=\"")?;
        let (event, count) = rest.split_once("\"} ")?;
        Some((event.to_owned(), count.parse().unwrap()))
    });
    counts.filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn every_frame_is_counted_on_every_path() {
    let house = house(&[]).await;
    let (anna, ben, cleo) = (house.person(), house.person(), house.person());
    let chat = house.chat(&[&anna, &ben, &cleo]);
    let mut heard = BTreeMap::new();
    let mut plain = house.plain(Some(json!({"token": anna.token}))).await;
    let mut by_socket_io = house.socket_io(json!({"token": ben.token})).await;
    tally(&mut plain, &mut heard).await;
    tally(&mut by_socket_io, &mut heard).await;

    // Live, with and without an acknowledgement, and an answer that is an error.
    plain
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "1", "tempId": "a"}))
        .await;
    let body = json!(["NEW_MESSAGE", {"chatId": chat, "content": "2", "tempId": "b"}]);
    by_socket_io.raw(&format!("4217{body}")).await;
    by_socket_io
        .raw(&format!("4218{}", json!(["MESSAGE_READ", {"chatId": chat, "seq": 1}])))
        .await;
    by_socket_io.send("NOPE", json!(null)).await;
    plain.send("TYPING_START", json!({"chatId": chat})).await;
    plain.send("TYPING_STOP", json!({"chatId": chat})).await;
    tally(&mut plain, &mut heard).await;
    tally(&mut by_socket_io, &mut heard).await;

    // A gap, filled from the store; a change that lets waiting messages through; a change alone.
    let missed = house.store(chat, &ben, "nobody told of it");
    let placed = house.store(chat, &ben, "3");
    house.hub.deliver(vec![RelayEvent::MessageStored { placed }]).await;
    let edit = |text: &str| {
        let (database, now) = (house.app.database(), clock::now());
        nexus_store::chat::messages::edit(database, ben.id, chat, missed.message.id, text.into(), |_| true, now)
            .unwrap()
    };
    let edited = edit("first");
    let placed = house.store(chat, &ben, "after the change");
    house.hub.deliver(vec![RelayEvent::MessageStored { placed }]).await;
    for changed in [edited, edit("second")] {
        let (message, change) = (changed.message, changed.change);
        house
            .hub
            .deliver(vec![RelayEvent::MessageChanged { message, change }])
            .await;
    }

    // What somebody missed, and then a farewell.
    let mut newcomer = house
        .plain(Some(json!({"token": cleo.token, "lastSeq": {chat.to_string(): 0}})))
        .await;
    tally(&mut newcomer, &mut heard).await;
    house
        .hub
        .deliver(vec![RelayEvent::UserEnded { user_id: cleo.id }])
        .await;
    while let Some((event, _)) = newcomer.event().await {
        add(event, &mut heard);
    }

    // What is still under way comes within moments.
    for _ in 0..20 {
        tally(&mut plain, &mut heard).await;
        tally(&mut by_socket_io, &mut heard).await;
        if delivered(&house) == heard {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(delivered(&house), heard);
    for event in [
        "NEW_MESSAGE",
        "MESSAGE_UPDATED",
        "ERROR",
        "FORCE_DISCONNECT",
        "acknowledgement",
        "CONNECTED",
    ] {
        assert!(heard.contains_key(event), "{event}: {heard:?}");
    }
}
