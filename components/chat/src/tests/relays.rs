use super::*;

#[tokio::test]
async fn relays_are_let_in_by_signature_only() {
    let Scene { house, anna, ben, .. } = scene();
    let chat = house.direct(&anna, &ben).await;
    let unsigned = Request::post(relay_calls::CONNECT)
        .body(Body::from("{\"items\":[]}"))
        .unwrap();
    assert_eq!(house.send(unsigned).await.0, StatusCode::NOT_FOUND);

    let (status, answer) = house
        .internal(relay_calls::CONNECT, json!({"items": [anna.token, "nonsense"]}))
        .await;
    assert_eq!(status, StatusCode::OK);
    let accepted = &answer["items"][0];
    assert_eq!(
        (&accepted["status"], &accepted["userId"]),
        (&json!("accepted"), &json!(anna.id))
    );
    assert_eq!(
        accepted["chats"],
        json!([{"chatId": chat, "lastSeq": 0, "lastChange": 0}])
    );
    assert_eq!(answer["items"][1]["code"], "INVALID_TOKEN");
}

#[tokio::test]
async fn a_batch_from_a_relay_fails_message_by_message() {
    let Scene {
        house,
        anna,
        ben,
        stranger,
    } = scene();
    let chat = house.direct(&anna, &ben).await;
    let id = || clock::new_id(nexus_domain::ids::MessageId::generate);
    let sending = |sender: &Person, chat: &str, content: &str, temp: &str| json!({"id": id(), "senderId": sender.id, "chatId": chat, "content": content, "tempId": temp});
    let items = json!([
        sending(&anna, &chat, "one", "a"),
        sending(&stranger, &chat, "two", "b"),
        sending(&ben, "not a chat", "three", "c"),
        sending(&anna, &chat, " ", "d"),
        sending(&anna, &chat, "one again", "a"),
        sending(&ben, &chat, "five", "e"),
    ]);
    let (_, answer) = house.internal(relay_calls::SEND, json!({"items": items})).await;
    let statuses: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        statuses,
        ["stored", "notAMember", "notAMember", "invalid", "duplicate", "stored"]
    );
    assert_eq!(
        answer["items"][4]["messageId"],
        answer["items"][0]["placed"]["message"]["id"]
    );
    assert_eq!(answer["items"][5]["placed"]["message"]["seq"], 2);
}

#[tokio::test]
async fn members_come_and_go_and_groups_have_names() {
    let Scene { house, anna, ben, .. } = scene();
    let cleo = house.person("Cleo", Role::Student, house.company_of(&anna));
    let body = json!({"type": "GROUP", "name": " Block A ", "memberIds": [ben.id]});
    let (status, chat) = house.call(&anna, "POST", "/chats", Some(body)).await;
    assert_eq!((status, &chat["name"]), (StatusCode::CREATED, &json!("Block A")));
    let path = format!("/chats/{}", chat["id"].as_str().unwrap());
    let (status, grown) = house
        .call(
            &ben,
            "POST",
            &format!("{path}/members"),
            Some(json!({"userIds": [cleo.id]})),
        )
        .await;
    assert_eq!(
        (status, grown["members"].as_array().unwrap().len()),
        (StatusCode::OK, 3)
    );
    let (_, renamed) = house.call(&cleo, "PATCH", &path, Some(json!({"name": "B"}))).await;
    assert_eq!(renamed["name"], "B");
    let remove = |who: &Person| format!("{path}/members/{}", who.id);
    assert_eq!(
        house.call(&cleo, "DELETE", &remove(&ben), None).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        house.call(&cleo, "DELETE", &remove(&cleo), None).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(house.call(&cleo, "GET", &path, None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_chat_is_seen_as_it_is_now_and_its_newcomers_where_they_came_in() {
    let Scene {
        house,
        anna,
        ben,
        stranger,
    } = scene();
    let chat = house.direct(&anna, &ben).await;
    let asked = json!({"chatId": chat, "newcomers": [ben.id, stranger.id]});
    let (status, seen) = house.internal(relay_calls::CHAT, asked).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(seen["chat"]["id"], json!(chat));
    assert_eq!(seen["unread"].as_array().unwrap().len(), 2);
    assert_eq!(seen["newcomers"], json!([{"userId": ben.id, "seq": 0, "change": 0}]));
    let nowhere = json!({"chatId": clock::new_id(nexus_domain::ids::ChatId::generate), "newcomers": []});
    assert_eq!(house.internal(relay_calls::CHAT, nowhere).await.1, json!(null));
}
