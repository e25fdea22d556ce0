use super::*;

fn texts(list: &Value, field: &str) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item[field].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn what_a_list_can_t_be_asked_is_named() {
    let Scene { house, anna, .. } = scene();
    for (list, wrong) in [
        ("/chats?", vec!["type=BOTH", "unread=maybe"]),
        ("/people?", vec!["role=KING"]),
        ("/notifications?", vec!["read=1"]),
        ("/messages/search?q=x&", vec!["chatId=x", "senderId=1"]),
    ] {
        let everywhere = ["limit=0", "limit=101", "sort=colour", "withTotal=1", "surprise=1"];
        for query in everywhere.into_iter().chain(wrong) {
            let (status, problem) = house.call(&anna, "GET", &format!("{list}{query}"), None).await;
            let (field, _) = query.split_once('=').unwrap();
            assert_eq!(
                (status, &problem["errors"][0]["field"]),
                (StatusCode::BAD_REQUEST, &json!(field)),
                "{list}{query}: {problem}"
            );
        }
        let (status, problem) = house.call(&anna, "GET", &format!("{list}cursor=x"), None).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::BAD_REQUEST, &json!("BAD_CURSOR")),
            "{list}"
        );
    }
    for query in ["", "?q=", "?q=%20"] {
        let (status, _) = house
            .call(&anna, "GET", &format!("/messages/search{query}"), None)
            .await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "a search for nothing: {query}");
    }
}

#[tokio::test]
async fn chats_by_name_and_by_what_is_unread() {
    let Scene { house, anna, ben, .. } = scene();
    let direct = house.direct(&anna, &ben).await;
    for name in ["Zoo", "Attic"] {
        let body = json!({"type": "GROUP", "name": name, "memberIds": [ben.id]});
        house.call(&anna, "POST", "/chats", Some(body)).await;
    }
    let get = async |query: &str| house.call(&anna, "GET", &format!("/chats?{query}"), None).await.1;
    let first = get("sort=name&limit=2&withTotal=true").await;
    assert_eq!(
        (&first["items"][0]["name"], &first["total"]),
        (&json!("Attic"), &json!(3))
    );
    assert_eq!(first["items"][1]["id"], direct, "by the other's name");
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = get(&format!("sort=name&cursor={cursor}")).await;
    assert_eq!(
        (texts(&rest, "name"), &rest["nextCursor"]),
        (vec!["Zoo".into()], &Value::Null)
    );
    for order in ["-name", "createdAt"] {
        let other = get(&format!("sort={order}&cursor={cursor}")).await;
        assert_eq!(other["code"], "BAD_CURSOR", "{order}");
    }
    assert_eq!(texts(&get("type=DIRECT").await, "id"), [direct.as_str()]);
    assert_eq!(texts(&get("q=atti").await, "name"), ["Attic"]);

    let path = format!("/chats/{direct}/messages");
    house.call(&ben, "POST", &path, Some(json!({"content": "x"}))).await;
    let unread = get("unread=true&withTotal=true").await;
    assert_eq!((texts(&unread, "id"), &unread["total"]), (vec![direct], &json!(1)));
    let csv = house.csv(&anna, "/chats?sort=-name&type=GROUP&limit=1").await;
    let names: Vec<_> = csv.lines().skip(1).filter_map(|line| line.split(',').nth(2)).collect();
    assert_eq!(names, ["Zoo", "Attic"], "all pages at once");
}

#[tokio::test]
async fn a_search_is_sorted_counted_filtered_and_given_as_csv() {
    let Scene {
        house,
        anna,
        ben,
        stranger,
    } = scene();
    let chat = house.direct(&anna, &ben).await;
    let path = format!("/chats/{chat}/messages");
    for (who, content) in [(&anna, "rent one"), (&ben, "rent two"), (&anna, "rent three")] {
        let (status, _) = house.call(who, "POST", &path, Some(json!({"content": content}))).await;
        assert_eq!(status, StatusCode::CREATED);
    }
    let get = async |who: &Person, query: &str| {
        let (_, list) = house
            .call(who, "GET", &format!("/messages/search?q=rent{query}"), None)
            .await;
        list
    };
    let first = get(&ben, "&sort=createdAt&limit=2&withTotal=true").await;
    assert_eq!(
        (texts(&first, "content"), &first["total"]),
        (vec!["rent one".into(), "rent two".into()], &json!(3))
    );
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = get(&ben, &format!("&sort=createdAt&cursor={cursor}")).await;
    assert_eq!(
        (texts(&rest, "content"), &rest["nextCursor"]),
        (vec!["rent three".into()], &Value::Null)
    );
    assert_eq!(get(&ben, &format!("&cursor={cursor}")).await["code"], "BAD_CURSOR");
    let from_ben = get(&anna, &format!("&senderId={}&chatId={chat}", ben.id)).await;
    assert_eq!(texts(&from_ben, "content"), ["rent two"]);
    for query in ["&withTotal=true".to_owned(), format!("&withTotal=true&chatId={chat}")] {
        let nothing = get(&stranger, &query).await;
        assert_eq!((&nothing["items"], &nothing["total"]), (&json!([]), &json!(0)));
    }
    let csv = house.csv(&anna, "/messages/search?q=rent&limit=1").await;
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "id,chatId,seq,senderId,content,messageType,createdAt,editedAt"
    );
    assert!(lines.len() == 4 && lines[1].contains(",rent three,TEXT,"), "{csv}");
}
