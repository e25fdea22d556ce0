//! An event on its way to clients: serialised once for each protocol, however many get it.

use nexus_protocol::EventName;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use engineioxide::Str;
use nexus_domain::Timestamp;
use prometheus::{IntCounter, IntCounterVec};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// An event and its payload, as JSON.
#[derive(Debug)]
pub struct Event {
    name: EventName,
    data: String,
    socket_io: OnceLock<Str>,
    plain: OnceLock<Utf8Bytes>,
    /// Its counter among the deliveries: looked for once, however many get the event.
    delivered: OnceLock<IntCounter>,
}

impl Event {
    pub fn new(name: EventName, data: &impl Serialize) -> Arc<Self> {
        // Payloads are plain structs with string keys: they always serialise.
        Self::from_json(name, serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned()))
    }

    pub fn from_json(name: EventName, data: String) -> Arc<Self> {
        Arc::new(Self {
            name,
            data,
            socket_io: OnceLock::new(),
            plain: OnceLock::new(),
            delivered: OnceLock::new(),
        })
    }

    pub fn name(&self) -> &'static str {
        self.name.as_str()
    }

    pub fn data(&self) -> &str {
        &self.data
    }

    /// Counts a frame of it.
    pub fn count(&self, deliveries: &IntCounterVec) {
        self.delivered
            .get_or_init(|| deliveries.with_label_values(&[self.name()]))
            .inc();
    }

    /// The Socket.IO packet: type 2 (EVENT), default namespace, no acknowledgement wanted.
    pub fn socket_io(&self) -> &Str {
        self.socket_io.get_or_init(|| {
            let mut packet = String::with_capacity(self.data.len() + self.name().len() + 6);
            packet.push_str("2[");
            push_name(&mut packet, self.name);
            packet.push(',');
            packet.push_str(&self.data);
            packet.push(']');
            packet.into()
        })
    }

    /// The JSON frame of a plain WebSocket.
    pub fn plain(&self) -> &Utf8Bytes {
        self.plain.get_or_init(|| self.plain_frame(None).into())
    }

    /// The same as the answer to the client's frame with this `id`.
    pub fn plain_answer(&self, id: i64) -> Utf8Bytes {
        self.plain_frame(Some(id)).into()
    }

    fn plain_frame(&self, id: Option<i64>) -> String {
        let mut frame = String::with_capacity(self.data.len() + self.name().len() + 24);
        frame.push_str("{\"event\":");
        push_name(&mut frame, self.name);
        frame.push_str(",\"data\":");
        frame.push_str(&self.data);
        if let Some(id) = id {
            frame.push_str(",\"id\":");
            frame.push_str(&id.to_string());
        }
        frame.push('}');
        frame
    }
}

/// Names are letters and underscores: nothing needs an escape.
fn push_name(out: &mut String, name: EventName) {
    out.push('"');
    out.push_str(name.as_str());
    out.push('"');
}

pub fn now() -> Timestamp {
    let millis = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    Timestamp::from_millis(millis)
}

/// The codes of `ERROR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    NoToken,
    InvalidToken,
    ConnectionError,
    Unauthorized,
    InvalidPayload,
    RateLimitExceeded,
    NotAMember,
    MessageSendFailed,
    Unavailable,
    PasswordChangeRequired,
}

impl ErrorCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "NO_TOKEN",
            Self::InvalidToken => "INVALID_TOKEN",
            Self::ConnectionError => "CONNECTION_ERROR",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::InvalidPayload => "INVALID_PAYLOAD",
            Self::RateLimitExceeded => "RATE_LIMIT_EXCEEDED",
            Self::NotAMember => "NOT_A_MEMBER",
            Self::MessageSendFailed => "MESSAGE_SEND_FAILED",
            Self::Unavailable => "UNAVAILABLE",
            Self::PasswordChangeRequired => "PASSWORD_CHANGE_REQUIRED",
        }
    }

    pub fn parse(code: &str) -> Self {
        match code {
            "UNAUTHORIZED" => Self::Unauthorized,
            "PASSWORD_CHANGE_REQUIRED" => Self::PasswordChangeRequired,
            _ => Self::InvalidToken,
        }
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorPayload<'a> {
    message: &'a str,
    code: &'static str,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    temp_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

/// `ERROR`.
pub fn error(code: ErrorCode, message: &str) -> Arc<Event> {
    error_about(code, message, None, None)
}

/// `ERROR` about one message.
pub fn error_about(code: ErrorCode, message: &str, temp_id: Option<&str>, retry_after_ms: Option<u64>) -> Arc<Event> {
    let payload = ErrorPayload {
        message,
        code: code.as_str(),
        timestamp: now(),
        temp_id,
        retry_after_ms,
    };
    Event::new(EventName::Error, &payload)
}

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    Duplicate,
    Inactive,
    Revoked,
    TokenExpired,
    Shutdown,
}

impl Farewell {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Duplicate => "DUPLICATE",
            Self::Inactive => "INACTIVE",
            Self::Revoked => "REVOKED",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::Shutdown => "SHUTDOWN",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Duplicate => "You connected from somewhere else.",
            Self::Inactive => "Nothing was heard from you for too long.",
            Self::Revoked => "Your session has ended. Sign in again.",
            Self::TokenExpired => "Your access token has expired. Refresh it and connect again.",
            Self::Shutdown => "The server stops. Connect again in a moment.",
        }
    }

    pub fn event(self) -> Arc<Event> {
        let payload = serde_json::json!({"reason": self.reason(), "code": self.code(), "timestamp": now()});
        Event::new(EventName::ForceDisconnect, &payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_has_its_own_form_of_the_same_event() {
        let event = Event::new(EventName::NewMessage, &serde_json::json!({"seq": 1}));
        assert_eq!(event.socket_io().as_str(), r#"2["NEW_MESSAGE",{"seq":1}]"#);
        assert_eq!(event.plain().as_str(), r#"{"event":"NEW_MESSAGE","data":{"seq":1}}"#);
        assert_eq!(
            event.plain_answer(7).as_str(),
            r#"{"event":"NEW_MESSAGE","data":{"seq":1},"id":7}"#
        );
    }

    #[test]
    fn a_form_is_made_once() {
        let event = Event::new(EventName::NewMessage, &1);
        assert!(std::ptr::eq(event.socket_io().as_bytes(), event.socket_io().as_bytes()));
    }
}
