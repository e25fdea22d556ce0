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
        ("GET", format!("/chats/{chat}/messages?limit=0&surprise=1"), None),
        ("PATCH", format!("/chats/{chat}"), Some(json!({"surprise": 1}))),
        ("POST", format!("/chats/{chat}/messages"), Some(json!({"content": ""}))),
        ("POST", format!("/chats/{chat}/messages"), Some(json!({"surprise": 1}))),
        ("PATCH", format!("/chats/{chat}/messages/{chat}"), Some(json!([]))),
        ("POST", format!("/chats/{chat}/read"), Some(json!({"seq": 1}))),
        ("POST", format!("/chats/{chat}/read"), Some(json!({"seq": "x"}))),
        ("POST", format!("/chats/{chat}/members"), Some(json!({}))),
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

#[tokio::test]
async fn a_chat_has_a_version_and_is_not_renamed_over_somebody_else_s_change() {
    let Scene { house, anna, ben, .. } = scene();
    let body = json!({"type": "GROUP", "name": "One", "memberIds": [ben.id]});
    let (_, chat) = house.call(&anna, "POST", "/chats", Some(body)).await;
    let path = format!("/chats/{}", chat["id"].as_str().unwrap());
    let (status, first) = house.versioned(&anna, "GET", &path, None, None).await;
    assert_eq!(status, StatusCode::OK);
    let known = Some(("if-none-match", first.as_str()));
    let (status, same) = house.versioned(&anna, "GET", &path, known, None).await;
    assert_eq!((status, &same), (StatusCode::NOT_MODIFIED, &first));
    let seen = Some(("if-match", first.as_str()));
    let two = Some(json!({"name": "Two"}));
    let (status, second) = house.versioned(&anna, "PATCH", &path, seen, two).await;
    assert!(status == StatusCode::OK && second != first, "{status}");
    for body in [json!({"name": "Three"}), json!({})] {
        let (status, _) = house.versioned(&ben, "PATCH", &path, seen, Some(body)).await;
        assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    }
    assert_eq!(house.call(&ben, "GET", &path, None).await.1["name"], "Two");
    let (status, third) = house.versioned(&anna, "GET", &path, known, None).await;
    assert_eq!((status, third), (StatusCode::OK, second));
}

#[tokio::test]
async fn lists_are_sorted_counted_and_given_as_csv_as_everywhere() {
    let Scene { house, anna, ben, .. } = scene();
    let company = house.company("big");
    let viewer = house.person("Zoe", Role::Manager, Some(company));
    for name in ["=cmd", "Bo", "Al"] {
        house.person(name, Role::Tenant, Some(company));
    }
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let (_, first) = house
        .call(&viewer, "GET", "/people?sort=-name&limit=2&withTotal=true", None)
        .await;
    assert_eq!(
        (names(&first), &first["total"]),
        (vec!["Bo".into(), "Al".into()], &json!(3))
    );
    let cursor = first["nextCursor"].as_str().unwrap();
    let path = format!("/people?sort=-name&limit=2&cursor={cursor}");
    let (_, second) = house.call(&viewer, "GET", &path, None).await;
    assert_eq!(
        (names(&second), &second["nextCursor"]),
        (vec!["=cmd".into()], &Value::Null)
    );
    let (status, problem) = house
        .call(&viewer, "GET", &format!("/people?cursor={cursor}"), None)
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::BAD_REQUEST, &json!("BAD_CURSOR"))
    );
    let (status, _) = house.call(&viewer, "GET", "/people?sort=online", None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);

    let csv = house.csv(&viewer, "/people").await;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "id,name,role,online");
    assert!(lines[1].contains(",'=cmd,TENANT,false"), "{csv}");
    assert_eq!(lines.len(), 4);

    house.direct(&anna, &ben).await;
    let chats = house.csv(&anna, "/chats").await;
    assert!(
        chats.starts_with("id,type,name,lastSeq,unreadCount,createdAt\r\n") && chats.contains(",DIRECT,,0,0,"),
        "{chats}"
    );
    for number in 1..=3_u8 {
        let at = nexus_domain::Timestamp::from_millis(i64::from(number));
        let notification = nexus_store::chat::notifications::Notification {
            id: nexus_domain::ids::NotificationId::generate(at, [number; 10]),
            user_id: anna.id,
            kind: "INVOICE_ISSUED".into(),
            title: format!("{number}"),
            body: String::new(),
            link: None,
            created_at: clock::now(),
            read_at: None,
        };
        nexus_store::chat::notifications::insert(house.app.database(), &notification).unwrap();
    }
    let path = "/notifications?sort=createdAt&limit=2&withTotal=true";
    let (_, oldest) = house.call(&anna, "GET", path, None).await;
    assert_eq!(
        (&oldest["items"][0]["title"], &oldest["total"]),
        (&json!("1"), &json!(3))
    );
    let cursor = oldest["nextCursor"].as_str().unwrap();
    let (_, last) = house
        .call(
            &anna,
            "GET",
            &format!("/notifications?sort=createdAt&cursor={cursor}"),
            None,
        )
        .await;
    assert_eq!(
        (&last["items"][0]["title"], last["items"].as_array().unwrap().len()),
        (&json!("3"), 1)
    );
    assert_eq!(house.csv(&anna, "/notifications").await.lines().count(), 4);
}

#[tokio::test]
async fn what_makes_a_chat_or_its_members_answers_the_version_that_reading_does() {
    let Scene { house, anna, ben, .. } = scene();
    let group = json!({"type": "GROUP", "name": "Lift", "memberIds": [ben.id]});
    let (status, made) = house.versioned(&anna, "POST", "/chats", None, Some(group)).await;
    let (_, chats) = house.call(&anna, "GET", "/chats", None).await;
    let path = format!("/chats/{}", chats["items"][0]["id"].as_str().unwrap());
    assert_eq!(
        (status, &made),
        (
            StatusCode::CREATED,
            &house.versioned(&anna, "GET", &path, None, None).await.1
        )
    );
    let members = json!({"userIds": [ben.id]});
    let (status, joined) = house
        .versioned(&anna, "POST", &format!("{path}/members"), None, Some(members))
        .await;
    assert_eq!((status, joined), (StatusCode::OK, made));
    let direct = json!({"type": "DIRECT", "memberIds": [ben.id]});
    let first = house
        .versioned(&anna, "POST", "/chats", None, Some(direct.clone()))
        .await;
    let again = house.versioned(&anna, "POST", "/chats", None, Some(direct)).await;
    assert_eq!((first.1, again.0), (again.1, StatusCode::OK));
}

#[tokio::test]
async fn somebody_who_is_not_there_is_404_with_the_field_that_names_them() {
    let Scene {
        house,
        anna,
        ben,
        stranger,
    } = scene();
    let body = json!({"type": "DIRECT", "memberIds": [stranger.id]});
    let (status, answer) = house.call(&anna, "POST", "/chats", Some(body)).await;
    assert_eq!(
        (status, &answer["errors"][0]["field"]),
        (StatusCode::NOT_FOUND, &json!("memberIds"))
    );
    let group = json!({"type": "GROUP", "name": "Lift", "memberIds": [ben.id]});
    let (_, chat) = house.call(&anna, "POST", "/chats", Some(group)).await;
    let path = format!("/chats/{}/members", chat["id"].as_str().unwrap());
    let (status, answer) = house
        .call(&anna, "POST", &path, Some(json!({"userIds": [stranger.id]})))
        .await;
    assert_eq!(
        (status, &answer["errors"][0]["field"]),
        (StatusCode::NOT_FOUND, &json!("userIds"))
    );
}
