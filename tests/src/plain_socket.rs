//! A plain WebSocket client of the realtime contract.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::backlog::Backlog;

const TIMEOUT: Duration = Duration::from_secs(20);

pub struct PlainSocket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Events that came while another was waited for.
    passed_over: Backlog,
}

impl PlainSocket {
    /// Connects with the token as a subprotocol, as browsers do.
    pub async fn connect(url: &str, token: &str) -> Self {
        Self::upgrade(url, &format!("nexus.v1, bearer.{token}")).await
    }

    /// Connects with the token in the first frame, and says there up to where it has each chat.
    pub async fn connect_from(url: &str, token: &str, last_seq: Value) -> Self {
        let mut socket = Self::upgrade(url, "nexus.v1").await;
        socket
            .send("AUTH", json!({ "token": token, "lastSeq": last_seq }))
            .await;
        socket
    }

    async fn upgrade(url: &str, protocols: &str) -> Self {
        let url = format!("{}/ws", url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("a URL");
        let protocols = protocols.parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        let (socket, answer) = connect_async(request).await.expect("an upgrade");
        assert_eq!(answer.headers()["sec-websocket-protocol"], "nexus.v1");
        Self {
            socket,
            passed_over: Backlog::default(),
        }
    }

    pub async fn send(&mut self, event: &str, data: Value) {
        let frame = json!({ "event": event, "data": data }).to_string();
        self.socket.send(Message::text(frame)).await.expect("an open socket");
    }

    /// The data of the next event of this name; others are kept for when they are asked for.
    pub async fn next(&mut self, event: &str) -> Value {
        if let Some(data) = self.passed_over.take(event) {
            return data;
        }
        let wait = async {
            loop {
                let mut frame = self.frame().await.expect("an open socket");
                if frame["event"] == event {
                    return frame["data"].take();
                }
                self.passed_over.keep(frame);
            }
        };
        tokio::time::timeout(TIMEOUT, wait)
            .await
            .unwrap_or_else(|_| panic!("no {event} within {TIMEOUT:?}"))
    }

    /// The next event, whatever it is: `{"event", "data"}`.
    pub async fn next_of_all(&mut self) -> Value {
        if let Some(kept) = self.passed_over.pop() {
            return kept;
        }
        tokio::time::timeout(TIMEOUT, self.frame())
            .await
            .unwrap_or_else(|_| panic!("nothing within {TIMEOUT:?}"))
            .expect("an open socket")
    }

    /// Whether an event of this name has come by now. What the server said before this was asked is here when it answers.
    pub async fn has_heard(&mut self, event: &str) -> bool {
        self.send("HEALTH_CHECK", Value::Null).await;
        self.next("HEALTH_RESPONSE").await;
        self.passed_over.take(event).is_some()
    }

    /// Everything until the server closes the connection.
    pub async fn until_closed(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Some(kept) = self.passed_over.pop() {
            all.push(kept);
        }
        let wait = async {
            while let Some(frame) = self.frame().await {
                all.push(frame);
            }
        };
        tokio::time::timeout(TIMEOUT, wait)
            .await
            .unwrap_or_else(|_| panic!("still open after {TIMEOUT:?}"));
        all
    }

    /// `None` once the server has closed the connection.
    async fn frame(&mut self) -> Option<Value> {
        while let Some(Ok(frame)) = self.socket.next().await {
            if let Message::Text(text) = frame {
                return Some(serde_json::from_str(&text).expect("JSON"));
            }
        }
        None
    }
}
