//! Socket.IO v4 (protocol v5) over Engine.IO.
//!
//! Engine.IO — polling, upgrade, heartbeat — is `engineioxide`'s, the engine under `socketioxide`. The packets above it
//! are few and are read and written here: `socketioxide` offers no way to hand out a packet that was
//! serialised once, and when a client's queue is full it doesn't say whose (docs/decisions).

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use engineioxide::config::EngineIoConfig;
use engineioxide::handler::EngineIoHandler;
use engineioxide::service::EngineIoService;
use engineioxide::socket::Sid;
use engineioxide::{DisconnectReason, Str, TransportType};
use parking_lot::Mutex;
use serde_json::value::RawValue;

use super::MOST_FRAME;
use super::connection::{ClientEvent, Connection, Wire};
use super::flow::Flow;
use super::frame::{ErrorCode, error};
use super::hub::Core;
use super::{entrance, events};

pub type EngineSocket = engineioxide::Socket<Slot>;
pub type Engine = EngineIoService<Packets>;

/// More packets than this wait for no client, however small they are.
const MOST_PACKETS: usize = 16 * 1024;
const PING_EVERY: Duration = Duration::from_secs(25);
const PONG_WITHIN: Duration = Duration::from_secs(20);

/// Our connection behind an Engine.IO session. Emptied when it ends: each holds the other.
#[derive(Default)]
pub struct Slot(Mutex<Option<Arc<Connection>>>);

/// Reads packets and hands events to the hub.
pub struct Packets {
    core: Weak<Core>,
    flows: Mutex<HashMap<Sid, Arc<Flow>>>,
}

impl std::fmt::Debug for Packets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Packets")
    }
}

impl Packets {
    pub fn new(core: &Arc<Core>) -> Arc<Self> {
        Arc::new(Self {
            core: Arc::downgrade(core),
            flows: Mutex::default(),
        })
    }

    pub fn engine(self: &Arc<Self>) -> Engine {
        let config = EngineIoConfig::builder()
            .req_path("/socket.io")
            .ping_interval(PING_EVERY)
            .ping_timeout(PONG_WITHIN)
            .max_payload(MOST_FRAME as u64)
            .ws_max_message_size(MOST_FRAME)
            .ws_max_frame_size(MOST_FRAME)
            .ws_read_buffer_size(2 * 1024)
            .max_buffer_size(MOST_PACKETS)
            .build();
        EngineIoService::with_config(Arc::clone(self), config)
    }

    /// The bytes of a session, for a request that belongs to it.
    pub fn flow(&self, sid: Sid) -> Option<Arc<Flow>> {
        self.flows.lock().get(&sid).cloned()
    }
}

impl EngineIoHandler for Packets {
    type Data = Slot;

    fn on_connect(self: Arc<Self>, socket: Arc<EngineSocket>) {
        let Some(core) = self.core.upgrade() else { return };
        let flow = socket
            .req_parts
            .extensions
            .get::<Arc<Flow>>()
            .cloned()
            .unwrap_or_default();
        self.flows.lock().insert(socket.id, Arc::clone(&flow));
        let connection = Connection::new(
            Wire::SocketIo(Arc::clone(&socket)),
            flow,
            core.meters.deliveries.clone(),
        );
        *socket.data.0.lock() = Some(Arc::clone(&connection));
        core.came(&connection);
    }

    fn on_disconnect(&self, socket: Arc<EngineSocket>, _: DisconnectReason) {
        self.flows.lock().remove(&socket.id);
        let connection = socket.data.0.lock().take();
        if let (Some(core), Some(connection)) = (self.core.upgrade(), connection) {
            core.left(&connection);
        }
    }

    fn on_message(self: &Arc<Self>, packet: Str, socket: Arc<EngineSocket>) {
        let Some(connection) = socket.data.0.lock().clone() else {
            return;
        };
        let Some(core) = self.core.upgrade() else { return };
        match parse(&packet) {
            Ok(Packet::Connect { auth }) => {
                if connection.set_being_judged() {
                    connection.send_packet(format!("0{{\"sid\":\"{}\"}}", connection.id.simple()));
                    entrance::start(&core, &connection, auth.as_deref());
                }
            }
            Ok(Packet::ConnectElsewhere { namespace }) => {
                let name = serde_json::Value::from("Invalid namespace");
                connection.send_packet(format!("4{namespace},{{\"message\":{name}}}"));
            }
            Ok(Packet::Event(event)) if connection.is_being_judged() => events::dispatch(&core, &connection, event),
            Ok(Packet::Event(_)) => connection.refuse(ErrorCode::NoToken, "Connect first."),
            Ok(Packet::Disconnect) => {
                tokio::spawn(async move { socket.close(DisconnectReason::TransportClose) });
            }
            Ok(Packet::Ignored) => {}
            Err(Unreadable) => {
                connection.send(&error(ErrorCode::InvalidPayload, "This packet can't be read."));
            }
        }
    }

    /// Attachments of binary events, which none of ours has.
    fn on_binary(self: &Arc<Self>, _: Bytes, _: Arc<EngineSocket>) {}
}

/// What a client may send, as far as we take it.
#[derive(Debug)]
enum Packet {
    Connect {
        auth: Option<Box<RawValue>>,
    },
    ConnectElsewhere {
        namespace: String,
    },
    Event(ClientEvent),
    Disconnect,
    /// Acknowledgements: we never ask for one.
    Ignored,
}

#[derive(Debug, PartialEq, Eq)]
struct Unreadable;

/// `<type>[/namespace,][acknowledgement id][JSON]`
fn parse(packet: &str) -> Result<Packet, Unreadable> {
    let mut rest = packet;
    let kind = rest.chars().next().ok_or(Unreadable)?;
    rest = rest.get(1..).ok_or(Unreadable)?;
    let mut namespace = "/";
    if rest.starts_with('/') {
        (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
    }
    match (kind, namespace) {
        ('0', "/") => {
            let auth = match rest {
                "" => None,
                json => Some(serde_json::from_str(json).map_err(|_| Unreadable)?),
            };
            Ok(Packet::Connect { auth })
        }
        ('0', elsewhere) => {
            // A query belongs to the name as far as the client is concerned; it isn't echoed.
            let name = elsewhere.split('?').next().unwrap_or(elsewhere);
            if name.len() > 100 || name.chars().any(char::is_control) {
                return Err(Unreadable);
            }
            Ok(Packet::ConnectElsewhere {
                namespace: name.to_owned(),
            })
        }
        ('1', "/") => Ok(Packet::Disconnect),
        ('2', "/") => parse_event(rest).map(Packet::Event),
        ('3' | '1', _) => Ok(Packet::Ignored),
        _ => Err(Unreadable),
    }
}

fn parse_event(rest: &str) -> Result<ClientEvent, Unreadable> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, json) = rest.split_at(digits);
    let answer_to = match id {
        "" => None,
        id => Some(id.parse().map_err(|_| Unreadable)?),
    };
    let parts: Vec<Box<RawValue>> = serde_json::from_str(json).map_err(|_| Unreadable)?;
    let mut parts = parts.into_iter();
    let name = parts.next().ok_or(Unreadable)?;
    Ok(ClientEvent {
        name: serde_json::from_str(name.get()).map_err(|_| Unreadable)?,
        data: parts.next(),
        answer_to,
    })
}

/// Closes a little later. By polling, what is queued goes out with the client's next request, which a closed session would
/// refuse. By WebSocket, some clients (python-socketio) drop what came right before the close without looking at it; mostly
/// the client closes by itself once it has read that it is sent away.
pub fn close_engine(socket: &Arc<EngineSocket>) {
    const LAST_POLL: Duration = Duration::from_secs(3);
    const LAST_WORDS: Duration = Duration::from_millis(500);
    let socket = Arc::clone(socket);
    tokio::spawn(async move {
        let pause = match socket.transport_type() {
            TransportType::Polling => LAST_POLL,
            TransportType::Websocket => LAST_WORDS,
        };
        tokio::time::sleep(pause).await;
        socket.close(DisconnectReason::ClosingServer);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(packet: &str) -> ClientEvent {
        match parse(packet) {
            Ok(Packet::Event(event)) => event,
            other => panic!("{packet}: {other:?}"),
        }
    }

    #[test]
    fn events_are_read_with_and_without_payload_and_acknowledgement() {
        let with_all = event(r#"217["NEW_MESSAGE",{"chatId":"x"}]"#);
        assert_eq!((with_all.name.as_str(), with_all.answer_to), ("NEW_MESSAGE", Some(17)));
        assert_eq!(with_all.data.unwrap().get(), r#"{"chatId":"x"}"#);
        let bare = event(r#"2["HEALTH_CHECK"]"#);
        assert!(bare.data.is_none() && bare.answer_to.is_none());
        assert_eq!(event(r#"2/,3["X",null]"#).answer_to, Some(3));
    }

    #[test]
    fn connecting_is_read_with_and_without_auth() {
        assert!(matches!(parse("0"), Ok(Packet::Connect { auth: None })));
        assert!(matches!(
            parse(r#"0{"token":"t"}"#),
            Ok(Packet::Connect { auth: Some(_) })
        ));
        assert!(matches!(parse("0/admin,{}"), Ok(Packet::ConnectElsewhere { namespace }) if namespace == "/admin"));
    }

    #[test]
    fn whatever_comes_is_read_or_refused() {
        for strange in [
            "",
            "9",
            "2",
            "2[",
            "2[]",
            "2[1]",
            "2{}",
            "0{",
            "ä",
            "2é[\"X\"]",
            "5",
            "51-[\"X\",{\"_placeholder\":true,\"num\":0}]",
            "299999999999999999999[\"X\"]",
            "0/\u{1},",
            "\u{10ffff}",
        ] {
            assert!(parse(strange).is_err(), "{strange:?}");
        }
        assert!(matches!(parse("31[]"), Ok(Packet::Ignored)));
    }
}
