use super::*;

#[tokio::test]
async fn a_message_is_stored_once_by_its_temp_id() {
    let Scene { house, anna, ben, .. } = scene();
    let chat = house.direct(&anna, &ben).await;
    let path = format!("/chats/{chat}/messages");
    let body = || Some(json!({"content": "  hello <b>", "tempId": "t-1"}));
    let (status, first) = house.call(&anna, "POST", &path, body()).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        (&first["seq"], &first["content"], &first["tempId"]),
        (&json!(1), &json!("  hello <b>"), &json!("t-1"))
    );
    let (status, again) = house.call(&anna, "POST", &path, body()).await;
    assert_eq!((status, again), (StatusCode::OK, first.clone()));
    let (_, page) = house.call(&ben, "GET", &path, None).await;
    assert_eq!(page, json!({"items": [first], "firstSeq": 1, "lastSeq": 1}));
    let (_, seen) = house.call(&ben, "GET", &format!("/chats/{chat}"), None).await;
    assert_eq!(
        (&seen["unreadCount"], &seen["lastMessage"]["seq"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn bad_requests_name_their_fields() {
    let Scene { house, anna, ben, .. } = scene();
    let chat = house.direct(&anna, &ben).await;
    let path = format!("/chats/{chat}/messages");
    for (body, field) in [
        (json!({"content": "  "}), "content"),
        (json!({"content": "x".repeat(4_001)}), "content"),
        (json!({"content": "x", "messageType": "SYSTEM"}), "messageType"),
        (json!({"content": "x", "messageType": "text"}), "messageType"),
        (json!({"content": "x", "tempId": ""}), "tempId"),
        (json!({"content": "x", "attachments": ["nope"]}), "attachments[0]"),
        (json!({"content": "x", "surprise": 1}), "surprise"),
        (json!({"content": 1}), "content"),
    ] {
        let (status, answer) = house.call(&anna, "POST", &path, Some(body.clone())).await;
        assert_eq!(
            (status, &answer["errors"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{body}: {answer}"
        );
    }
    for query in ["?after=1&before=2", "?limit=0", "?after=-1", "?x=1"] {
        let (status, _) = house.call(&anna, "GET", &format!("{path}{query}"), None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn pages_go_both_ways_by_seq() {
    let Scene { house, anna, ben, .. } = scene();
    let chat = house.direct(&anna, &ben).await;
    let path = format!("/chats/{chat}/messages");
    for number in 1..=5 {
        house
            .call(&anna, "POST", &path, Some(json!({"content": format!("{number}")})))
            .await;
    }
    for (query, seqs) in [
        ("?limit=2", vec![4, 5]),
        ("?after=1&limit=2", vec![2, 3]),
        ("?before=3", vec![1, 2]),
        ("?before=5&limit=2", vec![3, 4]),
        ("?after=5", vec![]),
    ] {
        let (_, page) = house.call(&ben, "GET", &format!("{path}{query}"), None).await;
        let found: Vec<i64> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["seq"].as_i64().unwrap())
            .collect();
        assert_eq!(found, seqs, "{query}");
    }
}

#[tokio::test]
async fn messages_are_edited_deleted_read_and_found() {
    let Scene { house, anna, ben, .. } = scene();
    let chat = house.direct(&anna, &ben).await;
    let path = format!("/chats/{chat}/messages");
    let (_, message) = house
        .call(&anna, "POST", &path, Some(json!({"content": "rent is due"})))
        .await;
    let one = format!("{path}/{}", message["id"].as_str().unwrap());
    assert_eq!(
        house.call(&ben, "PATCH", &one, Some(json!({"content": "x"}))).await.0,
        StatusCode::FORBIDDEN
    );
    let (status, edited) = house
        .call(&anna, "PATCH", &one, Some(json!({"content": "rent was paid"})))
        .await;
    assert_eq!((status, &edited["content"]), (StatusCode::OK, &json!("rent was paid")));
    assert!(edited["editedAt"].is_string());
    assert_eq!(house.call(&anna, "PATCH", &one, Some(json!({}))).await.1, edited);

    let (_, hits) = house.call(&ben, "GET", "/messages/search?q=pai", None).await;
    assert_eq!(hits["items"], json!([edited]));
    let (status, _) = house
        .call(&ben, "POST", &format!("/chats/{chat}/read"), Some(json!({"seq": 1})))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, list) = house.call(&ben, "GET", "/chats?withTotal=true", None).await;
    assert_eq!(
        (&list["items"][0]["unreadCount"], &list["total"]),
        (&json!(0), &json!(1))
    );

    assert_eq!(house.call(&anna, "DELETE", &one, None).await.0, StatusCode::NO_CONTENT);
    let (_, page) = house.call(&ben, "GET", &path, None).await;
    assert_eq!(page["items"][0]["content"], "");
    assert!(page["items"][0]["deletedAt"].is_string());
}

#[tokio::test]
async fn an_uploaded_image_is_seen_by_members_once_it_is_sent() {
    let Scene {
        house,
        anna,
        ben,
        stranger,
    } = scene();
    let chat = house.direct(&anna, &ben).await;
    let png = include_bytes!("../../../../crates/domain/fixtures/whole.png");
    let mut form =
        b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"
            .to_vec();
    form.extend(png);
    form.extend(b"\r\n--B--\r\n");
    let request = Request::post("/api/v1/attachments")
        .header(header::AUTHORIZATION, format!("Bearer {}", anna.token))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=B")
        .body(Body::from(form))
        .unwrap();
    let (status, file) = house.send(request).await;
    assert_eq!(status, StatusCode::CREATED, "{file}");
    assert_eq!(
        (&file["width"], &file["height"], &file["size"]),
        (&json!(30), &json!(20), &json!(png.len()))
    );
    let path = format!("/attachments/{}", file["id"].as_str().unwrap());
    assert_eq!(house.call(&ben, "GET", &path, None).await.0, StatusCode::NOT_FOUND);
    let body = json!({"content": "", "messageType": "IMAGE", "attachments": [file["id"]]});
    let (status, message) = house
        .call(&anna, "POST", &format!("/chats/{chat}/messages"), Some(body))
        .await;
    assert_eq!((status, &message["attachments"][0]), (StatusCode::CREATED, &file));
    let (status, version) = house.versioned(&ben, "GET", &path, None, None).await;
    assert_eq!(status, StatusCode::OK);
    let known = Some(("if-none-match", version.as_str()));
    assert_eq!(
        house.versioned(&ben, "GET", &path, known, None).await.0,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(
        house.versioned(&stranger, "GET", &path, known, None).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(house.call(&stranger, "GET", &path, None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_message_is_not_edited_over_a_change_that_its_editor_has_not_seen() {
    let Scene { house, anna, ben, .. } = scene();
    let path = format!("/chats/{}/messages", house.direct(&anna, &ben).await);
    let (_, message) = house.call(&anna, "POST", &path, Some(json!({"content": "one"}))).await;
    let one = format!("{path}/{}", message["id"].as_str().unwrap());
    let (_, first) = house.versioned(&anna, "PATCH", &one, None, Some(json!({}))).await;
    let edit = |words: &str| Some(json!({"content": words}));
    let seen = Some(("if-match", first.as_str()));
    assert_eq!(
        house.versioned(&anna, "PATCH", &one, seen, edit("two")).await.0,
        StatusCode::OK
    );
    let (status, _) = house.versioned(&anna, "PATCH", &one, seen, edit("three")).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    let (_, page) = house.call(&ben, "GET", &path, None).await;
    assert_eq!(page["items"][0]["content"], "two");
}
