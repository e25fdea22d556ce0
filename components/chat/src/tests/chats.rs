use super::*;

#[tokio::test]
async fn a_chat_is_made_once_for_two_and_shows_all_members_of_the_contract() {
    let Scene { house, anna, ben, .. } = scene();
    let body = json!({"type": "DIRECT", "memberIds": [ben.id]});
    let (status, chat) = house.call(&anna, "POST", "/chats", Some(body)).await;
    assert_eq!(status, StatusCode::CREATED);
    for key in [
        "id",
        "type",
        "name",
        "members",
        "lastSeq",
        "lastMessage",
        "unreadCount",
        "createdAt",
    ] {
        assert!(chat.get(key).is_some(), "{key} in {chat}");
    }
    assert_eq!(
        chat["members"][0],
        json!({"userId": anna.id, "name": "Anna", "role": "TENANT", "lastReadSeq": 0})
    );
    let again = json!({"type": "DIRECT", "memberIds": [anna.id]});
    let (status, second) = house.call(&ben, "POST", "/chats", Some(again)).await;
    assert_eq!((status, &second["id"]), (StatusCode::OK, &chat["id"]));
}

#[tokio::test]
async fn people_of_other_companies_do_not_exist() {
    let Scene {
        house,
        anna,
        ben,
        stranger,
    } = scene();
    let body = json!({"type": "DIRECT", "memberIds": [stranger.id]});
    assert_eq!(
        house.call(&anna, "POST", "/chats", Some(body)).await.0,
        StatusCode::NOT_FOUND
    );
    let chat = house.direct(&anna, &ben).await;
    for (method, path, body) in [
        ("GET", format!("/chats/{chat}"), None),
        ("PATCH", format!("/chats/{chat}"), Some(json!({"name": "x"}))),
        ("GET", format!("/chats/{chat}/messages"), None),
        ("POST", format!("/chats/{chat}/messages"), Some(json!({"content": ""}))),
        ("POST", format!("/chats/{chat}/read"), Some(json!({"seq": 1}))),
        (
            "POST",
            format!("/chats/{chat}/members"),
            Some(json!({"userIds": ["x"]})),
        ),
        ("DELETE", format!("/chats/{chat}/members/{}", anna.id), None),
    ] {
        let (status, answer) = house.call(&stranger, method, &path, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {answer}");
    }
    let (_, people) = house.call(&anna, "GET", "/people", None).await;
    assert_eq!(
        people["items"],
        json!([{"id": ben.id, "name": "Ben", "role": "MANAGER", "online": false}])
    );
}
