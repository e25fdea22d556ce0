//! The two ways to speak with the relay over a WebSocket.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    Plain,
    SocketIo,
}

/// What a frame from the relay means.
pub enum Heard {
    Event(String, Value),
    /// The relay waits for this frame.
    Answer(String),
    Nothing,
    NotJson,
}

impl Speech {
    pub fn path(self) -> &'static str {
        match self {
            Self::Plain => "/ws",
            Self::SocketIo => "/socket.io/?EIO=4&transport=websocket",
        }
    }

    /// What is said as soon as the connection is open; Socket.IO waits for the relay's first word.
    pub fn greeting(self, auth: &Value) -> Option<String> {
        (self == Self::Plain).then(|| self.say("AUTH", auth))
    }

    pub fn say(self, event: &str, data: &Value) -> String {
        match self {
            Self::Plain => json!({"event": event, "data": data}).to_string(),
            Self::SocketIo => format!("42{}", json!([event, data])),
        }
    }

    pub fn read(self, text: &str, auth: &Value) -> Heard {
        let parts = match self {
            Self::Plain => {
                serde_json::from_str::<Value>(text).map(|mut frame| (frame["event"].take(), frame["data"].take()))
            }
            // Engine.IO's OPEN and PING, then Socket.IO's EVENT; CONNECT and DISCONNECT say nothing that the relay doesn't.
            Self::SocketIo if text.starts_with('0') => return Heard::Answer(format!("40{auth}")),
            Self::SocketIo if text == "2" => return Heard::Answer("3".to_owned()),
            Self::SocketIo => match text.strip_prefix("42") {
                Some(event) => serde_json::from_str::<Value>(event).map(|mut event| (event[0].take(), event[1].take())),
                None => return Heard::Nothing,
            },
        };
        match parts {
            Ok((name, data)) => Heard::Event(name.as_str().unwrap_or_default().to_owned(), data),
            Err(_) => Heard::NotJson,
        }
    }
}
