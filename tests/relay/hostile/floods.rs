//! Clients that hold on, pour in, or come by the thousand.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{client_async, connect_async};

use super::Attack;

pub fn start(attack: &Arc<Attack>, attackers: &mut JoinSet<()>) {
    for _ in 0..10 {
        attackers.spawn(deaf(Arc::clone(attack)));
    }
    attackers.spawn(chatty(Arc::clone(attack)));
    for kind in 0..4 {
        attackers.spawn(half_open(Arc::clone(attack), kind));
    }
    attackers.spawn(giant(Arc::clone(attack)));
    attackers.spawn(endless(Arc::clone(attack)));
    for _ in 0..2 {
        attackers.spawn(pings(Arc::clone(attack)));
        attackers.spawn(strangers(Arc::clone(attack), "/ws"));
        attackers.spawn(strangers(Arc::clone(attack), "/socket.io/?EIO=4&transport=websocket"));
        attackers.spawn(strangers(Arc::clone(attack), "polling"));
    }
}

fn websocket(attack: &Attack, path: &str) -> String {
    format!("{}{path}", attack.url.replacen("http", "ws", 1))
}

/// Signs in and never reads, with the smallest receive buffer there is.
async fn deaf(attack: Arc<Attack>) {
    while attack.goes_on() {
        let Ok(stream) = small_stream(&attack.address).await else {
            continue;
        };
        let Ok(mut request) = websocket(&attack, "/ws").into_client_request() else {
            return;
        };
        let protocols = format!("nexus.v1, bearer.{}", attack.token);
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocols.parse().unwrap());
        let Ok((socket, _)) = client_async(request, stream).await else {
            continue;
        };
        let mut rounds = 0;
        while attack.goes_on() && rounds < 40 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            rounds += 1;
        }
        drop(socket);
    }
}

async fn small_stream(address: &str) -> std::io::Result<TcpStream> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4 * 1024)?;
    socket.connect(address.parse().map_err(std::io::Error::other)?).await
}

/// Writes long messages as fast as they are taken: what the deaf ones must be cut off from.
async fn chatty(attack: Arc<Attack>) {
    let content = "x".repeat(4_000);
    while attack.goes_on() {
        let Ok((mut socket, _)) = connect_async(websocket(&attack, "/ws")).await else {
            continue;
        };
        let auth = json!({"event": "AUTH", "data": {"token": attack.token}});
        let _ = socket.send(Message::text(auth.to_string())).await;
        let frame = json!({"event": "NEW_MESSAGE", "data": {"chatId": attack.chat, "content": content}}).to_string();
        for _ in 0..20 {
            if socket.send(Message::text(frame.clone())).await.is_err() {
                break;
            }
        }
        while attack.goes_on() {
            match tokio::time::timeout(Duration::from_millis(500), socket.next()).await {
                Ok(Some(Ok(Message::Text(text)))) if text.contains("\"MESSAGE_SENT\"") => {
                    if socket.send(Message::text(frame.clone())).await.is_err() {
                        break;
                    }
                }
                Ok(Some(Ok(_))) => {}
                _ => break,
            }
        }
    }
}

/// Begins something and leaves it there.
async fn half_open(attack: Arc<Attack>, kind: usize) {
    let upgrade = format!(
        "GET /ws HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        attack.address
    );
    let mut held = Vec::new();
    while attack.goes_on() {
        if let Ok(mut stream) = TcpStream::connect(&attack.address).await {
            let begin: &[u8] = match kind {
                0 => b"",
                1 => b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: x\r\nx-slow: ",
                2 => b"POST /socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAA HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n4",
                _ => upgrade.as_bytes(),
            };
            let _ = stream.write_all(begin).await;
            if kind == 3 {
                let mut answer = [0; 1_024];
                let _ = stream.read(&mut answer).await;
                // The head of a masked text frame, and a part of what it announces.
                let _ = stream.write_all(&[0x81, 0xfe, 0x10, 0x00, 1, 2, 3, 4, 5]).await;
            }
            held.push(stream);
            attack.count(&attack.done.connects);
        }
        if held.len() > 300 {
            held.drain(..100);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Frames that are larger than a frame may be, or say that they are.
async fn giant(attack: Arc<Attack>) {
    let large = "x".repeat(70_000);
    while attack.goes_on() {
        for path in ["/ws", "/socket.io/?EIO=4&transport=websocket"] {
            if let Ok((mut socket, _)) = connect_async(websocket(&attack, path)).await {
                let _ = socket.send(Message::text(large.clone())).await;
                attack.count(&attack.done.frames);
                while let Ok(Some(Ok(_))) = tokio::time::timeout(Duration::from_secs(2), socket.next()).await {}
            }
            if let Ok((mut socket, _)) = connect_async(websocket(&attack, path)).await {
                // 16 EiB announced.
                let head = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4];
                let stream = socket.get_mut();
                let _ = stream.write_all(&head).await;
                let _ = stream.write_all(large.as_bytes()).await;
                attack.count(&attack.done.frames);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A message in pieces that never ends.
async fn endless(attack: Arc<Attack>) {
    while attack.goes_on() {
        let Ok((mut socket, _)) = connect_async(websocket(&attack, "/ws")).await else {
            continue;
        };
        let stream = socket.get_mut();
        // A text frame without FIN, then continuations of 1,000 bytes, masked with zeros.
        let mut first = vec![0x01, 0x81, 0, 0, 0, 0, b'{'];
        let mut piece = vec![0x00, 0xfe, 0x03, 0xe8, 0, 0, 0, 0];
        piece.extend([b' '; 1_000]);
        let _ = stream.write_all(&first).await;
        first.clear();
        for _ in 0..200 {
            if stream.write_all(&piece).await.is_err() || !attack.goes_on() {
                break;
            }
            attack.count(&attack.done.frames);
        }
    }
}

/// Pings, and no look at the pongs.
async fn pings(attack: Arc<Attack>) {
    while attack.goes_on() {
        let Ok((mut socket, _)) = connect_async(websocket(&attack, "/ws")).await else {
            continue;
        };
        let auth = json!({"event": "AUTH", "data": {"token": attack.token}});
        let _ = socket.send(Message::text(auth.to_string())).await;
        while attack.goes_on() {
            let pinging = async {
                for _ in 0..100 {
                    socket.feed(Message::Ping(Bytes::from_static(&[7; 125]))).await?;
                }
                socket.flush().await
            };
            match tokio::time::timeout(Duration::from_secs(2), pinging).await {
                Ok(Ok(())) => drop(attack.done.pings.fetch_add(100, std::sync::atomic::Ordering::Relaxed)),
                // The server reads no more: its answers aren't read.
                Ok(Err(_)) | Err(_) => break,
            }
        }
    }
}

/// Connects without a token, as fast as it can, and goes at once or never says anything.
async fn strangers(attack: Arc<Attack>, path: &'static str) {
    let mut held = Vec::new();
    let head = match path {
        "polling" => format!(
            "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: {}\r\n\r\n",
            attack.address
        ),
        path => format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            attack.address
        ),
    };
    while attack.goes_on() {
        let Ok(mut stream) = TcpStream::connect(&attack.address).await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        if stream.write_all(head.as_bytes()).await.is_err() {
            continue;
        }
        let mut answer = [0; 512];
        let Ok(Ok(read)) = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut answer)).await else {
            continue;
        };
        attack.count(&attack.done.connects);
        let status = std::str::from_utf8(&answer[..read])
            .ok()
            .and_then(|text| text.get(9..12)?.parse::<u16>().ok());
        if let Some(status) = status {
            attack.answered(status);
        }
        held.push(stream);
        if held.len() >= 100 {
            // Without a goodbye.
            held.clear();
        }
    }
}
