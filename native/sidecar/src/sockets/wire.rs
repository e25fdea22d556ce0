//! The two protocols by which a connection reaches its client.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::socket_io::EngineSocket;

/// How things get to the client.
pub enum Wire {
    SocketIo(Arc<EngineSocket>),
    Plain(mpsc::UnboundedSender<PlainOut>),
}

/// What a plain WebSocket's task is told.
#[derive(Debug)]
pub enum PlainOut {
    Text(Utf8Bytes),
    Close(u16),
}
