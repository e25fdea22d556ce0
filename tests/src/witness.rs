//! A client that remembers everything it was told, and complains where a guarantee of the realtime contract is broken:
//! acknowledged is stored, stored once, ordered, recovered.
//!
//! It connects again whenever it lost its connection, tells up to where it knows each chat, and sends again, under the
//! same `tempId`, whatever wasn't acknowledged.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

mod compared;
mod speech;

pub use compared::{Stored, compare};
use speech::Heard;
pub use speech::Speech;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What one client knows of a chat.
#[derive(Debug, Default, Clone)]
pub struct Chat {
    /// It knows everything after this `seq`.
    pub from: i64,
    pub last: i64,
    /// By `seq`: message id and content as shown now.
    pub messages: BTreeMap<i64, (String, String)>,
    /// Was told to fetch these by REST.
    pub gaps: Vec<(i64, i64)>,
}

/// An acknowledged message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    pub message_id: String,
    pub chat: String,
    pub seq: i64,
    pub content: String,
}

#[derive(Debug, Default)]
pub struct Seen {
    pub chats: HashMap<String, Chat>,
    /// By `tempId`: chat and content of what isn't acknowledged yet.
    pub pending: BTreeMap<String, (String, String)>,
    /// By `tempId`.
    pub acknowledged: BTreeMap<String, Acknowledged>,
    pub connects: u32,
    pub is_connected: bool,
    /// Broken guarantees.
    pub complaints: Vec<String>,
    /// What happened, for whoever must find out why.
    pub log: Vec<String>,
}

enum Order {
    Send { temp_id: String },
    Drop { pause: Duration },
}

pub struct Witness {
    name: String,
    seen: Arc<Mutex<Seen>>,
    orders: mpsc::UnboundedSender<Order>,
    sent: u32,
    task: JoinHandle<()>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long a refused or unanswered message waits before it is sent again on the same connection.
const AGAIN: Duration = Duration::from_millis(150);
/// Without an answer for so long, a message is sent again.
const UNANSWERED: Duration = Duration::from_secs(6);

impl Witness {
    /// `urls` are asked anew at each connect: nodes come and go.
    pub fn start(name: &str, token: &str, urls: impl Fn() -> String + Send + 'static) -> Self {
        Self::start_by(Speech::Plain, name, token, urls)
    }

    pub fn start_by(speech: Speech, name: &str, token: &str, urls: impl Fn() -> String + Send + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (orders, ordered) = mpsc::unbounded_channel();
        let client = Client {
            speech,
            token: token.to_owned(),
            seen: Arc::clone(&seen),
            orders: ordered,
        };
        Self {
            name: name.to_owned(),
            seen,
            orders,
            sent: 0,
            task: tokio::spawn(client.live(urls)),
        }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a message, now or as soon as it is connected.
    pub fn send(&mut self, chat: &str, content: &str) {
        self.sent += 1;
        let temp_id = format!("{}-{}", self.name, self.sent);
        self.seen()
            .pending
            .insert(temp_id.clone(), (chat.to_owned(), content.to_owned()));
        let _ = self.orders.send(Order::Send { temp_id });
    }

    /// Sends a message again that was acknowledged long ago.
    pub fn send_again(&mut self, which: usize) {
        let mut seen = self.seen();
        let found = seen
            .acknowledged
            .iter()
            .nth(which)
            .map(|(temp_id, sent)| (temp_id.clone(), sent.chat.clone()));
        if let Some((temp_id, chat)) = found {
            // The first content stands.
            seen.pending.insert(temp_id.clone(), (chat, "again".to_owned()));
            drop(seen);
            let _ = self.orders.send(Order::Send { temp_id });
        }
    }

    /// Loses its connection without a goodbye and comes back after a while.
    pub fn drop_connection(&self, pause: Duration) {
        let _ = self.orders.send(Order::Drop { pause });
    }
}

struct Client {
    speech: Speech,
    token: String,
    seen: Arc<Mutex<Seen>>,
    orders: mpsc::UnboundedReceiver<Order>,
}

/// Why a connection ended.
enum End {
    Lost,
    Dropped(Duration),
    /// Nobody gives orders any more.
    Over,
}

impl Client {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn live(mut self, urls: impl Fn() -> String) {
        loop {
            let url = format!("{}{}", urls().replacen("http", "ws", 1), self.speech.path());
            let connected = tokio::time::timeout(Duration::from_secs(10), connect_async(url)).await;
            let end = match connected {
                Ok(Ok((socket, _))) => self.talk(socket).await,
                _ => End::Lost,
            };
            self.seen().is_connected = false;
            match end {
                End::Over => return,
                End::Dropped(pause) => tokio::time::sleep(pause).await,
                End::Lost => tokio::time::sleep(Duration::from_millis(30)).await,
            }
        }
    }

    async fn talk(&mut self, mut socket: Socket) -> End {
        let known: HashMap<String, i64> = self
            .seen()
            .chats
            .iter()
            .map(|(chat, known)| (chat.clone(), known.last))
            .collect();
        self.seen().log.push(format!("connects, knows {known:?}"));
        let auth = json!({"token": self.token, "lastSeq": known});
        if let Some(greeting) = self.speech.greeting(&auth)
            && socket.send(Message::text(greeting)).await.is_err()
        {
            return End::Lost;
        }
        let mut again: HashMap<String, Instant> = HashMap::new();
        let mut tick = tokio::time::interval(AGAIN / 2);
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Send { temp_id }) => {
                        if !self.seen().is_connected { continue }
                        if !self.say(&mut socket, &temp_id, &mut again).await { return End::Lost }
                    }
                    Some(Order::Drop { pause }) => {
                        self.seen().log.push("drops".to_owned());
                        return End::Dropped(pause);
                    }
                    None => return End::Over,
                },
                frame = socket.next() => match frame {
                    Some(Ok(Message::Text(text))) => {
                        let (event, data) = match self.speech.read(&text, &auth) {
                            Heard::Event(event, data) => (event, data),
                            Heard::Answer(answer) => match socket.send(Message::text(answer)).await {
                                Ok(()) => continue,
                                Err(_) => return End::Lost,
                            },
                            Heard::Nothing => continue,
                            Heard::NotJson => {
                                self.seen().complaints.push(format!("not JSON: {text}"));
                                continue;
                            }
                        };
                        let newly_in = self.hear(&event, &data, &mut again);
                        if newly_in {
                            let pending: Vec<String> = self.seen().pending.keys().cloned().collect();
                            for temp_id in pending {
                                if !self.say(&mut socket, &temp_id, &mut again).await { return End::Lost }
                            }
                        }
                        if event == "FORCE_DISCONNECT" { return End::Lost }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Lost,
                    Some(Ok(_)) => {}
                },
                _ = tick.tick() => {
                    let now = Instant::now();
                    let due: Vec<String> =
                        again.iter().filter(|(_, at)| **at <= now).map(|(temp_id, _)| temp_id.clone()).collect();
                    for temp_id in due {
                        if !self.say(&mut socket, &temp_id, &mut again).await { return End::Lost }
                    }
                }
            }
        }
    }

    async fn say(&self, socket: &mut Socket, temp_id: &str, again: &mut HashMap<String, Instant>) -> bool {
        let Some((chat, content)) = self.seen().pending.get(temp_id).cloned() else {
            again.remove(temp_id);
            return true;
        };
        again.insert(temp_id.to_owned(), Instant::now() + UNANSWERED);
        self.seen().log.push(format!("sends {temp_id}"));
        let data = json!({"chatId": chat, "content": content, "tempId": temp_id});
        let frame = self.speech.say("NEW_MESSAGE", &data);
        socket.send(Message::text(frame)).await.is_ok()
    }

    /// `true` when it was let in just now.
    fn hear(&self, event: &str, data: &Value, again: &mut HashMap<String, Instant>) -> bool {
        let mut seen = self.seen();
        match event {
            "CONNECTED" => {
                seen.connects += 1;
                seen.is_connected = true;
                seen.log.push(format!("CONNECTED {}", data["chats"]));
                for head in data["chats"].as_array().into_iter().flatten() {
                    learn(&mut seen, &head["chatId"], &head["lastSeq"]);
                }
                return true;
            }
            "CHAT_CREATED" => {
                seen.log
                    .push(format!("CHAT_CREATED {} {}", data["id"], data["lastSeq"]));
                learn(&mut seen, &data["id"], &data["lastSeq"]);
            }
            "NEW_MESSAGE" => new_message(&mut seen, data),
            "HISTORY_GAP" => gap(&mut seen, data),
            "MESSAGE_UPDATED" | "MESSAGE_DELETED" => {
                seen.log.push(format!("{event} {} {}", data["seq"], data["content"]));
                let seq = data["seq"].as_i64().unwrap_or_default();
                let shown = (text(&data["id"]), text(&data["content"]));
                if let Some(chat) = seen.chats.get_mut(&text(&data["chatId"]))
                    && chat.messages.contains_key(&seq)
                {
                    chat.messages.insert(seq, shown);
                }
            }
            "MESSAGE_SENT" | "MESSAGE_DUPLICATE" => {
                again.remove(&text(&data["tempId"]));
                acknowledged(&mut seen, event, data);
            }
            "ERROR" => {
                seen.log.push(format!("ERROR {data}"));
                let passing = [
                    "RATE_LIMIT_EXCEEDED",
                    "UNAVAILABLE",
                    "MESSAGE_SEND_FAILED",
                    "CONNECTION_ERROR",
                ];
                if !passing.contains(&data["code"].as_str().unwrap_or_default()) {
                    seen.complaints.push(format!("refused: {data}"));
                }
                if let Some(temp_id) = data["tempId"].as_str() {
                    again.insert(temp_id.to_owned(), Instant::now() + AGAIN);
                }
            }
            "FORCE_DISCONNECT" => seen.log.push(format!("FORCE_DISCONNECT {}", data["code"])),
            _ => {}
        }
        false
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A chat is known from here on, unless it was before.
fn learn(seen: &mut Seen, chat: &Value, last: &Value) {
    let last = last.as_i64().unwrap_or_default();
    let fresh = Chat {
        from: last,
        last,
        ..Chat::default()
    };
    seen.chats.entry(text(chat)).or_insert(fresh);
}

fn new_message(seen: &mut Seen, data: &Value) {
    let (id, seq) = (text(&data["id"]), data["seq"].as_i64().unwrap_or_default());
    let name = text(&data["chatId"]);
    seen.log.push(format!("NEW_MESSAGE {seq} {}", data["tempId"]));
    let chat = seen.chats.entry(name.clone()).or_default();
    if seq != chat.last + 1 {
        let complaint = format!("chat {name}: {seq} came after {}", chat.last);
        seen.complaints.push(complaint);
        return;
    }
    chat.last = seq;
    chat.messages.insert(seq, (id, text(&data["content"])));
}

fn gap(seen: &mut Seen, data: &Value) {
    let name = text(&data["chatId"]);
    seen.log.push(format!("HISTORY_GAP {data}"));
    let (from, to) = (
        data["fromSeq"].as_i64().unwrap_or_default(),
        data["toSeq"].as_i64().unwrap_or_default(),
    );
    let chat = seen.chats.entry(name.clone()).or_default();
    if from > chat.last + 1 {
        let complaint = format!("chat {name}: a gap from {from} while {} was the last", chat.last);
        seen.complaints.push(complaint);
        return;
    }
    chat.gaps.push((from, to));
    chat.last = chat.last.max(to);
}

fn acknowledged(seen: &mut Seen, event: &str, data: &Value) {
    let temp_id = text(&data["tempId"]);
    seen.log.push(format!("{event} {temp_id} {}", data["seq"]));
    let Some((chat, content)) = seen.pending.remove(&temp_id) else {
        return;
    };
    let now = Acknowledged {
        message_id: text(&data["messageId"]),
        chat,
        seq: data["seq"].as_i64().unwrap_or_default(),
        content,
    };
    match seen.acknowledged.get(&temp_id) {
        Some(first) if (&first.message_id, first.seq) != (&now.message_id, now.seq) => {
            let complaint = format!("{temp_id} was {first:?} and is now {now:?}");
            seen.complaints.push(complaint);
        }
        Some(_) => {
            if event == "MESSAGE_SENT" {
                seen.complaints.push(format!("{temp_id} was stored a second time"));
            }
        }
        None => {
            seen.acknowledged.insert(temp_id, now);
        }
    }
}
