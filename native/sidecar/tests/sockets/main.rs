//! The hub with the real `chat` component behind it, in one process and without a host.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod deliveries;
mod endings;
mod late;
mod life;
mod model;
mod nodes;
mod rooms;
mod trouble;
mod upgrades;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, SinkExt, StreamExt};
use http::{Request, Response};
use nexus_domain::chat::{ChatType, Viewer};
use nexus_domain::ids::{ChatId, CompanyId, MessageId, SessionId, UserId};
use nexus_domain::settings::Settings;
use nexus_domain::token::{AccessClaims, AccessKey, sign_access_token};
use nexus_domain::{Role, message};
use nexus_kit::layers::Layered;
use nexus_kit::{App, Config, clock};
use nexus_protocol::relay::RelayEvent;
use nexus_sidecar::backend::{Backend, BackendError, Body, boxed};
use nexus_sidecar::sockets::{Hub, SocketsConfig};
use nexus_store::chat::chats::NewChat;
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
    router: Layered,
    broken: AtomicBool,
    /// How many calls of a thousand fail before they are done, and after: then only the answer is lost.
    fail_before: AtomicU32,
    fail_after: AtomicU32,
}

/// A number below a thousand.
fn per_mille() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).unwrap();
    u32::from_le_bytes(bytes) % 1_000
}

impl Backend for InProcess {
    fn call(&self, request: Request<Body>, _: SocketAddr) -> BoxFuture<'static, Result<Response<Body>, BackendError>> {
        if self.broken.load(Ordering::Relaxed) {
            return async { Err(BackendError::TimedOut(Duration::ZERO)) }.boxed();
        }
        let router = self.router.clone();
        let lost = |chance: &AtomicU32| per_mille() < chance.load(Ordering::Relaxed);
        let (before, after) = (lost(&self.fail_before), lost(&self.fail_after));
        async move {
            if before {
                return Err(BackendError::TimedOut(Duration::ZERO));
            }
            match router.oneshot(request.map(axum::body::Body::new)).await {
                Ok(_) if after => Err(BackendError::TimedOut(Duration::ZERO)),
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

async fn house(settings: &[(&'static str, &str)]) -> House {
    let (app, company) = place();
    node(app, company, settings).await
}

/// A store with one company in it.
fn place() -> (App, CompanyId) {
    let pairs = [("jwt_access_secret", SECRET), ("internal_secret", SECRET)];
    let app = App::new(Database::in_memory().unwrap(), Config::from_pairs(pairs)).unwrap();
    let company = clock::new_id(CompanyId::generate);
    nexus_store::identity::companies::insert(app.database(), company, "One", "one", "EUR", "UTC", clock::now())
        .unwrap();
    (app, company)
}

fn settings(changed: &[(&'static str, &str)]) -> Settings {
    let mut given = BTreeMap::from([
        ("JWT_ACCESS_SECRET", SECRET),
        ("JWT_REFRESH_SECRET", SECRET),
        ("INTERNAL_SECRET", SECRET),
        ("MAIL_SEAL_KEY", SECRET),
        ("MESSAGE_RATE", "1000/1s"),
    ]);
    given.extend(changed.iter().copied());
    Settings::read(|name| given.get(name).map(|value| (*value).to_owned())).unwrap()
}

/// A relay before that store.
async fn node(app: App, company: CompanyId, given: &[(&'static str, &str)]) -> House {
    let router = nexus_kit::layers::wrap(nexus_kit::openapi::finish(chat::routes()), app.clone());
    let backend = Arc::new(InProcess {
        router,
        broken: AtomicBool::new(false),
        fail_before: AtomicU32::new(0),
        fail_after: AtomicU32::new(0),
    });
    let settings = settings(given);
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
    /// Another relay before the same store.
    async fn neighbour(&self, settings: &[(&'static str, &str)]) -> House {
        node(self.app.clone(), self.company, settings).await
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

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
        self.sign_in(id, session)
    }

    /// The same person on another device.
    fn device_of(&self, person: &Person) -> Person {
        self.sign_in(person.id, clock::new_id(SessionId::generate))
    }

    fn sign_in(&self, id: UserId, session: SessionId) -> Person {
        let now = clock::now();
        self.app
            .database()
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
        sign_access_token(&AccessKey::derive(SECRET.as_bytes()), &claims).unwrap()
    }

    fn chat(&self, people: &[&Person]) -> ChatId {
        let new = NewChat {
            id: clock::new_id(ChatId::generate),
            kind: ChatType::Group,
            name: None,
            others: people[1..].iter().map(|person| person.id).collect(),
        };
        let viewer = Viewer {
            user: people[0].id,
            role: Role::Manager,
            company: Some(self.company),
        };
        nexus_store::chat::chats::create(self.app.database(), viewer, &new, clock::now())
            .unwrap()
            .0
            .id
    }

    /// A message stored without the hub, as by REST.
    fn store(&self, chat: ChatId, sender: &Person, content: &str) -> message::Placed {
        let new = nexus_store::chat::messages::NewMessage {
            id: clock::new_id(MessageId::generate),
            chat_id: chat,
            sender_id: sender.id,
            temp_id: None,
            message_type: message::MessageType::Text,
            content: message::Content::new(content.into(), false).unwrap(),
            attachments: Vec::new(),
        };
        match nexus_store::chat::messages::send(self.app.database(), vec![new], clock::now())
            .unwrap()
            .pop()
        {
            Some(nexus_store::chat::messages::Sent::Stored(placed)) => placed,
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
        let connected = client.frame().await.unwrap();
        assert!(connected.starts_with("40{\"sid\""), "{connected}");
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
                // The heartbeat comes when it likes.
                Some(Ok(Message::Text(text))) if self.kind == Kind::SocketIo && text == "2" => self.raw("3").await,
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
