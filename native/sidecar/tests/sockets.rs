//! The hub with the real `chat` component behind it, in one process and without a host.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use futures::future::BoxFuture;
use futures::{FutureExt, SinkExt, StreamExt};
use http::{Request, Response};
use nexus_domain::chat::{ChatType, Seeker};
use nexus_domain::ids::{ChatId, CompanyId, MessageId, SessionId, UserId};
use nexus_domain::relay::RelayEvent;
use nexus_domain::settings::Settings;
use nexus_domain::token::{AccessClaims, sign_access_token};
use nexus_domain::{Role, message};
use nexus_kit::{App, Config, clock};
use nexus_sidecar::backend::{Backend, BackendError, Body, boxed};
use nexus_sidecar::sockets::{Hub, SocketsConfig};
use nexus_store::chats::NewChat;
use nexus_store::{Database, params};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};
use tower::ServiceExt;

const SECRET: &str = "a secret of at least thirty-two bytes, for tests";

/// The component's router as the sidecar sees it; it can be made to fail.
struct InProcess {
    router: Router,
    broken: AtomicBool,
}

impl Backend for InProcess {
    fn call(&self, request: Request<Body>, _: SocketAddr) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        if self.broken.load(Ordering::Relaxed) {
            return async { Err(BackendError::TimedOut(Duration::ZERO)) }.boxed();
        }
        let router = self.router.clone();
        async move {
            match router.oneshot(request.map(axum::body::Body::new)).await {
                Ok(answer) => Ok(answer.map(boxed)),
                Err(never) => match never {},
            }
        }
        .boxed()
    }
}

struct House {
    app: App,
    backend: Arc<InProcess>,
    hub: Hub,
    address: SocketAddr,
    company: CompanyId,
}

#[derive(Clone)]
struct Person {
    id: UserId,
    session: SessionId,
    token: String,
}

async fn house(settings: &[(&'static str, &'static str)]) -> House {
    let pairs = [("jwt_access_secret", SECRET), ("internal_secret", SECRET)];
    let app = App::new(Database::in_memory().unwrap(), Config::from_pairs(pairs)).unwrap();
    let company = clock::new_id(CompanyId::generate);
    nexus_store::companies::insert(app.database(), company, "One", "one", "EUR", "UTC", clock::now()).unwrap();
    let router = nexus_kit::layers::wrap(nexus_kit::openapi::finish(chat::routes()), app.clone());
    let backend = Arc::new(InProcess {
        router,
        broken: AtomicBool::new(false),
    });
    let mut given = BTreeMap::from([
        ("JWT_ACCESS_SECRET", SECRET),
        ("JWT_REFRESH_SECRET", SECRET),
        ("INTERNAL_SECRET", SECRET),
        ("MAIL_SEAL_KEY", SECRET),
        ("MESSAGE_RATE", "1000/1s"),
    ]);
    given.extend(settings.iter().copied());
    let settings = Settings::read(|name| given.get(name).map(|value| (*value).to_owned())).unwrap();
    let hub = Hub::new(
        SocketsConfig::read(&settings).unwrap(),
        Arc::clone(&backend) as Arc<dyn Backend>,
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = hub.router();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    House {
        app,
        backend,
        hub,
        address,
        company,
    }
}

impl House {
    fn person(&self) -> Person {
        let (id, session) = (clock::new_id(UserId::generate), clock::new_id(SessionId::generate));
        let (now, database) = (clock::now(), self.app.database());
        database
            .execute(
                "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, created_at, updated_at) \
                 VALUES (?1, ?1, ?1, 'Somebody', 'MANAGER', ?2, 'ACTIVE', '', ?3, ?3)",
                params![id, self.company, now],
            )
            .unwrap();
        database
            .execute(
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)",
                params![session, id, now, now.plus_seconds(3_600)],
            )
            .unwrap();
        let token = self.token(id, session, 900);
        Person { id, session, token }
    }

    fn token(&self, user: UserId, session: SessionId, lifetime: i64) -> String {
        let claims = AccessClaims::new(
            user,
            session,
            Role::Manager,
            Some(self.company),
            clock::now().as_seconds(),
            lifetime,
        );
        sign_access_token(SECRET.as_bytes(), &claims).unwrap()
    }

    fn chat(&self, people: &[&Person]) -> ChatId {
        let new = NewChat {
            id: clock::new_id(ChatId::generate),
            kind: ChatType::Group,
            name: None,
            others: people[1..].iter().map(|person| person.id).collect(),
        };
        let seeker = Seeker {
            user: people[0].id,
            role: Role::Manager,
            company: Some(self.company),
        };
        nexus_store::chats::create(self.app.database(), seeker, &new, clock::now())
            .unwrap()
            .0
            .id
    }

    /// A message stored without the hub, as by REST.
    fn store(&self, chat: ChatId, sender: &Person, content: &str) -> message::Message {
        let new = nexus_store::messages::NewMessage {
            id: clock::new_id(MessageId::generate),
            chat_id: chat,
            sender_id: sender.id,
            temp_id: None,
            message_type: message::MessageType::Text,
            content: message::Content::new(content.into(), false).unwrap(),
            attachments: Vec::new(),
        };
        match nexus_store::messages::send(self.app.database(), vec![new], clock::now())
            .unwrap()
            .pop()
        {
            Some(nexus_store::messages::Sent::Stored(message)) => message,
            other => panic!("{other:?}"),
        }
    }

    async fn plain(&self, auth: Option<Value>) -> Client {
        let mut client = Client::open(self.address, "/ws", Kind::Plain).await;
        if let Some(auth) = auth {
            client.send("AUTH", auth).await;
        }
        client
    }

    async fn plain_as(&self, person: &Person) -> Client {
        let mut client = self.plain(Some(json!({"token": person.token}))).await;
        client.next("CONNECTED").await;
        client
    }

    async fn socket_io(&self, auth: Value) -> Client {
        let mut client = Client::open(self.address, "/socket.io/?EIO=4&transport=websocket", Kind::SocketIo).await;
        assert!(client.frame().await.unwrap().starts_with('0'));
        client.raw(&format!("40{auth}")).await;
        assert!(client.frame().await.unwrap().starts_with("40{\"sid\""));
        client
    }
}

#[derive(PartialEq)]
enum Kind {
    Plain,
    SocketIo,
}

struct Client {
    socket: WebSocketStream<TcpStream>,
    kind: Kind,
}

impl Client {
    async fn open(address: SocketAddr, path: &str, kind: Kind) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let request = format!("ws://{address}{path}").into_client_request().unwrap();
        let (socket, _) = client_async(request, stream).await.unwrap();
        Self { socket, kind }
    }

    async fn raw(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    async fn send(&mut self, event: &str, data: Value) {
        match self.kind {
            Kind::Plain => self.raw(&json!({"event": event, "data": data}).to_string()).await,
            Kind::SocketIo => self.raw(&format!("42{}", json!([event, data]))).await,
        }
    }

    /// The next text frame; `None` once closed.
    async fn frame(&mut self) -> Option<String> {
        loop {
            let frame = tokio::time::timeout(Duration::from_secs(15), self.socket.next())
                .await
                .expect("a frame in time");
            match frame {
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            let frame = self.frame().await?;
            let parsed: Value = match self.kind {
                Kind::Plain => serde_json::from_str(&frame).unwrap(),
                Kind::SocketIo => match frame.strip_prefix("42") {
                    Some(json) => {
                        let mut parts: Value = serde_json::from_str(json).unwrap();
                        json!({"event": parts[0].take(), "data": parts[1].take()})
                    }
                    None if frame.starts_with("43") => json!({"event": "ack", "data": frame[2..]}),
                    None => continue,
                },
            };
            return Some((parsed["event"].as_str().unwrap().to_owned(), parsed["data"].clone()));
        }
    }

    /// The next event of this name.
    async fn next(&mut self, name: &str) -> Value {
        loop {
            let (event, data) = self.event().await.unwrap_or_else(|| panic!("closed before {name}"));
            if event == name {
                return data;
            }
        }
    }

    async fn closed(&mut self) {
        while self.frame().await.is_some() {}
    }

    /// `seq` of the next so many new messages.
    async fn seqs(&mut self, count: usize) -> Vec<i64> {
        let mut seqs = Vec::new();
        while seqs.len() < count {
            seqs.push(self.next("NEW_MESSAGE").await["seq"].as_i64().unwrap());
        }
        seqs
    }
}

#[tokio::test]
async fn people_on_either_way_in_are_in_the_same_room() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut plain = house.plain_as(&anna).await;
    let mut socket_io = house.socket_io(json!({"token": ben.token})).await;
    let connected = socket_io.next("CONNECTED").await;
    assert_eq!(connected["userId"], json!(ben.id));
    assert_eq!(
        connected["chats"],
        json!([{"chatId": chat, "lastSeq": 0, "lastChange": 0}])
    );

    socket_io
        .raw(&format!(
            "427{}",
            json!(["NEW_MESSAGE", {"chatId": chat, "content": "hi", "tempId": "t"}])
        ))
        .await;
    let message = plain.next("NEW_MESSAGE").await;
    assert_eq!(
        (&message["seq"], &message["content"], &message["tempId"]),
        (&json!(1), &json!("hi"), &json!("t"))
    );
    assert!(message["timestamp"].is_string());
    assert_eq!(socket_io.next("NEW_MESSAGE").await, message);
    let sent = socket_io.next("MESSAGE_SENT").await;
    assert_eq!((&sent["messageId"], &sent["tempId"]), (&message["id"], &json!("t")));
    assert_eq!(socket_io.next("ack").await, json!(format!("7[{sent}]")));

    plain
        .raw(&json!({"event": "NEW_MESSAGE", "data": {"chatId": chat, "content": "ho"}, "id": 3}).to_string())
        .await;
    assert_eq!(socket_io.next("NEW_MESSAGE").await["seq"], 2);
    assert_eq!(plain.next("MESSAGE_SENT").await["seq"], 2);
}

#[tokio::test]
async fn the_same_temp_id_again_is_a_duplicate_also_after_a_reconnect() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let body = json!({"chatId": chat, "content": "once", "tempId": "x"});
    let mut first = house.plain_as(&anna).await;
    first.send("NEW_MESSAGE", body.clone()).await;
    let sent = first.next("MESSAGE_SENT").await;
    drop(first);
    let mut second = house.plain_as(&anna).await;
    second.send("NEW_MESSAGE", body).await;
    let again = second.next("MESSAGE_DUPLICATE").await;
    assert_eq!((&again["messageId"], &again["seq"]), (&sent["messageId"], &sent["seq"]));
    assert_eq!(again["message"], "Message already sent");
}

#[tokio::test]
async fn without_a_good_token_one_is_told_so_and_sent_away() {
    let house = house(&[]).await;
    let anna = house.person();
    let expired = house.token(anna.id, anna.session, -10);
    for (auth, code) in [
        (json!({}), "NO_TOKEN"),
        (json!({"token": ""}), "NO_TOKEN"),
        (json!({"token": "nonsense"}), "INVALID_TOKEN"),
        (json!({"token": 5}), "INVALID_TOKEN"),
        (json!({"token": expired}), "INVALID_TOKEN"),
    ] {
        let mut plain = house.plain(Some(auth.clone())).await;
        assert_eq!(plain.next("ERROR").await["code"], code, "{auth}");
        plain.closed().await;
        let mut socket_io = house.socket_io(auth.clone()).await;
        assert_eq!(socket_io.next("ERROR").await["code"], code, "{auth}");
        socket_io.closed().await;
    }
    let mut silent = house.plain(None).await;
    assert_eq!(silent.next("ERROR").await["code"], "NO_TOKEN");
}

#[tokio::test]
async fn nothing_falls_between_catching_up_and_live_while_messages_pour_in() {
    let house = Arc::new(house(&[]).await);
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut writer = house.plain_as(&anna).await;
    let pouring = tokio::spawn(async move {
        for number in 0..400 {
            writer
                .send("NEW_MESSAGE", json!({"chatId": chat, "content": format!("{number}")}))
                .await;
            if number % 8 == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        while writer.next("MESSAGE_SENT").await["seq"] != 400 {}
    });
    let mut last = 0;
    while last < 400 {
        let mut reader = house
            .plain(Some(json!({"token": ben.token, "lastSeq": {chat.to_string(): last}})))
            .await;
        reader.next("CONNECTED").await;
        let count = (400 - last).min(37);
        let seqs = reader.seqs(usize::try_from(count).unwrap()).await;
        assert_eq!(seqs, ((last + 1)..=(last + count)).collect::<Vec<_>>());
        last += count;
    }
    pouring.await.unwrap();
}

#[tokio::test]
async fn too_much_missed_is_a_gap_and_edits_are_made_up_for() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let (long, short) = (house.chat(&[&anna, &ben]), house.chat(&[&anna, &ben]));
    for _ in 0..501 {
        house.store(long, &anna, "x");
    }
    let first = house.store(short, &anna, "before");
    nexus_store::messages::edit(
        house.app.database(),
        anna.id,
        short,
        first.id,
        "after".into(),
        clock::now(),
    )
    .unwrap();
    let positions = json!({long.to_string(): 0, short.to_string(): 1});
    let mut reader = house
        .plain(Some(json!({"token": ben.token, "lastSeq": positions})))
        .await;
    reader.next("CONNECTED").await;
    assert_eq!(
        reader.next("HISTORY_GAP").await,
        json!({"chatId": long, "fromSeq": 1, "toSeq": 501})
    );
    let updated = reader.next("MESSAGE_UPDATED").await;
    assert_eq!((&updated["seq"], &updated["content"]), (&json!(1), &json!("after")));
    house.store(long, &anna, "live");
    assert_eq!(reader.next("NEW_MESSAGE").await["seq"], 502);
}

#[tokio::test]
async fn messages_of_others_come_in_order_even_when_nobody_told_the_hub() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut reader = house.plain_as(&ben).await;
    let stored: Vec<_> = (0..3).map(|_| house.store(chat, &anna, "x")).collect();
    // The third is told first, the second never.
    house
        .hub
        .deliver(vec![RelayEvent::MessageStored {
            message: stored[2].clone(),
        }])
        .await;
    house
        .hub
        .deliver(vec![RelayEvent::MessageStored {
            message: stored[0].clone(),
        }])
        .await;
    assert_eq!(reader.seqs(3).await, [1, 2, 3]);
    house.store(chat, &anna, "only the feed knows");
    assert_eq!(reader.seqs(1).await, [4]);
}

#[tokio::test]
async fn the_newer_connection_wins_and_a_revoked_session_ends() {
    let house = house(&[]).await;
    let anna = house.person();
    let mut older = house.plain_as(&anna).await;
    let mut newer = house.socket_io(json!({"token": anna.token})).await;
    newer.next("CONNECTED").await;
    assert_eq!(older.next("FORCE_DISCONNECT").await["code"], "DUPLICATE");
    older.closed().await;
    house
        .app
        .database()
        .execute("UPDATE sessions SET ended_at = 1 WHERE id = ?1", params![anna.session])
        .unwrap();
    assert_eq!(newer.next("FORCE_DISCONNECT").await["code"], "REVOKED");
    newer.closed().await;
}

#[tokio::test]
async fn typing_is_told_to_the_others_and_stops_by_itself() {
    let house = house(&[]).await;
    let (anna, ben, stranger) = (house.person(), house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let (mut one, mut other) = (house.plain_as(&anna).await, house.plain_as(&ben).await);
    one.send("TYPING_START", json!({"chatId": chat})).await;
    assert_eq!(other.next("USER_TYPING").await["userId"], json!(anna.id));
    assert_eq!(other.next("USER_STOPPED_TYPING").await["chatId"], json!(chat));
    let mut outside = house.plain_as(&stranger).await;
    outside.send("TYPING_START", json!({"chatId": chat})).await;
    assert_eq!(outside.next("ERROR").await["code"], "NOT_A_MEMBER");
    outside
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x", "tempId": "q"}))
        .await;
    let refused = outside.next("ERROR").await;
    assert_eq!(
        (&refused["code"], &refused["tempId"]),
        (&json!("NOT_A_MEMBER"), &json!("q"))
    );
}

#[tokio::test]
async fn presence_and_read_marks_reach_those_who_share_a_chat() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut one = house.plain_as(&anna).await;
    let mut other = house.plain_as(&ben).await;
    assert_eq!(one.next("USER_ONLINE").await["userId"], json!(ben.id));
    one.send("NEW_MESSAGE", json!({"chatId": chat, "content": "x"})).await;
    other.next("NEW_MESSAGE").await;
    other.send("MESSAGE_READ", json!({"chatId": chat, "seq": 1})).await;
    assert_eq!(
        one.next("MESSAGE_READ").await,
        json!({"chatId": chat, "userId": ben.id, "seq": 1})
    );
    // Back within the grace: nothing is said.
    drop(other);
    let back = house.plain_as(&ben).await;
    drop(back);
    let offline = one.next("USER_OFFLINE").await;
    assert_eq!(offline["userId"], json!(ben.id));
    assert!(offline["lastSeenAt"].is_string());
}

#[tokio::test]
async fn the_rate_limit_says_how_long_to_wait() {
    let house = house(&[("MESSAGE_RATE", "2/10s")]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut client = house.plain_as(&anna).await;
    for _ in 0..3 {
        client
            .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x"}))
            .await;
    }
    let refused = client.next("ERROR").await;
    assert_eq!(refused["code"], "RATE_LIMIT_EXCEEDED");
    assert!(refused["retryAfterMs"].as_u64().unwrap() <= 10_000);
}

#[tokio::test]
async fn silent_and_expired_connections_end_and_a_fresh_token_goes_on() {
    let house = house(&[("INACTIVITY", "2s")]).await;
    let anna = house.person();
    let mut client = house.plain_as(&anna).await;
    client
        .send("REAUTH", json!({"token": house.token(anna.id, anna.session, 600)}))
        .await;
    assert!(client.next("REAUTHENTICATED").await["expiresAt"].is_string());
    client.send("REAUTH", json!({"token": "nonsense"})).await;
    assert_eq!(client.next("ERROR").await["code"], "INVALID_TOKEN");
    assert_eq!(client.next("FORCE_DISCONNECT").await["code"], "INACTIVE");
    client.closed().await;
}

#[tokio::test]
async fn a_failing_store_is_told_and_nothing_is_acknowledged() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut client = house.plain_as(&anna).await;
    house.backend.broken.store(true, Ordering::Relaxed);
    client
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x", "tempId": "t"}))
        .await;
    let failed = client.next("ERROR").await;
    assert_eq!(
        (&failed["code"], &failed["tempId"]),
        (&json!("MESSAGE_SEND_FAILED"), &json!("t"))
    );
    let mut newcomer = house.plain(Some(json!({"token": ben.token}))).await;
    assert_eq!(newcomer.next("ERROR").await["code"], "CONNECTION_ERROR");
    newcomer.closed().await;
    house.backend.broken.store(false, Ordering::Relaxed);
    client
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "x", "tempId": "t"}))
        .await;
    assert_eq!(client.next("MESSAGE_SENT").await["seq"], 1);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_slows_nobody() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let _deaf = house.plain_as(&ben).await;
    let mut writer = house.plain_as(&anna).await;
    let content = "x".repeat(4_000);
    // Far beyond 1 MiB and what the kernel's buffers take.
    for round in 0..4 {
        for _ in 0..700 {
            writer
                .send("NEW_MESSAGE", json!({"chatId": chat, "content": content}))
                .await;
        }
        for _ in 0..700 {
            writer.next("MESSAGE_SENT").await;
        }
        if house
            .hub
            .metrics_text()
            .contains("relay_dropped_total{reason=\"slow\"} 1")
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert!(round < 3, "it was never dropped");
    }
}

#[tokio::test]
async fn a_stopping_server_says_goodbye_and_stores_what_is_under_way() {
    let house = house(&[]).await;
    let (anna, ben) = (house.person(), house.person());
    let chat = house.chat(&[&anna, &ben]);
    let mut client = house.plain_as(&anna).await;
    client
        .send("NEW_MESSAGE", json!({"chatId": chat, "content": "last words"}))
        .await;
    client.next("NEW_MESSAGE").await;
    house.hub.drain().await;
    assert_eq!(client.next("FORCE_DISCONNECT").await["code"], "SHUTDOWN");
    client.closed().await;
    let stream = TcpStream::connect(house.address).await.unwrap();
    let request = format!("ws://{}/ws", house.address).into_client_request().unwrap();
    assert!(client_async(request, stream).await.is_err());
}

#[tokio::test]
async fn whatever_is_sent_the_connection_answers_or_ends() {
    let house = house(&[]).await;
    let anna = house.person();
    let mut client = house.plain_as(&anna).await;
    for strange in [
        "",
        "{",
        "[]",
        "null",
        r#"{"event":1}"#,
        r#"{"event":"NOPE"}"#,
        r#"{"event":"NEW_MESSAGE"}"#,
    ] {
        client.raw(strange).await;
        assert_eq!(client.next("ERROR").await["code"], "INVALID_PAYLOAD", "{strange}");
    }
    client.send("HEALTH_CHECK", json!(null)).await;
    let health = client.next("HEALTH_RESPONSE").await;
    assert_eq!(
        (
            &health["authenticated"],
            &health["redisStatus"],
            &health["connectedUsers"]
        ),
        (&json!(true), &json!("disabled"), &json!(1))
    );
    client.raw(&"x".repeat(70_000)).await;
    client.closed().await;
}
