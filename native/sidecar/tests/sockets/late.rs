//! What nobody told of chats and members: it is found in the store, said once, and nothing said meanwhile is missed.

use nexus_domain::chat::ChatName;
use nexus_protocol::EventName;
use nexus_tests::RedisServer;

use super::nodes::{two, until_status};
use super::*;

impl House {
    fn viewer(&self, person: &Person) -> Viewer {
        Viewer {
            user: person.id,
            role: Role::Manager,
            company: Some(self.company),
        }
    }

    fn add(&self, chat: ChatId, by: &Person, new: &Person) {
        let database = self.app.database();
        nexus_store::chat::chats::add_members(database, self.viewer(by), chat, &[new.id], clock::now()).unwrap();
    }

    fn remove(&self, chat: ChatId, by: &Person, who: &Person) {
        nexus_store::chat::chats::remove_member(self.app.database(), by.id, Role::Manager, chat, who.id).unwrap();
    }

    /// As the component tells of a chat that was made just now.
    pub async fn tell(&self, chat: ChatId, people: &[&Person]) {
        let user_ids: Vec<UserId> = people.iter().map(|person| person.id).collect();
        let joined = RelayEvent::Joined {
            chat_id: chat,
            user_ids: user_ids.clone(),
            last_seq: 0,
            last_change: 0,
        };
        let created = RelayEvent::ToUsers {
            user_ids,
            event: EventName::ChatCreated,
            data: json!({"id": chat, "lastSeq": 0}),
        };
        self.hub.deliver(vec![joined, created]).await;
    }
}

/// The events up to the answer to a question that is asked now, without those of presence.
async fn events_so_far(client: &mut Client) -> Vec<(String, Value)> {
    client.send("HEALTH_CHECK", json!(null)).await;
    let mut events = Vec::new();
    loop {
        let (event, data) = client.event().await.unwrap();
        match event.as_str() {
            "HEALTH_RESPONSE" => return events,
            "USER_ONLINE" | "USER_OFFLINE" => {}
            _ => events.push((event, data)),
        }
    }
}

fn members(chat: &Value) -> usize {
    chat["members"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_chat_that_nobody_told_of_is_learnt_with_what_was_said_in_it() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let (mut one, mut other) = (house.plain_as(&anna).await, house.plain_as(&ben).await);
    let chat = house.chat(&[&anna, &ben]);
    for _ in 0..3 {
        house.store(chat, &anna, "before anybody knew");
    }
    for client in [&mut one, &mut other] {
        let created = client.next("CHAT_CREATED").await;
        assert_eq!(
            (&created["id"], &created["lastSeq"], members(&created)),
            (&json!(chat), &json!(0), 2)
        );
        assert_eq!(client.seqs(3).await, [1, 2, 3]);
    }
    one.send("NEW_MESSAGE", json!({"chatId": chat, "content": "live"}))
        .await;
    assert_eq!(other.seqs(1).await, [4]);
    // Who was told by the store isn't told again when the word comes after all.
    house.tell(chat, &[&anna, &ben]).await;
    assert_eq!(events_so_far(&mut other).await, []);
}

#[tokio::test]
async fn whoever_was_told_in_time_is_not_told_again() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let mut client = house.plain_as(&ben).await;
    let chat = house.chat(&[&anna, &ben]);
    house.tell(chat, &[&anna, &ben]).await;
    assert_eq!(client.next("CHAT_CREATED").await["id"], json!(chat));
    // The feed of that moment has been read once what is later in it has come.
    house.store(chat, &anna, "only the feed knows");
    assert_eq!(client.seqs(1).await, [1]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(events_so_far(&mut client).await, []);
}

#[tokio::test]
async fn untold_members_come_and_go_and_the_others_hear_of_it() {
    let house = house(&[]).await;
    let (anna, ben, cleo) = (house.person(), house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let (mut present, mut new) = (house.plain_as(&anna).await, house.plain_as(&cleo).await);
    for _ in 0..2 {
        house.store(chat, &ben, "before she came");
    }
    assert_eq!(present.seqs(2).await, [1, 2]);
    house.add(chat, &anna, &cleo);
    house.store(chat, &ben, "hello");
    let created = new.next("CHAT_CREATED").await;
    assert_eq!((&created["lastSeq"], members(&created)), (&json!(2), 3));
    assert_eq!(new.seqs(1).await, [3]);
    assert_eq!(members(&present.next("CHAT_UPDATED").await), 3);
    house.remove(chat, &anna, &cleo);
    let removed = json!({"chatId": chat, "userId": cleo.id});
    assert_eq!(new.next("MEMBER_REMOVED").await, removed);
    assert_eq!(members(&present.next("CHAT_UPDATED").await), 2);
    present
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "she is gone"}))
        .await;
    present.next("MESSAGE_SENT").await;
    assert_eq!(events_so_far(&mut new).await, []);
}

#[tokio::test]
async fn a_name_that_nobody_told_of_reaches_the_room() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut client = house.plain_as(&ben).await;
    let name = ChatName::try_from("Stairs".to_owned()).unwrap();
    nexus_store::chat::chats::rename(house.app.database(), anna.id, chat, &name, |_| true).unwrap();
    assert_eq!(client.next("CHAT_UPDATED").await["name"], "Stairs");
}

#[tokio::test]
async fn too_much_said_in_a_chat_learnt_late_is_a_gap() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let mut client = house.plain_as(&ben).await;
    house.backend.broken.store(true, Ordering::Relaxed);
    let chat = house.chat(&[&anna, &ben]);
    for _ in 0..501 {
        house.store(chat, &anna, "x");
    }
    house.backend.broken.store(false, Ordering::Relaxed);
    assert_eq!(client.next("CHAT_CREATED").await["lastSeq"], 0);
    let (event, gap) = client.event().await.unwrap();
    assert_eq!(
        (event.as_str(), gap),
        ("HISTORY_GAP", json!({"chatId": chat, "fromSeq": 1, "toSeq": 501}))
    );
    house.store(chat, &anna, "live");
    assert_eq!(client.seqs(1).await, [502]);
}

#[tokio::test]
async fn nothing_falls_between_a_chat_learnt_late_and_what_pours_in_there() {
    let house = Arc::new(house(&[]).await);
    let (anna, ben, cleo) = (house.person(), house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let (mut writer, mut new) = (house.plain_as(&anna).await, house.plain_as(&cleo).await);
    let pouring = tokio::spawn(async move {
        for number in 1..=600 {
            writer
                .send("NEW_MESSAGE", json!({"chatId": chat, "content": format!("{number}")}))
                .await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        while writer.next("MESSAGE_SENT").await["seq"] != 600 {}
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    house.add(chat, &anna, &cleo);
    let first = new.next("CHAT_CREATED").await["lastSeq"].as_i64().unwrap() + 1;
    assert!((2..300).contains(&first), "{first}");
    let count = usize::try_from(601 - first).unwrap();
    assert_eq!(new.seqs(count).await, (first..=600).collect::<Vec<_>>());
    pouring.await.unwrap();
}

#[tokio::test]
async fn a_chat_made_while_somebody_connects_is_known_to_them_however_it_falls() {
    let house = house(&[("CONNECTIONS_PER_USER", "2")]).await;
    let anna = house.person();
    for round in 0..30 {
        let ben = house.person();
        let mut older = house.plain_as(&house.device_of(&ben)).await;
        let mut client = house.plain(None).await;
        let making = async {
            tokio::time::sleep(Duration::from_micros(150 * round)).await;
            let chat = house.chat(&[&anna, &ben]);
            if round % 2 == 0 {
                house.tell(chat, &[&anna, &ben]).await;
            }
            chat
        };
        let (chat, ()) = tokio::join!(making, client.send("AUTH", json!({"token": ben.token})));
        let listed = client.next("CONNECTED").await["chats"].clone();
        if listed == json!([]) {
            assert_eq!(client.next("CHAT_CREATED").await["id"], json!(chat));
        }
        assert_eq!(older.next("CHAT_CREATED").await["id"], json!(chat));
        house.store(chat, &anna, "x");
        for client in [&mut older, &mut client] {
            assert_eq!(client.seqs(1).await, [1]);
        }
    }
}

#[tokio::test]
async fn a_chat_made_while_redis_stands_still_is_learnt_from_the_store_and_told_once() {
    let redis = RedisServer::start();
    let (one, other) = two(&redis, &[]).await;
    let (anna, ben) = (one.person(), one.person());
    let (mut here, mut there) = (one.plain_as(&anna).await, other.plain_as(&ben).await);
    let mut onlooker = other.plain_as(&one.person()).await;
    redis.pause();
    until_status(&mut onlooker, "disconnected").await;
    let chat = one.chat(&[&anna, &ben]);
    one.tell(chat, &[&anna, &ben]).await;
    here.next("CHAT_CREATED").await;
    for number in 1..=3 {
        here.send("NEW_MESSAGE", json!({"chatId": chat, "content": "x"})).await;
        assert_eq!(here.next("MESSAGE_SENT").await["seq"], number);
    }
    assert_eq!(there.next("CHAT_CREATED").await["id"], json!(chat));
    assert_eq!(there.seqs(3).await, [1, 2, 3]);
    redis.resume();
    until_status(&mut onlooker, "connected").await;
    here.send("NEW_MESSAGE", json!({"chatId": chat, "content": "x"})).await;
    // What waited for Redis came before this.
    loop {
        let (event, data) = there.event().await.unwrap();
        assert_ne!(event, "CHAT_CREATED", "{data}");
        if event == "NEW_MESSAGE" {
            assert_eq!(data["seq"], 4);
            break;
        }
    }
}
