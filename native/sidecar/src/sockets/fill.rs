//! What a room missed, taken from the store: gaps in `seq` and edits.

use std::sync::Arc;
use std::time::Duration;

use nexus_domain::chat_feed::{Change, ChatHead};
use nexus_domain::ids::ChatId;
use nexus_domain::message::Placed;
use nexus_protocol::relay_calls::{After, CHANGES, Items, RANGE};

use super::calls::CallError;
use super::hub::{Core, changed_message, new_message};

/// Mostly the missing message is on its way already.
const PATIENCE: Duration = Duration::from_millis(40);

/// A store that can't be read is asked again; what isn't there after so many looks isn't there.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const MOST_LOOKS: u32 = 10;

/// Fills a room's gaps in a moment, if it still has any then. Until it has none, or nobody is there.
pub fn soon(core: &Arc<Core>, chat: ChatId) {
    let Some(room) = core.rooms.room(chat) else { return };
    if std::mem::replace(&mut room.lock().order.filling, true) {
        return;
    }
    let core = Arc::clone(core);
    tokio::spawn(async move {
        let mut pause = PATIENCE;
        let mut looks = 0;
        loop {
            tokio::time::sleep(pause).await;
            match fill(&core, chat).await {
                Ok(()) => looks += 1,
                Err(error) => tracing::warn!(%error, %chat, "a gap was not filled; trying on"),
            }
            let Some(room) = core.rooms.room(chat) else { return };
            // Under the lock: whatever is noticed later starts anew.
            let mut room = room.lock();
            if looks == MOST_LOOKS {
                tracing::warn!(%chat, "a room waits for what isn't in the store");
                room.order.give_up();
            }
            if looks == MOST_LOOKS || !room.order.is_behind() {
                room.order.filling = false;
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    });
}

/// Says what is in the store, as far as it is the room's turn. Changes and messages take turns: each may wait for the
/// other.
async fn fill(core: &Arc<Core>, chat: ChatId) -> Result<(), CallError> {
    while changes(core, chat).await? | messages(core, chat).await? {}
    Ok(())
}

/// Gives whether there was anything to say.
async fn messages(core: &Arc<Core>, chat: ChatId) -> Result<bool, CallError> {
    let Some(room) = core.rooms.room(chat) else {
        return Ok(false);
    };
    let after = room.lock().order.said();
    let found: Items<Placed> = core.calls.call(RANGE, &After { chat_id: chat, after }).await?;
    let mut said = 0;
    for placed in &found.items {
        let event = new_message(&placed.message);
        let mut room = room.lock();
        let ready = room.order.offer(placed.message.seq, placed.changes_before, event);
        said += ready.events.len();
        room.say_messages(chat, &ready);
    }
    if said > 0 {
        core.meters.gaps_filled.inc();
    }
    Ok(said > 0)
}

async fn changes(core: &Arc<Core>, chat: ChatId) -> Result<bool, CallError> {
    let Some(room) = core.rooms.room(chat) else {
        return Ok(false);
    };
    let after = room.lock().order.changed();
    let found: Items<Change> = core.calls.call(CHANGES, &After { chat_id: chat, after }).await?;
    let mut progress = false;
    for Change { change, message } in &found.items {
        let event = changed_message(message);
        let mut room = room.lock();
        if *change <= room.order.changed() {
            continue;
        }
        // Of a message that was changed twice only the last change is found: those in between are said with it.
        room.order.changes_said(change - 1);
        let ready = room.order.ready();
        progress |= !ready.events.is_empty();
        room.say_messages(chat, &ready);
        if message.seq > room.order.said() {
            break;
        }
        room.say_change(chat, *change, &event);
        room.order.changes_said(*change);
        let ready = room.order.ready();
        room.say_messages(chat, &ready);
        progress = true;
    }
    Ok(progress)
}

/// Rooms that are behind where the store is.
pub fn behind(core: &Arc<Core>, heads: &[ChatHead]) {
    for head in heads {
        let Some(room) = core.rooms.room(head.chat_id) else {
            continue;
        };
        let is_behind = {
            let mut room = room.lock();
            room.order.expect(head.last_seq, head.last_change);
            room.order.is_behind()
        };
        if is_behind {
            soon(core, head.chat_id);
        }
    }
}
