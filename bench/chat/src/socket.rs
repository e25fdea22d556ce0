//! The load's connections, Socket.IO and plain. They do little more than count.

use std::net::{IpAddr, SocketAddr};

use futures::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// The path of Socket.IO over WebSocket.
pub const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

/// Bytes of the read buffer. It is zeroed at each read; at its default size that costs as much as everything else.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4 * 1024)
}

pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// A received frame, as far as the load parses it.
pub enum Received {
    /// A frame, and the offset of the event's name.
    Event(Utf8Bytes, usize),
    Nothing,
}

impl Received {
    /// Parses a text frame.
    pub fn read(frame: Utf8Bytes) -> Self {
        let before = ["42[\"", "{\"event\":\""]
            .into_iter()
            .find(|before| frame.starts_with(before));
        before.map_or(Self::Nothing, |before| Self::Event(frame, before.len()))
    }

    /// The event's name and its unparsed payload.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Event(frame, from) => frame.get(*from..),
            Self::Nothing => None,
        }
    }

    pub fn is(&self, event: &str) -> bool {
        self.text().is_some_and(|text| text.starts_with(event))
    }

    /// The text after `"name":"` up to the next quote.
    pub fn field(&self, name: &str) -> Option<&str> {
        let text = self.text()?;
        let from = text.find(&format!("\"{name}\":\""))? + name.len() + 4;
        text.get(from..)?.split('"').next()
    }
}

impl Socket {
    /// Connects by Socket.IO and signs in with `auth` (JSON).
    pub async fn socket_io(address: SocketAddr, auth: &str) -> std::io::Result<Self> {
        let mut socket = Self::open(address, None, SOCKET_IO).await?;
        socket.send(format!("40{auth}")).await?;
        Ok(socket)
    }

    /// Connects plainly from this local address and signs in with a token.
    pub async fn plain(address: SocketAddr, from: Option<IpAddr>, auth: &str) -> std::io::Result<Self> {
        let mut socket = Self::open(address, from, "/ws").await?;
        socket.send(format!("{{\"event\":\"AUTH\",\"data\":{auth}}}")).await?;
        Ok(socket)
    }

    async fn open(address: SocketAddr, from: Option<IpAddr>, path: &str) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(from) = from {
            socket.bind((from, 0).into())?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!("ws://{address}{path}")
            .into_client_request()
            .map_err(std::io::Error::other)?;
        let (stream, _) = client_async_with_config(request, stream, Some(config()))
            .await
            .map_err(std::io::Error::other)?;
        Ok(Self { stream })
    }

    pub async fn send(&mut self, frame: String) -> std::io::Result<()> {
        self.stream
            .send(Message::text(frame))
            .await
            .map_err(std::io::Error::other)
    }

    pub async fn emit(&mut self, event: &str, payload: &serde_json::Value) -> std::io::Result<()> {
        self.send(format!("42[\"{event}\",{payload}]")).await
    }

    /// Returns the next frame and answers heartbeats. An error once the connection is closed.
    pub async fn receive(&mut self) -> std::io::Result<Received> {
        let closed = || std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
        match self.stream.next().await.ok_or_else(closed)? {
            Ok(Message::Text(text)) => {
                if text.as_str() == "2" {
                    self.send("3".to_owned()).await?;
                    return Ok(Received::Nothing);
                }
                Ok(Received::read(text))
            }
            Ok(Message::Close(_)) | Err(_) => Err(closed()),
            Ok(_) => Ok(Received::Nothing),
        }
    }

    pub async fn await_event(&mut self, event: &str) -> std::io::Result<()> {
        while !self.receive().await?.is(event) {}
        Ok(())
    }
}
