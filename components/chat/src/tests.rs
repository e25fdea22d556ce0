use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::signature::sign_request;
use nexus_domain::token::{AccessClaims, sign_access_token};
use nexus_domain::{Role, relay_calls};
use nexus_kit::{App, Config, clock};
use nexus_store::{Database, params};
use serde_json::{Value, json};
use tower::ServiceExt;

const ACCESS: &str = "an access secret of at least thirty-two bytes";
const INTERNAL: &str = "an internal secret of at least thirty-two bytes";

struct House {
    app: App,
    router: Router,
}

#[derive(Clone)]
struct Person {
    id: UserId,
    token: String,
}

fn house() -> House {
    let config = Config::from_pairs([("jwt_access_secret", ACCESS), ("internal_secret", INTERNAL)]);
    let app = App::new(Database::in_memory().unwrap(), config).unwrap();
    let router = nexus_kit::layers::wrap(nexus_kit::openapi::finish(crate::routes()), app.clone());
    House { app, router }
}

impl House {
    fn company(&self, slug: &str) -> CompanyId {
        let id = clock::new_id(CompanyId::generate);
        nexus_store::companies::insert(self.app.database(), id, slug, slug, "EUR", "UTC", clock::now()).unwrap();
        id
    }

    fn person(&self, name: &str, role: Role, company: Option<CompanyId>) -> Person {
        let id = clock::new_id(UserId::generate);
        let session = clock::new_id(SessionId::generate);
        let (now, database) = (clock::now(), self.app.database());
        database
            .execute(
                "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, created_at, updated_at) \
                 VALUES (?1, ?2, ?2, ?3, ?4, ?5, 'ACTIVE', '', ?6, ?6)",
                params![id, format!("{id}@x.y"), name, role, company, now],
            )
            .unwrap();
        database
            .execute(
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)",
                params![session, id, now, now.plus_seconds(3_600)],
            )
            .unwrap();
        let claims = AccessClaims::new(id, session, role, company, now.as_seconds(), 900);
        Person {
            id,
            token: sign_access_token(ACCESS.as_bytes(), &claims).unwrap(),
        }
    }

    async fn call(&self, who: &Person, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", who.token));
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    async fn internal(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let body = body.to_string();
        let signature = sign_request(
            INTERNAL.as_bytes(),
            clock::now().as_seconds(),
            "POST",
            path,
            body.as_bytes(),
        );
        let request = Request::post(path)
            .header("x-nexus-signature", signature)
            .body(Body::from(body));
        self.send(request.unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn direct(&self, one: &Person, other: &Person) -> String {
        let (status, chat) = self
            .call(
                one,
                "POST",
                "/chats",
                Some(json!({"type": "DIRECT", "memberIds": [other.id]})),
            )
            .await;
        assert!(status.is_success(), "{chat}");
        chat["id"].as_str().unwrap().to_owned()
    }
}

struct Scene {
    house: House,
    anna: Person,
    ben: Person,
    stranger: Person,
}

fn scene() -> Scene {
    let house = house();
    let (company, other) = (house.company("one"), house.company("two"));
    let anna = house.person("Anna", Role::Tenant, Some(company));
    let ben = house.person("Ben", Role::Manager, Some(company));
    let stranger = house.person("Stranger", Role::Admin, Some(other));
    Scene {
        house,
        anna,
        ben,
        stranger,
    }
}

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
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x06\0\0\0".to_vec();
    png.extend([7; 32]);
    let mut form =
        b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"
            .to_vec();
    form.extend(&png);
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
        (&json!(3), &json!(2), &json!(png.len()))
    );
    let path = format!("/attachments/{}", file["id"].as_str().unwrap());
    assert_eq!(house.call(&ben, "GET", &path, None).await.0, StatusCode::NOT_FOUND);
    let body = json!({"content": "", "messageType": "IMAGE", "attachments": [file["id"]]});
    let (status, message) = house
        .call(&anna, "POST", &format!("/chats/{chat}/messages"), Some(body))
        .await;
    assert_eq!((status, &message["attachments"][0]), (StatusCode::CREATED, &file));
    assert_eq!(house.call(&ben, "GET", &path, None).await.0, StatusCode::OK);
    assert_eq!(house.call(&stranger, "GET", &path, None).await.0, StatusCode::NOT_FOUND);
}

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
    assert_eq!(answer["items"][4]["messageId"], answer["items"][0]["message"]["id"]);
    assert_eq!(answer["items"][5]["message"]["seq"], 2);
}

#[tokio::test]
async fn members_come_and_go_and_groups_have_names() {
    let Scene { house, anna, ben, .. } = scene();
    let company = house
        .app
        .database()
        .query("SELECT company_id FROM users WHERE id = ?1", params![anna.id])
        .unwrap()[0]
        .parse::<CompanyId>(0)
        .unwrap();
    let cleo = house.person("Cleo", Role::Student, Some(company));
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
