//! What a room missed, taken from the store: gaps in `seq`, edits, memberships.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::ids::{ChatId, UserId};
use nexus_domain::message::Message;
use nexus_domain::relay_calls::{After, CHANGES, CHATS, Change, ChatHead, ChatsOf, Items, RANGE};

use super::hub::{Core, changed_message, new_message};

/// Mostly the missing message is on its way already.
const PATIENCE: Duration = Duration::from_millis(40);

/// Fills a room's gaps in a moment, if it still has any then.
pub fn soon(core: &Arc<Core>, chat: ChatId) {
    let Some(room) = core.rooms.room(chat) else { return };
    if std::mem::replace(&mut room.lock().order.filling, true) {
        return;
    }
    let core = Arc::clone(core);
    tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        if let Err(error) = fill(&core, chat).await {
            tracing::warn!(%error, %chat, "a gap was not filled; the feed will tell of it again");
        }
        if let Some(room) = core.rooms.room(chat) {
            room.lock().order.filling = false;
        }
    });
}

async fn fill(core: &Arc<Core>, chat: ChatId) -> Result<(), super::calls::CallError> {
    loop {
        let Some(room) = core.rooms.room(chat) else {
            return Ok(());
        };
        let after = room.lock().order.said();
        let found: Items<Message> = core.calls.call(RANGE, &After { chat_id: chat, after }).await?;
        let mut said = 0;
        for message in &found.items {
            let event = new_message(message);
            let mut room = room.lock();
            let ready = room.order.offer(message.seq, event);
            said += ready.events.len();
            room.say_messages(chat, &ready);
        }
        if said > 0 {
            core.meters.gaps_filled.inc();
        }
        if found.items.is_empty() || said == 0 {
            break;
        }
    }
    let Some(room) = core.rooms.room(chat) else {
        return Ok(());
    };
    let after = room.lock().order.changed();
    let found: Items<Change> = core.calls.call(CHANGES, &After { chat_id: chat, after }).await?;
    for change in &found.items {
        let event = changed_message(&change.message);
        let mut room = room.lock();
        if change.change > room.order.changed() {
            room.say(&event, None);
            room.order.changes_said(change.change);
        }
    }
    Ok(())
}

/// Rooms that are behind where the store is.
pub fn behind(core: &Arc<Core>, heads: &[ChatHead]) {
    for head in heads {
        let Some(room) = core.rooms.room(head.chat_id) else {
            continue;
        };
        let is_behind = {
            let room = room.lock();
            room.order.said() < head.last_seq || room.order.changed() < head.last_change
        };
        if is_behind {
            soon(core, head.chat_id);
        }
    }
}

/// Which chats people are in.
pub async fn chats(core: &Arc<Core>, users: Vec<UserId>) {
    let here: Vec<UserId> = users.into_iter().filter(|user| core.rooms.is_here(*user)).collect();
    for some in here.chunks(nexus_domain::relay_calls::MOST_AT_ONCE) {
        match core.calls.call_items::<_, ChatsOf>(CHATS, some.to_vec()).await {
            Ok(found) => {
                for of in found {
                    core.rooms.set_chats(of.user_id, &of.chats);
                }
            }
            Err(error) => tracing::warn!(%error, "memberships not read"),
        }
    }
}
