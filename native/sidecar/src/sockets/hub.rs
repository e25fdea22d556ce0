//! The hub's heart: what it knows and the few things it does with it. One file per client event beside it.

use nexus_protocol::EventName;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use nexus_domain::chat_feed::{ChatHead, ClientPosition, Missed};
use nexus_domain::ids::{ChatId, SessionId, UserId};
use nexus_domain::message::{Message, MessageEvent, Placed};
use nexus_domain::settings::WebOrigin;
use nexus_protocol::relay::{self, RelayEvent};
use nexus_protocol::relay_calls::{ConnectOutcome, ReadMark, ReadOutcome};
use tokio::sync::{Notify, mpsc};

use super::batch::Letter;
use super::calls::{Calls, Grouped};
use super::connection::Connection;
use super::deadlines::Deadlines;
use super::events::{message_read::Marks, typing};
use super::fill;
use super::frame::{Event, Farewell};
use super::late;
use super::meters::Meters;
use super::neighbours::{Cast, Neighbours, Pace};
use super::recent::Recent;
use super::rooms::Rooms;
use super::typing::Typing;
use super::watch;

/// So many may knock at once: as many as may wait to have their tokens looked at.
const MOST_STRANGERS: usize = 16 * 1024;

/// The hub's settings, as far as its parts need them.
pub struct Limits {
    pub connections_per_user: usize,
    pub inactivity: Duration,
    pub origins: Vec<WebOrigin>,
}

pub struct Core {
    pub limits: Limits,
    /// This process's name among the nodes.
    pub node: String,
    pub calls: Calls,
    pub rooms: Rooms,
    pub deadlines: Deadlines,
    pub typing: Typing,
    pub pace: Pace,
    pub neighbours: Arc<dyn Neighbours>,
    pub meters: Meters,
    pub recent: Recent,
    pub connects: Grouped<String, ConnectOutcome>,
    pub catch_ups: Grouped<ClientPosition, Missed>,
    pub reads: Grouped<ReadMark, ReadOutcome>,
    pub marks: Marks,
    letters: mpsc::Sender<Letter>,
    /// Accepted and not yet settled.
    letters_waiting: AtomicUsize,
    letters_settled: Notify,
    pub presence_changed: Notify,
    /// Something is in the feed that shouldn't wait for its turn.
    pub feed_grew: Notify,
    draining: AtomicBool,
    /// Connections that nobody has been let in on yet.
    strangers: AtomicUsize,
}

/// What [`Core`] is made of.
pub struct Parts {
    pub limits: Limits,
    pub node: String,
    pub calls: Calls,
    pub pace: Pace,
    pub neighbours: Arc<dyn Neighbours>,
    pub meters: Meters,
    pub letters: mpsc::Sender<Letter>,
}

impl Core {
    pub fn new(parts: Parts) -> Self {
        use nexus_protocol::relay_calls::{CATCH_UP, CONNECT, READ};
        let calls = parts.calls;
        Self {
            connects: Grouped::new(calls.clone(), CONNECT, 128, 2),
            catch_ups: Grouped::new(calls.clone(), CATCH_UP, 256, 2),
            reads: Grouped::new(calls.clone(), READ, 256, 1),
            marks: Marks::default(),
            limits: parts.limits,
            node: parts.node,
            calls,
            rooms: Rooms::default(),
            deadlines: Deadlines::default(),
            typing: Typing::default(),
            pace: parts.pace,
            neighbours: parts.neighbours,
            meters: parts.meters,
            recent: Recent::default(),
            letters: parts.letters,
            letters_waiting: AtomicUsize::new(0),
            letters_settled: Notify::new(),
            presence_changed: Notify::new(),
            feed_grew: Notify::new(),
            draining: AtomicBool::new(false),
            strangers: AtomicUsize::new(0),
        }
    }

    /// Queues a message for the next batch; gives it back when too many wait.
    pub fn post(&self, letter: Letter) -> Result<(), Box<Letter>> {
        self.letters_waiting.fetch_add(1, Ordering::AcqRel);
        self.letters.try_send(letter).map_err(|error| {
            self.letters_done(1);
            Box::new(error.into_inner())
        })
    }

    pub fn letters_done(&self, count: usize) {
        if self.letters_waiting.fetch_sub(count, Ordering::AcqRel) == count {
            self.letters_settled.notify_waiters();
        }
    }

    /// Waits until every message taken was stored or refused.
    pub async fn letters_settled(&self) {
        loop {
            let settled = self.letters_settled.notified();
            if self.letters_waiting.load(Ordering::Acquire) == 0 {
                return;
            }
            settled.await;
        }
    }

    /// Whether so many are waiting to be let in that no more can be taken.
    pub fn is_crowded(&self) -> bool {
        self.strangers.load(Ordering::Relaxed) >= MOST_STRANGERS
    }

    /// A connection was let in, or went before it was.
    pub fn no_stranger(&self, connection: &Connection) {
        if connection.set_known() {
            self.strangers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// A message was stored, by us or by others: its room hears it when its turn comes.
    pub fn message_stored(self: &Arc<Self>, placed: &Placed) {
        let message = &placed.message;
        let Some(room) = self.rooms.room(message.chat_id) else {
            return;
        };
        let event = new_message(message);
        let gap = {
            let mut room = room.lock();
            let ready = room.order.offer(message.seq, placed.changes_before, event);
            room.say_messages(message.chat_id, &ready);
            ready.gap
        };
        if gap {
            fill::soon(self, message.chat_id);
        }
    }

    /// A message was edited or deleted.
    pub fn message_changed(self: &Arc<Self>, message: &Message, change: i64) {
        let Some(room) = self.rooms.room(message.chat_id) else {
            return;
        };
        let event = changed_message(message);
        let gap = {
            let mut room = room.lock();
            if room.order.offer_change(change, message.seq) {
                room.say_change(message.chat_id, change, &event);
            }
            let ready = room.order.ready();
            room.say_messages(message.chat_id, &ready);
            ready.gap
        };
        if gap {
            fill::soon(self, message.chat_id);
        }
    }

    /// To everybody in a room but one person.
    pub fn say(&self, chat: ChatId, event: &Arc<Event>, except: Option<UserId>) {
        let Some(room) = self.rooms.room(chat) else { return };
        room.lock().say(event, except);
    }

    /// What components or other nodes tell.
    pub fn hear(self: &Arc<Self>, event: RelayEvent) {
        match event {
            RelayEvent::MessageStored { placed } => self.message_stored(&placed),
            RelayEvent::MessageChanged { message, change } => self.message_changed(&message, change),
            RelayEvent::ToChat {
                chat_id,
                event,
                data,
                except,
            } => {
                self.say(chat_id, &Event::from_json(event, data.to_string()), except);
            }
            // Written down before it was told: everybody reads it there, once, whether or not it was told.
            RelayEvent::ToUsers {
                event: EventName::Notification,
                ..
            } => self.feed_grew.notify_one(),
            RelayEvent::ToUsers {
                user_ids,
                event: EventName::ChatCreated,
                data,
            } => self.chat_created(&user_ids, &data),
            RelayEvent::ToUsers { user_ids, event, data } => {
                if event == EventName::ChatUpdated {
                    self.recent.named(&data);
                }
                let event = Event::from_json(event, data.to_string());
                for connection in user_ids.iter().flat_map(|user| self.rooms.connections_of(*user)) {
                    connection.deliver(&event, None);
                }
            }
            // Whoever isn't here needs no copy, which for a large group is large.
            RelayEvent::ChatToUsers { event, chat, unread } => {
                let here = unread.into_iter().filter(|(user, _)| self.rooms.is_here(*user));
                for event in relay::to_each(event, *chat, here) {
                    self.hear(event);
                }
            }
            RelayEvent::Joined {
                chat_id,
                user_ids,
                last_seq,
                last_change,
            } => {
                self.recent.members(&user_ids);
                self.recent.membership(chat_id, &user_ids, true);
                self.joined(
                    ChatHead {
                        chat_id,
                        last_seq,
                        last_change,
                    },
                    &user_ids,
                );
            }
            RelayEvent::Left { chat_id, user_id } => {
                self.recent.members(&[user_id]);
                self.recent.membership(chat_id, &[user_id], false);
                self.rooms.leave(chat_id, user_id);
            }
            RelayEvent::SessionsEnded { session_ids } => self.sessions_ended(&session_ids),
            RelayEvent::UserEnded { user_id } => self.user_ended(user_id),
        }
    }

    /// New members. A room that nobody of ours was in begins where the chat was when they came; what was said since
    /// may have passed us by.
    fn joined(self: &Arc<Self>, head: ChatHead, users: &[UserId]) {
        let joined = self.rooms.join(head, users);
        if joined.is_new_room {
            fill::soon(self, head.chat_id);
        }
        if !joined.late.is_empty() {
            late::members(self, head.chat_id, joined.late);
        }
    }

    /// People hear of a chat that they are in now, unless they did already.
    fn chat_created(&self, users: &[UserId], chat: &serde_json::Value) {
        let room = chat["id"].as_str().and_then(|id| self.rooms.room(id.parse().ok()?));
        let Some(room) = room else { return };
        let event = Event::from_json(EventName::ChatCreated, chat.to_string());
        for connection in users.iter().flat_map(|user| self.rooms.connections_of(*user)) {
            let mut room = room.lock();
            if room.set_told(connection.id) {
                connection.deliver(&event, None);
            }
        }
    }

    /// Asks which chats these people are in, and puts them into those rooms.
    pub fn refresh_chats(self: &Arc<Self>, users: Vec<UserId>) {
        let core = Arc::clone(self);
        tokio::spawn(async move {
            late::chats(&core, users).await;
        });
    }

    pub fn sessions_ended(&self, sessions: &[SessionId]) {
        self.recent.sessions(sessions);
        for connection in self.rooms.of_sessions(sessions) {
            self.dismiss(&connection, Farewell::Revoked);
        }
    }

    pub fn user_ended(&self, user: UserId) {
        self.recent.user(user);
        for connection in self.rooms.connections_of(user) {
            self.dismiss(&connection, Farewell::Revoked);
        }
    }

    pub fn dismiss(&self, connection: &Arc<Connection>, farewell: Farewell) {
        self.meters.dropped.with_label_values(&[farewell.code()]).inc();
        connection.dismiss(farewell);
        self.gone(connection);
    }

    /// A connection has ended, from whichever side.
    pub fn gone(&self, connection: &Arc<Connection>) {
        if self.rooms.remove(connection) && connection.was_cut() {
            self.meters.dropped.with_label_values(&["slow"]).inc();
        }
    }

    /// As [`Core::gone`], for connections that ended by themselves: nobody types any more whose last one it was.
    pub fn left(self: &Arc<Self>, connection: &Arc<Connection>) {
        self.gone(connection);
        self.no_stranger(connection);
        self.meters
            .connections
            .with_label_values(&[connection.protocol()])
            .dec();
        let Some(identity) = connection.identity() else { return };
        let (user, connections) = (identity.user, self.rooms.connections_of(identity.user).len());
        if connections == 0 {
            typing::stop_all(self, user);
        }
        self.neighbours.tell(Cast::Remaining { user, connections });
    }

    /// A connection that isn't let in yet.
    pub fn came(&self, connection: &Arc<Connection>) {
        self.strangers.fetch_add(1, Ordering::Relaxed);
        self.meters
            .connections
            .with_label_values(&[connection.protocol()])
            .inc();
        self.rooms.add(Arc::clone(connection));
        self.deadlines
            .look_at(connection.id, connection.opened_at + watch::DOOR);
    }

    /// What a component told us: done here, and passed on to the other nodes.
    pub fn deliver(self: &Arc<Self>, events: Vec<RelayEvent>) {
        for event in events {
            self.neighbours.tell(Cast::Relay { event: event.clone() });
            self.hear(event);
        }
    }
}

pub fn new_message(message: &Message) -> Arc<Event> {
    Event::new(
        EventName::NewMessage,
        &MessageEvent {
            message: message.clone(),
            timestamp: message.created_at,
        },
    )
}

pub fn changed_message(message: &Message) -> Arc<Event> {
    let (name, at) = match message.deleted_at {
        Some(at) => (EventName::MessageDeleted, at),
        None => (
            EventName::MessageUpdated,
            message.edited_at.unwrap_or(message.created_at),
        ),
    };
    Event::new(
        name,
        &MessageEvent {
            message: message.clone(),
            timestamp: at,
        },
    )
}
