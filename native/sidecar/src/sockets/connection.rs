//! One connection of one client, whichever protocol it speaks.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engineioxide::DisconnectReason;
use nexus_domain::Timestamp;
use nexus_domain::ids::{ChatId, SessionId, UserId};
use parking_lot::Mutex;
use prometheus::IntCounterVec;
use uuid::Uuid;

use super::client_event::Early;
pub use super::client_event::{AnswerTo, ClientEvent};
use super::event_limits::EventLimits;
use super::flow::{Flow, MOST_UNSENT};
use super::frame::{ErrorCode, Event, Farewell, error, error_about};
use super::meters::ACKNOWLEDGEMENT;
use super::place::{Fate, Held, Place, Reached, Standing};
use super::socket_io::close_engine;
pub use super::wire::{PlainOut, Wire};

pub type ConnectionId = Uuid;

/// Who is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub user: UserId,
    pub session: SessionId,
    pub expires_at: Timestamp,
}

/// Whether events go through.
enum Gate {
    /// Not let in yet. What the client says meanwhile waits.
    Waiting {
        early: Early,
    },
    /// In its rooms, but still catching up: what is live waits behind it.
    CatchingUp {
        early: Early,
        held: Vec<Held>,
        bytes: u64,
    },
    /// Caught up, but what the client said meanwhile is still being done: what it says now comes after it.
    Opening {
        early: Early,
    },
    Open,
    Closed,
}

pub struct Connection {
    pub id: ConnectionId,
    pub opened_at: Instant,
    wire: Wire,
    flow: Arc<Flow>,
    /// Every frame of an event is counted here, on whichever path it came.
    deliveries: IntCounterVec,
    gate: Mutex<Gate>,
    identity: Mutex<Option<Identity>>,
    standing: Mutex<Standing>,
    /// Milliseconds since `opened_at` of the last event from the client.
    last_heard: AtomicU64,
    /// Millis since 1970; kept beside `identity` so that the sweep takes no lock.
    expires_at: AtomicI64,
    judged: AtomicBool,
    announced: AtomicBool,
    known: AtomicBool,
    pub event_limits: EventLimits,
}

impl Connection {
    pub fn new(wire: Wire, flow: Arc<Flow>, deliveries: IntCounterVec) -> Arc<Self> {
        Arc::new(Self {
            id: Uuid::now_v7(),
            opened_at: Instant::now(),
            wire,
            flow,
            deliveries,
            gate: Mutex::new(Gate::Waiting {
                early: Early::default(),
            }),
            identity: Mutex::new(None),
            standing: Mutex::default(),
            last_heard: AtomicU64::new(0),
            expires_at: AtomicI64::new(i64::MAX),
            judged: AtomicBool::new(false),
            announced: AtomicBool::new(false),
            known: AtomicBool::new(false),
            event_limits: EventLimits::default(),
        })
    }

    pub fn protocol(&self) -> &'static str {
        match self.wire {
            Wire::SocketIo(_) => "socketio",
            Wire::Plain(_) => "websocket",
        }
    }

    /// Whether this is a connection of that session.
    pub fn is_of(&self, session: SessionId) -> bool {
        self.identity().is_some_and(|identity| identity.session == session)
    }

    pub fn identity(&self) -> Option<Identity> {
        *self.identity.lock()
    }

    pub fn set_identity(&self, identity: Identity) {
        self.expires_at
            .store(identity.expires_at.as_millis(), Ordering::Relaxed);
        *self.identity.lock() = Some(identity);
    }

    pub fn expires_at(&self) -> i64 {
        self.expires_at.load(Ordering::Relaxed)
    }

    /// The client said something.
    pub fn heard(&self) {
        let since = u64::try_from(self.opened_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_heard.store(since, Ordering::Relaxed);
    }

    pub fn silent_for(&self) -> Duration {
        let last = Duration::from_millis(self.last_heard.load(Ordering::Relaxed));
        self.opened_at.elapsed().saturating_sub(last)
    }

    /// Lets an event of the client wait until it is let in; gives it back when it needn't.
    pub fn postpone(&self, event: ClientEvent) -> Option<ClientEvent> {
        match &mut *self.gate.lock() {
            Gate::Waiting { early } | Gate::CatchingUp { early, .. } | Gate::Opening { early } => {
                if let Err(event) = early.push(event) {
                    let text = "Too many events before you were let in.";
                    let full = error_about(ErrorCode::Unavailable, text, event.temp_id().as_deref(), None);
                    self.write(&full, event.answer_to);
                }
                None
            }
            Gate::Open => Some(event),
            Gate::Closed => None,
        }
    }

    /// From here on live events are held back, until [`Connection::open`].
    pub fn start_catching_up(&self) {
        let mut gate = self.gate.lock();
        if let Gate::Waiting { early } = &mut *gate {
            *gate = Gate::CatchingUp {
                early: std::mem::take(early),
                held: Vec::new(),
                bytes: 0,
            };
        }
    }

    /// Everything missed was sent; what was held back follows, but for what was among the missed. `is_behind` says of
    /// which chats the room will repeat some of it. Gives what the client said meanwhile.
    pub fn open(&self, reached: HashMap<ChatId, Reached>, is_behind: &HashSet<ChatId>) -> Vec<ClientEvent> {
        let mut gate = self.gate.lock();
        let Gate::CatchingUp { early, held, .. } = &mut *gate else {
            return Vec::new();
        };
        let (early, held) = (early.take(), std::mem::take(held));
        for held in self.standing.lock().open(reached, is_behind, held) {
            self.write(&held.event, None);
        }
        *gate = Gate::Opening {
            early: Early::default(),
        };
        early
    }

    /// What the client has said while that was being done. Once there is nothing more, the gate is open.
    pub fn said_meanwhile(&self) -> Vec<ClientEvent> {
        let mut gate = self.gate.lock();
        match &mut *gate {
            Gate::Opening { early } => {
                let early = early.take();
                if early.is_empty() {
                    *gate = Gate::Open;
                }
                early
            }
            _ => Vec::new(),
        }
    }

    /// A live event, with its place when it has one.
    pub fn deliver(&self, event: &Arc<Event>, place: Option<Place>) {
        let mut gate = self.gate.lock();
        let fate = match place {
            Some(place) if !matches!(*gate, Gate::Waiting { .. } | Gate::Closed) => {
                self.standing.lock().judge(event, place)
            }
            _ => Fate::Said,
        };
        match fate {
            Fate::Said => self.pass(&mut gate, event, place),
            Fate::Repeats | Fate::Held => {}
            Fate::TooMuch => self.give_up(&mut gate),
        }
    }

    fn pass(&self, gate: &mut Gate, event: &Arc<Event>, place: Option<Place>) {
        match gate {
            Gate::Open | Gate::Opening { .. } => self.write(event, None),
            Gate::CatchingUp { held, bytes, .. } => {
                *bytes += event.data().len() as u64;
                if *bytes > MOST_UNSENT {
                    return self.give_up(gate);
                }
                held.push(Held {
                    event: Arc::clone(event),
                    place,
                });
            }
            Gate::Waiting { .. } | Gate::Closed => {}
        }
    }

    fn give_up(&self, gate: &mut Gate) {
        *gate = Gate::Closed;
        self.cut();
    }

    /// What is said in a chat that was learnt late waits until [`Connection::release`].
    pub fn hold(&self, chat: ChatId) {
        self.standing.lock().hold(chat);
    }

    /// What was missed of such a chat was sent.
    pub fn release(&self, chat: ChatId, reached: Reached) {
        let mut gate = self.gate.lock();
        let held = self.standing.lock().release(chat, reached);
        for held in held {
            self.pass(&mut gate, &held.event, held.place);
        }
    }

    /// Straight to the client, past the gate: what belongs to letting it in, and answers.
    pub fn send(&self, event: &Event) {
        self.write(event, None);
    }

    /// The answer to something the client said: the event, and the acknowledgement where one was asked for.
    pub fn answer(&self, event: &Event, to: AnswerTo) {
        self.write(event, to);
    }

    fn write(&self, event: &Event, answer_to: AnswerTo) {
        let fits = match &self.wire {
            Wire::SocketIo(socket) => {
                let packet = event.socket_io();
                self.flow.queue(packet.len() + 4) && socket.emit(packet.clone()).is_ok()
            }
            Wire::Plain(queue) => {
                let text = match answer_to {
                    Some(id) => event.plain_answer(id),
                    None => event.plain().clone(),
                };
                self.flow.queue(text.len() + 4) && queue.send(PlainOut::Text(text)).is_ok()
            }
        };
        if !fits {
            return self.cut();
        }
        event.count(&self.deliveries);
        if let Wire::SocketIo(_) = &self.wire {
            self.acknowledge_packet(event, answer_to);
        }
    }

    /// As [`Connection::answer`], without the event itself.
    pub fn acknowledge(&self, event: &Event, to: AnswerTo) {
        match &self.wire {
            Wire::SocketIo(_) => self.acknowledge_packet(event, to),
            Wire::Plain(_) => self.write(event, to),
        }
    }

    fn acknowledge_packet(&self, event: &Event, to: AnswerTo) {
        if let Some(id) = to
            && self.send_packet(format!("3{id}[{}]", event.data()))
        {
            self.deliveries.with_label_values(&[ACKNOWLEDGEMENT]).inc();
        }
    }

    /// The token was shown and is being looked at.
    pub fn set_being_judged(&self) -> bool {
        !self.judged.swap(true, Ordering::AcqRel)
    }

    pub fn is_being_judged(&self) -> bool {
        self.judged.load(Ordering::Acquire)
    }

    /// It is no stranger any more; `false` when it was none before.
    pub fn set_known(&self) -> bool {
        !self.known.swap(true, Ordering::AcqRel)
    }

    /// The other nodes have heard of it.
    pub fn set_announced(&self) {
        self.announced.store(true, Ordering::Release);
    }

    pub fn was_announced(&self) -> bool {
        self.announced.load(Ordering::Acquire)
    }

    /// A Socket.IO packet that is no event; `false` when the client takes no more.
    pub fn send_packet(&self, packet: String) -> bool {
        let Wire::SocketIo(socket) = &self.wire else {
            return false;
        };
        let fits = self.flow.queue(packet.len() + 4) && socket.emit(packet).is_ok();
        if !fits {
            self.cut();
        }
        fits
    }

    /// Says why and closes.
    pub fn dismiss(&self, farewell: Farewell) {
        self.write(&farewell.event(), None);
        // A client that was told to go stays away; from a server that stops it should come back, and
        // unmodified clients do so by themselves only when the transport just closes.
        self.close(
            farewell != Farewell::Shutdown,
            if farewell == Farewell::Shutdown { 1001 } else { 1008 },
        );
    }

    /// Says what is wrong and closes.
    pub fn refuse(&self, code: ErrorCode, message: &str) {
        self.write(&error(code, message), None);
        self.close(code != ErrorCode::ConnectionError, 1008);
    }

    /// Closes in good order: what was sent before still arrives.
    fn close(&self, for_good: bool, code: u16) {
        *self.gate.lock() = Gate::Closed;
        match &self.wire {
            Wire::SocketIo(socket) => {
                if for_good {
                    // Socket.IO's DISCONNECT: the client won't reconnect by itself.
                    let _ = socket.emit("1");
                }
                close_engine(socket);
            }
            Wire::Plain(queue) => {
                let _ = queue.send(PlainOut::Close(code));
            }
        }
    }

    /// Ends it at once; what is unsent is lost.
    pub fn cut(&self) {
        self.flow.cut();
        if let Wire::SocketIo(socket) = &self.wire {
            let socket = Arc::clone(socket);
            // Closing calls back into the hub, which may be what called us.
            tokio::spawn(async move { socket.close(DisconnectReason::TransportError) });
        }
    }

    /// Waits until most of what was sent has been taken; `false` when the client takes nothing.
    pub async fn drained(&self) -> bool {
        const PATIENCE: Duration = Duration::from_secs(30);
        const STEP: Duration = Duration::from_millis(10);
        let started = Instant::now();
        while self.flow.unsent() > MOST_UNSENT / 2 {
            if self.was_cut() || started.elapsed() > PATIENCE {
                return false;
            }
            tokio::time::sleep(STEP).await;
        }
        !self.was_cut()
    }

    pub fn is_closed(&self) -> bool {
        matches!(*self.gate.lock(), Gate::Closed)
    }

    pub fn was_cut(&self) -> bool {
        self.flow.is_cut()
    }
}

#[cfg(test)]
mod tests;
