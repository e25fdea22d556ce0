use super::*;

const MAX_BYTES: usize = 10 * 1024 * 1024;

async fn keep(house: &House, who: &Person) -> Value {
    let (status, file) = house.upload(who, b"a file").await;
    assert_eq!(status, StatusCode::CREATED, "{file}");
    file["id"].clone()
}

#[tokio::test]
async fn a_file_has_at_most_ten_mebibytes() {
    let Scene { house, anna, .. } = scene();
    let (status, file) = house.upload(&anna, &vec![7; MAX_BYTES]).await;
    assert_eq!((status, &file["size"]), (StatusCode::CREATED, &json!(MAX_BYTES)));
    for size in [MAX_BYTES + 1, MAX_BYTES + 1024 * 1024] {
        let (status, problem) = house.upload(&anna, &vec![7; size]).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::PAYLOAD_TOO_LARGE, &json!("PAYLOAD_TOO_LARGE"))
        );
    }
}

#[tokio::test]
async fn a_message_takes_one_s_own_files_once_each_and_not_too_many() {
    let Scene { house, anna, ben, .. } = scene();
    let company = house.company_of(&anna);
    let cleo = house.person("Cleo", Role::Manager, company);
    let (chat, other) = (house.direct(&anna, &ben).await, house.direct(&anna, &cleo).await);
    let (own, ben_s, sent) = (
        keep(&house, &anna).await,
        keep(&house, &ben).await,
        keep(&house, &anna).await,
    );
    let elsewhere = format!("/chats/{other}/messages");
    let body = json!({"content": "", "attachments": [sent]});
    let (status, _) = house.call(&anna, "POST", &elsewhere, Some(body)).await;
    assert_eq!(status, StatusCode::CREATED);
    let mut many = Vec::new();
    for _ in 0..11 {
        many.push(keep(&house, &anna).await);
    }
    let path = format!("/chats/{chat}/messages");
    for files in [
        json!([own, own]),
        json!([ben_s]),
        json!([own, ben_s]),
        json!([sent]),
        json!([chat]),
        json!(many),
    ] {
        let body = json!({"content": "x", "attachments": files});
        let (status, problem) = house.call(&anna, "POST", &path, Some(body)).await;
        assert_eq!(
            (status, &problem["code"], &problem["errors"][0]["field"]),
            (
                StatusCode::BAD_REQUEST,
                &json!("VALIDATION_FAILED"),
                &json!("attachments")
            ),
            "{files}"
        );
    }
    let id = clock::new_id(nexus_domain::ids::MessageId::generate);
    let sending = json!({"id": id, "senderId": anna.id, "chatId": chat, "content": "x", "attachments": [own, own]});
    let (_, answer) = house.internal(relay_calls::SEND, json!({"items": [sending]})).await;
    assert_eq!(
        answer["items"][0],
        json!({"status": "invalid", "message": "attachments must not name an attachment twice"})
    );
    let (_, page) = house.call(&ben, "GET", &path, None).await;
    assert_eq!(page["items"], json!([]), "nothing of all that was stored");
    let body = json!({"content": "", "attachments": [own]});
    let (status, _) = house.call(&anna, "POST", &path, Some(body)).await;
    assert_eq!(status, StatusCode::CREATED, "and the file is still there to be sent");
}
