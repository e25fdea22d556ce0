//! What nobody told of chats and their members, and the feed of the store shows: chats that somebody of ours is in
//! without having heard of it, or no longer; names and memberships that rooms don't know of.

use nexus_protocol::EventName;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use nexus_domain::chat::Chat;
use nexus_domain::chat_feed::{ChatHead, ClientPosition, Membership, Missed, Newcomer, Renamed};
use nexus_domain::ids::{ChatId, UserId};
use nexus_protocol::relay_calls::{CHAT, CHATS, ChatRequest, ChatSnapshot, MAX_ITEMS, UserChats};
use serde::Serialize;

use super::connection::Connection;
use super::entrance::{CATCH_UP_PATIENCE, replay};
use super::fill;
use super::frame::{ErrorCode, Event};
use super::hub::Core;
use super::place::Reached;

/// Mostly the word is on its way already.
const ON_ITS_WAY: Duration = Duration::from_millis(400);
/// A store that can't be read is asked again: the feed tells of each change once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberRemoved {
    chat_id: ChatId,
    user_id: UserId,
}

/// Says in a moment what wasn't told by then.
pub fn soon(core: &Arc<Core>, memberships: Vec<Membership>, renamed: Vec<Renamed>) {
    let core = Arc::clone(core);
    tokio::spawn(async move {
        tokio::time::sleep(ON_ITS_WAY).await;
        heal(&core, memberships, renamed).await;
    });
}

/// People came into a chat that has moved on since.
pub fn members(core: &Arc<Core>, chat: ChatId, users: Vec<UserId>) {
    let core = Arc::clone(core);
    tokio::spawn(async move { learn(&core, chat, users).await });
}

async fn heal(core: &Arc<Core>, memberships: Vec<Membership>, renamed: Vec<Renamed>) {
    let is_settled = |known: &Membership| {
        core.recent.heard_of(known) && (!known.is_member || !core.rooms.lacks(known.user_id, known.chat_id))
    };
    let unheard: Vec<Membership> = memberships.into_iter().filter(|known| !is_settled(known)).collect();
    for known in &unheard {
        core.neighbours
            .set_member(known.chat_id, known.user_id, known.is_member);
    }
    let users: BTreeSet<UserId> = unheard.iter().map(|known| known.user_id).collect();
    chats(core, users.into_iter().collect()).await;
    let mut changed: BTreeMap<ChatId, HashSet<UserId>> = BTreeMap::new();
    for known in unheard {
        changed.entry(known.chat_id).or_default().insert(known.user_id);
    }
    for chat in renamed.iter().filter(|chat| !core.recent.heard_name(chat)) {
        changed.entry(chat.chat_id).or_default();
    }
    for (chat, newcomers) in changed {
        updated(core, chat, &newcomers).await;
    }
}

/// Which chats these people are in: they enter those that they didn't know of, and leave those they aren't in.
pub async fn chats(core: &Arc<Core>, users: Vec<UserId>) {
    for some in users.chunks(MAX_ITEMS) {
        let mut pause = FIRST_PAUSE;
        loop {
            // Before the store is asked: what is heard after that is newer than its answer.
            let here: Vec<(UserId, HashSet<ChatId>)> = some
                .iter()
                .filter(|user| core.rooms.is_here(**user))
                .map(|user| (*user, core.rooms.chats_of(*user)))
                .collect();
            if here.is_empty() {
                break;
            }
            let asked: Vec<UserId> = here.iter().map(|(user, _)| *user).collect();
            match core.calls.call_items::<_, UserChats>(CHATS, asked).await {
                Ok(found) => {
                    set_chats(core, here.into_iter().zip(found)).await;
                    break;
                }
                Err(error) => tracing::warn!(%error, "memberships not read; trying on"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

async fn set_chats(core: &Arc<Core>, found: impl Iterator<Item = ((UserId, HashSet<ChatId>), UserChats)>) {
    let mut late: BTreeMap<ChatId, Vec<UserId>> = BTreeMap::new();
    for ((user, before), of) in found {
        let after: HashSet<ChatId> = of.chats.iter().map(|head| head.chat_id).collect();
        for chat in before.difference(&after) {
            leave(core, *chat, user);
        }
        for chat in after.into_iter().filter(|chat| core.rooms.lacks(user, *chat)) {
            late.entry(chat).or_default().push(user);
        }
        fill::behind(core, &of.chats);
    }
    for (chat, users) in late {
        learn(core, chat, users).await;
    }
}

/// Nobody told them that they are out.
fn leave(core: &Core, chat_id: ChatId, user_id: UserId) {
    if !core.rooms.is_in(user_id, chat_id) {
        return;
    }
    let event = Event::new(EventName::MemberRemoved, &MemberRemoved { chat_id, user_id });
    for connection in core.rooms.connections_of(user_id) {
        connection.deliver(&event, None);
    }
    core.rooms.leave(chat_id, user_id);
}

/// These people are in a chat and weren't told: they hear of it, then what was said there since they came, then what
/// is live.
async fn learn(core: &Arc<Core>, chat: ChatId, users: Vec<UserId>) {
    let Some(seen) = see(core, chat, users).await else {
        return;
    };
    let head = ChatHead {
        chat_id: chat,
        last_seq: seen.chat.last_seq,
        last_change: seen.chat.last_change,
    };
    let mut bringing = Vec::new();
    for came in &seen.newcomers {
        let late = core.rooms.join_late(head, came.user_id);
        if late.is_new_room {
            // What came since it was read may have passed us by.
            fill::soon(core, chat);
        }
        let created = Event::new(EventName::ChatCreated, &as_seen_by(&seen, came.user_id));
        for connection in &late.untold {
            connection.deliver(&created, None);
        }
        bringing.extend(late.missing.into_iter().map(|to| bring(core, to, &seen.chat, *came)));
    }
    join_all(bringing).await;
}

/// Brings a connection from where its person came into the chat to where the chat is.
async fn bring(core: &Arc<Core>, connection: Arc<Connection>, chat: &Chat, came: Newcomer) {
    let behind = ClientPosition {
        chat_id: chat.id,
        user_id: came.user_id,
        seq: came.seq,
        change: Some(came.change),
    };
    let brought = async {
        let missed = loop {
            let missed = core.catch_ups.ask(behind, CATCH_UP_PATIENCE).await?;
            if !missed.later {
                break missed;
            }
        };
        connection.send(&Event::new(EventName::ChatCreated, &as_at_first(chat, came, &missed)));
        replay(&connection, &behind, &missed).await?;
        Ok::<_, super::calls::CallError>(Reached {
            seq: missed.last_seq,
            change: missed.last_change,
        })
    };
    match brought.await {
        Ok(reached) => connection.release(chat.id, reached),
        Err(error) => {
            tracing::warn!(%error, "what was said in a chat learnt late was not read");
            let text = "What you missed can't be read right now. Connect again in a moment.";
            connection.refuse(ErrorCode::ConnectionError, text);
            core.gone(&connection);
        }
    }
}

/// As the chat was when this member came: what follows is news to them.
fn as_at_first(chat: &Chat, came: Newcomer, missed: &Missed) -> Chat {
    if missed.last_seq <= came.seq {
        return Chat {
            unread_count: 0,
            ..chat.clone()
        };
    }
    Chat {
        last_seq: came.seq,
        last_change: came.change,
        last_message: None,
        unread_count: 0,
        ..chat.clone()
    }
}

fn as_seen_by(seen: &ChatSnapshot, user: UserId) -> Chat {
    let unread = seen.unread.iter().find(|(member, _)| *member == user);
    Chat {
        unread_count: unread.map_or(0, |(_, count)| *count),
        ..seen.chat.clone()
    }
}

/// A chat has another name or other members: its room hears it, without those who just came or went.
async fn updated(core: &Arc<Core>, chat: ChatId, except: &HashSet<UserId>) {
    let present = || {
        let room = core.rooms.room(chat)?;
        let room = room.lock();
        let others = room.connections().filter(|(user, _)| !except.contains(user));
        let others: Vec<_> = others.map(|(user, to)| (user, Arc::clone(to))).collect();
        (!others.is_empty()).then_some(others)
    };
    if present().is_none() {
        return;
    }
    let Some(seen) = see(core, chat, Vec::new()).await else {
        return;
    };
    let unread: HashMap<UserId, i64> = seen.unread.iter().copied().collect();
    let mut events: HashMap<i64, Arc<Event>> = HashMap::new();
    for (user, connection) in present().unwrap_or_default() {
        let Some(count) = unread.get(&user) else { continue };
        let event = events
            .entry(*count)
            .or_insert_with(|| Event::new(EventName::ChatUpdated, &as_seen_by(&seen, user)));
        connection.deliver(event, None);
    }
}

/// `None`: nobody is in it.
async fn see(core: &Core, chat_id: ChatId, newcomers: Vec<UserId>) -> Option<ChatSnapshot> {
    let asked = ChatRequest { chat_id, newcomers };
    let mut pause = FIRST_PAUSE;
    loop {
        match core.calls.call::<Option<ChatSnapshot>>(CHAT, &asked).await {
            Ok(seen) => return seen,
            Err(error) => tracing::warn!(%error, %chat_id, "a chat was not read; trying on"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
