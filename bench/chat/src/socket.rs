//! Load: Socket.IO and plain connections that do little more than count.

use std::net::{IpAddr, SocketAddr};

use futures::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Where Socket.IO by WebSocket begins.
pub const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

/// The read buffer is zeroed at each read: of its usual size that costs as much as all else together.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(4 * 1024)
}

pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// What came, as far as load needs to know.
pub enum Received {
    /// A frame, and where in it the name of the event begins.
    Event(Utf8Bytes, usize),
    Nothing,
}

impl Received {
    /// What a text frame says.
    pub fn read(frame: Utf8Bytes) -> Self {
        let before = ["42[\"", "{\"event\":\""]
            .into_iter()
            .find(|before| frame.starts_with(before));
        before.map_or(Self::Nothing, |before| Self::Event(frame, before.len()))
    }

    /// The name of the event and its payload, unparsed.
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
    /// By Socket.IO, signed in with `auth` (JSON).
    pub async fn socket_io(address: SocketAddr, auth: &str) -> std::io::Result<Self> {
        let mut socket = Self::open(address, None, SOCKET_IO).await?;
        socket.send(format!("40{auth}")).await?;
        Ok(socket)
    }

    /// Plain, signed in with a token, from this address of ours.
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

    /// The next frame; answers heartbeats. An error once it is closed.
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
