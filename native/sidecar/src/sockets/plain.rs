//! The plain WebSocket at `/ws`: one JSON text frame per event.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::connection::{ClientEvent, Connection, PlainOut, Wire};
use super::flow::{Flow, Guarded};
use super::frame::{ErrorCode, error};
use super::hub::Core;
use super::{MOST_FRAME, entrance, events};

/// The subprotocol that we speak.
pub const SUBPROTOCOL: &str = "nexus.v1";
/// Proxies end what is silent for a minute.
const PING_EVERY: Duration = Duration::from_secs(50);
/// A client from which nothing came for so long, not even a pong, is gone.
const SILENCE: Duration = Duration::from_secs(110);

/// What one frame says.
#[derive(Deserialize)]
struct Frame {
    event: String,
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    id: Option<i64>,
}

/// The token among the offered subprotocols, and whether ours is among them.
pub fn offered<'a>(protocols: impl Iterator<Item = &'a str>) -> (bool, Option<&'a str>) {
    let mut ours = false;
    let mut token = None;
    for protocol in protocols.flat_map(|list| list.split(',')).map(str::trim) {
        ours |= protocol == SUBPROTOCOL;
        token = token.or_else(|| protocol.strip_prefix("bearer."));
    }
    (ours, token)
}

/// Serves one client until it goes or is sent away.
pub async fn serve<S>(core: Arc<Core>, stream: Guarded<S>, flow: Arc<Flow>, token: Option<String>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(2 * 1024)
        .max_message_size(Some(MOST_FRAME))
        .max_frame_size(Some(MOST_FRAME));
    let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let (queue, queued) = mpsc::unbounded_channel();
    let connection = Connection::new(Wire::Plain(queue), flow, core.meters.deliveries.clone());
    core.came(&connection);
    if let Some(token) = token {
        connection.set_being_judged();
        let shown = serde_json::value::to_raw_value(&serde_json::json!({"token": token})).ok();
        entrance::start(&core, &connection, shown.as_deref());
    }
    exchange(&core, &connection, socket, queued).await;
    core.left(&connection);
}

async fn exchange<S>(
    core: &Arc<Core>,
    connection: &Arc<Connection>,
    mut socket: WebSocketStream<Guarded<S>>,
    mut queued: mpsc::UnboundedReceiver<PlainOut>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut ping = tokio::time::interval(PING_EVERY);
    ping.tick().await;
    let mut heard = tokio::time::Instant::now();
    loop {
        tokio::select! {
            out = queued.recv() => {
                // The connection holds the sender.
                let Some(out) = out else { return };
                match write(&mut socket, out, &mut queued).await {
                    Ok(true) => {}
                    Ok(false) | Err(_) => return,
                }
            }
            frame = socket.next() => {
                heard = tokio::time::Instant::now();
                match frame {
                    Some(Ok(Message::Text(text))) => hear(core, connection, &text),
                    Some(Ok(Message::Binary(_))) => {
                        connection.send(&error(ErrorCode::InvalidPayload, "Frames must be text."));
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                    // After a close the library answers it; an error is a client that is gone or breaks the protocol.
                    Some(Ok(Message::Close(_))) => { let _ = socket.flush().await; return; }
                    Some(Err(Error::Capacity(_))) => return refuse_as_too_large(&mut socket).await,
                    Some(Err(_)) | None => return,
                }
            }
            _ = ping.tick() => {
                if heard.elapsed() > SILENCE || socket.send(Message::Ping(Bytes::new())).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Writes what is queued and flushes once. `false` after a close.
async fn write<S>(
    socket: &mut WebSocketStream<Guarded<S>>,
    first: PlainOut,
    queued: &mut mpsc::UnboundedReceiver<PlainOut>,
) -> Result<bool, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let mut next = Some(first);
    while let Some(out) = next {
        match out {
            PlainOut::Text(text) => socket.feed(Message::Text(text)).await?,
            PlainOut::Close(code) => {
                let frame = CloseFrame {
                    code: code.into(),
                    reason: "".into(),
                };
                socket.feed(Message::Close(Some(frame))).await?;
                socket.flush().await?;
                await_close(socket).await;
                return Ok(false);
            }
        }
        next = queued.try_recv().ok();
    }
    socket.flush().await?;
    Ok(true)
}

/// Gives the client a moment to answer our close, so that it isn't taken for a broken connection.
async fn await_close<S>(socket: &mut WebSocketStream<Guarded<S>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let answered = async { while let Some(Ok(_)) = socket.next().await {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), answered).await;
}

/// Says what was wrong, and takes what is still on its way, or the client would be told of a broken connection instead.
async fn refuse_as_too_large<S>(socket: &mut WebSocketStream<Guarded<S>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    const PATIENCE: Duration = Duration::from_secs(2);
    const MOST_TAKEN: u64 = 4 * MOST_FRAME as u64;
    let refusal = error(ErrorCode::InvalidPayload, "A frame may have at most 64 KiB.");
    let close = CloseFrame {
        code: CloseCode::Size,
        reason: "".into(),
    };
    let told = async {
        socket.feed(Message::Text(refusal.plain().clone())).await?;
        socket.close(Some(close)).await?;
        let mut rest = socket.get_mut().take(MOST_TAKEN);
        tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
        Ok::<_, Error>(())
    };
    // Whether or not it listens, it is gone.
    let _ = tokio::time::timeout(PATIENCE, told).await;
}

fn hear(core: &Arc<Core>, connection: &Arc<Connection>, text: &str) {
    let Ok(frame) = serde_json::from_str::<Frame>(text) else {
        let problem = "A frame must be {\"event\": \"…\", \"data\": {…}}.";
        return connection.send(&error(ErrorCode::InvalidPayload, problem));
    };
    if connection.is_being_judged() {
        let event = ClientEvent {
            name: frame.event,
            data: frame.data,
            answer_to: frame.id,
        };
        return events::dispatch(core, connection, event);
    }
    match frame.event.as_str() {
        "AUTH" => {
            if connection.set_being_judged() {
                connection.heard();
                entrance::start(core, connection, frame.data.as_deref());
            }
        }
        "HEALTH_CHECK" => events::health_check::answer(core, connection, frame.id),
        _ => connection.answer(&error(ErrorCode::Unauthorized, "Send AUTH first."), frame.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_the_subprotocols() {
        let header = ["nexus.v1, bearer.a.b-c_d"];
        assert_eq!(offered(header.into_iter()), (true, Some("a.b-c_d")));
        assert_eq!(offered(["nexus.v1", "bearer.t"].into_iter()), (true, Some("t")));
        assert_eq!(offered(["other"].into_iter()), (false, None));
    }
}
