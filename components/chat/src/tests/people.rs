use super::*;

#[tokio::test]
async fn residents_who_opted_out_are_found_and_added_by_staff_only() {
    let Scene { house, anna, ben, .. } = scene();
    let company = house.company_of(&anna);
    let cleo = house.person("Cleo", Role::Student, company);
    let names = async |who: &Person| -> Vec<String> {
        let (_, list) = house.call(who, "GET", "/people?withTotal=true", None).await;
        let items = list["items"].as_array().unwrap();
        assert_eq!(list["total"], json!(items.len()));
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let group = json!({"type": "GROUP", "name": "Block A", "memberIds": [ben.id]});
    let (_, group) = house.call(&anna, "POST", "/chats", Some(group)).await;
    let members = format!("/chats/{}/members", group["id"].as_str().unwrap());
    let add = || Some(json!({"userIds": [cleo.id]}));
    let write = || Some(json!({"type": "DIRECT", "memberIds": [cleo.id]}));
    assert_eq!(names(&anna).await, ["Ben", "Cleo"]);

    let opted_out = "UPDATE users SET discoverable = 0 WHERE id = ?1";
    house.app.database().execute(opted_out, params![cleo.id]).unwrap();
    assert_eq!(names(&anna).await, ["Ben"]);
    assert_eq!(names(&ben).await, ["Anna", "Cleo"]);
    assert_eq!(names(&cleo).await, ["Anna", "Ben"], "and finds the others as before");
    for (path, body) in [("/chats", write()), (members.as_str(), add())] {
        let (status, answer) = house.call(&anna, "POST", path, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
    }
    let (status, grown) = house.call(&ben, "POST", &members, add()).await;
    assert_eq!(
        (status, grown["members"].as_array().unwrap().len()),
        (StatusCode::OK, 3)
    );
    let (status, _) = house.call(&ben, "POST", "/chats", write()).await;
    assert_eq!(status, StatusCode::CREATED);
}
