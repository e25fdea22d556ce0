//! A plain WebSocket client of the realtime contract.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::backlog::Backlog;

const PATIENCE: Duration = Duration::from_secs(20);

pub struct PlainSocket {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Events that came while another was waited for.
    passed_over: Backlog,
}

impl PlainSocket {
    /// Connects with the token as a subprotocol, as browsers do.
    pub async fn connect(url: &str, token: &str) -> Self {
        let url = format!("{}/ws", url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("a URL");
        let protocols = format!("nexus.v1, bearer.{token}").parse().expect("a header");
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
                let frame = self.socket.next().await.expect("an open socket").expect("a frame");
                if let Message::Text(text) = frame {
                    let mut frame: Value = serde_json::from_str(&text).expect("JSON");
                    if frame["event"] == event {
                        return frame["data"].take();
                    }
                    self.passed_over.keep(frame);
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("no {event} within {PATIENCE:?}"))
    }
}
