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

#[tokio::test]
async fn people_are_listed_by_name_role_presence_and_company() {
    let Scene {
        house, anna, stranger, ..
    } = scene();
    let owner = house.person("Owner", Role::SuperAdmin, None);
    let names = async |who: &Person, query: &str| -> Vec<String> {
        let (status, list) = house.call(who, "GET", &format!("/people?{query}"), None).await;
        assert_eq!(status, StatusCode::OK, "{query}: {list}");
        let items = list["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&owner, "").await, ["Anna", "Ben", "Stranger"]);
    assert_eq!(names(&owner, "role=MANAGER,ADMIN").await, ["Ben", "Stranger"]);
    assert_eq!(names(&owner, "name=Ben").await, ["Ben"]);
    assert_eq!(names(&owner, "online=true").await, [""; 0]);
    assert_eq!(names(&owner, "online=false&role=TENANT").await, ["Anna"]);
    let other = house.company_of(&stranger).unwrap();
    assert_eq!(names(&owner, &format!("companyId={other}")).await, ["Stranger"]);
    let own = house.company_of(&anna).unwrap();
    assert_eq!(names(&anna, &format!("companyId={own}")).await, ["Ben"]);
    let (status, answer) = house
        .call(&anna, "GET", &format!("/people?companyId={other}"), None)
        .await;
    assert_eq!(
        (status, &answer["errors"][0]["field"]),
        (StatusCode::NOT_FOUND, &json!("companyId"))
    );
    for query in ["role=MANAGER,", "online=1", "colour=red"] {
        let (status, _) = house.call(&owner, "GET", &format!("/people?{query}"), None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}
