//! Many receivers that do as little as possible, since they use the server's cores.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::client::client_with_config;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use crate::socket::{Received, SOCKET_IO, config};

/// Threads. With fewer than cores, the last receivers would wait for the reader, not for the server.
const THREADS: usize = 2;

pub struct Listeners {
    threads: Vec<JoinHandle<Vec<Duration>>>,
    is_over: Arc<AtomicBool>,
    delivered: Arc<AtomicU64>,
}

impl Listeners {
    /// Connects one receiver for each of `auths` by Socket.IO and waits until all are connected. The `content` of a message is its
    /// time of sending, in microseconds since `epoch`.
    pub async fn start(address: SocketAddr, auths: &[String], epoch: Instant) -> Self {
        let (is_over, delivered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (mut threads, mut let_in) = (Vec::new(), Vec::new());
        for auths in auths.chunks(auths.len().div_ceil(THREADS)) {
            let (are_in, until_in) = oneshot::channel();
            let (auths, over) = (auths.to_vec(), Arc::clone(&is_over));
            let mut ears = Ears::new(epoch, Arc::clone(&delivered));
            let_in.push(until_in);
            threads.push(std::thread::spawn(move || {
                for auth in &auths {
                    ears.connect(address, auth);
                }
                are_in.send(()).expect("somebody waits");
                while !over.load(Ordering::Relaxed) {
                    ears.receive(Duration::from_millis(20));
                }
                ears.took
            }));
        }
        for until_in in let_in {
            until_in.await.expect("all are let in");
        }
        Self {
            threads,
            is_over,
            delivered,
        }
    }

    /// The number of messages that all receivers got.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Ends all receivers. Returns the time of each delivery.
    pub fn stop(self) -> Vec<Duration> {
        self.is_over.store(true, Ordering::Relaxed);
        let threads = self.threads.into_iter();
        threads.flat_map(|thread| thread.join().expect("no panic")).collect()
    }
}

struct Ears {
    poll: Poll,
    events: Events,
    sockets: Vec<WebSocket<TcpStream>>,
    epoch: Instant,
    delivered: Arc<AtomicU64>,
    took: Vec<Duration>,
}

impl Ears {
    fn new(epoch: Instant, delivered: Arc<AtomicU64>) -> Self {
        Self {
            poll: Poll::new().expect("epoll"),
            events: Events::with_capacity(1_024),
            sockets: Vec::new(),
            epoch,
            delivered,
            took: Vec::new(),
        }
    }

    fn connect(&mut self, address: SocketAddr, auth: &str) {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        let url = format!("ws://{address}{SOCKET_IO}");
        let (mut socket, _) = client_with_config(url, stream, Some(config())).expect("an upgrade");
        socket.send(Message::text(format!("40{auth}"))).expect("an open socket");
        let mut is_in = false;
        while !is_in {
            if let Message::Text(text) = socket.read().expect("to be let in") {
                is_in = Received::read(text).is("CONNECTED");
            }
        }
        socket.get_ref().set_nonblocking(true).expect("an option");
        let token = Token(self.sockets.len());
        let file = socket.get_ref().as_raw_fd();
        self.poll
            .registry()
            .register(&mut SourceFd(&file), token, Interest::READABLE)
            .expect("a place");
        self.sockets.push(socket);
        // Data that arrived with the end of the handshake is read already and causes no event.
        self.drain(token.0);
        self.receive(Duration::ZERO);
    }

    fn receive(&mut self, timeout: Duration) {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return,
            polled => polled.expect("epoll"),
        }
        let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
        for number in ready {
            self.drain(number);
        }
    }

    fn drain(&mut self, number: usize) {
        let socket = &mut self.sockets[number];
        loop {
            match socket.read() {
                Ok(Message::Text(text)) if text.as_str() == "2" => {
                    socket.send(Message::text("3")).expect("an open socket");
                }
                Ok(Message::Text(text)) => {
                    let received = Received::read(text);
                    if received.is("NEW_MESSAGE") {
                        let sent = received.field("content").and_then(|micros| micros.parse().ok());
                        let sent = Duration::from_micros(sent.expect("the time of sending"));
                        self.took.push(self.epoch.elapsed().saturating_sub(sent));
                        self.delivered.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("a receiver was lost: {error}"),
            }
        }
    }
}
