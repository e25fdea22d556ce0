//! The demo company's chats of the last weeks: announcements, a room for everybody, and the manager with each resident.

use nexus_domain::Timestamp;
use nexus_domain::chat::{ChatName, ChatType, Viewer};
use nexus_domain::ids::{ChatId, CompanyId, MessageId, UserId};
use nexus_domain::message::{Content, MessageType};
use nexus_store::chat::chats::{self, NewChat};
use nexus_store::chat::messages::{self, NewMessage};
use nexus_store::{Database, StoreError};

use super::people::{People, SignIn};
use super::{invalid, unstored};
use crate::accounts::random;
use crate::failure::Failure;

const DAY: i64 = 86_400;

/// Age in days, and the admin's text.
const ANNOUNCEMENTS: [(i64, &str); 12] = [
    (
        56,
        "Welcome to Demo Living. This is where we tell you what concerns the whole house.",
    ),
    (
        52,
        "The rent for the month is due on the 5th. Your invoice is in the app; a receipt follows each payment.",
    ),
    (
        45,
        "The lifts are inspected on Thursday from 9:00 to 11:00. One of the two always runs.",
    ),
    (
        38,
        "New bins for paper and glass stand beside the gate. Please fold boxes.",
    ),
    (
        33,
        "Water is turned off on Tuesday, 10:00 to 12:00, for work on the main pipe. Please fill a bucket.",
    ),
    (
        27,
        "Thank you for the answers to our survey. The laundry room gets a third machine next month.",
    ),
    (
        21,
        "Fire drill on Friday at 17:00. Take the stairs and meet at the gate.",
    ),
    (
        16,
        "Whoever leaves at the end of the term: please tell us a month ahead.",
    ),
    (
        11,
        "The third washing machine is there. The codes of the old ones stay the same.",
    ),
    (7, "The roof terrace is open again until 22:00. No grills, please."),
    (
        3,
        "A parcel locker stands in the entrance. Your code comes by mail with your first parcel.",
    ),
    (1, "Meter readings are taken on Monday. You needn't be at home."),
];

/// Sender (0 is the manager, the others are residents) and text; a few each day, the last ones today.
const HOUSE: [(usize, &str); 36] = [
    (0, "Welcome! This room is for everybody in the house."),
    (1, "Hello everybody, I moved in yesterday."),
    (2, "Welcome! Ask if you need anything, we are next door."),
    (3, "The bakery around the corner opens at six, by the way."),
    (1, "Good to know, thanks!"),
    (4, "Does anybody have a drill that I could borrow for an hour?"),
    (2, "I do. Ring this evening."),
    (4, "You are a hero."),
    (
        5,
        "Whose bicycle is in front of the door to the basement? I can't get mine out.",
    ),
    (3, "Sorry, mine! I'll move it."),
    (
        0,
        "There are free places at the rack behind the house, please use those.",
    ),
    (6, "Is the internet slow for you too?"),
    (1, "Here too, since about eight."),
    (
        0,
        "The provider knows and is working on it. I'll write when it is solved.",
    ),
    (0, "It should be fine again."),
    (6, "It is. Thank you!"),
    (
        2,
        "We are cooking on Saturday, far too much as always. Come down at seven if you like.",
    ),
    (5, "I'll bring dessert."),
    (1, "And I something to drink."),
    (3, "That was a lovely evening. Thank you!"),
    (4, "I found a blue scarf in the lift. It hangs at the door."),
    (6, "That's mine, thank you!"),
    (
        0,
        "Please don't leave shoes and boxes in the hallway; the fire brigade was clear about it.",
    ),
    (2, "Is somebody up for a run on Sunday morning?"),
    (3, "What is morning?"),
    (2, "Nine?"),
    (3, "That I can do."),
    (5, "Machine 2 in the laundry shows E18 again."),
    (
        0,
        "Thank you, I'll have somebody look at it today. Use 1 or 3 meanwhile.",
    ),
    (5, "Works again."),
    (1, "Does anybody know when the post comes here?"),
    (4, "Around noon, and never on Mondays."),
    (6, "My parents are visiting next week. Is there a room for guests?"),
    (0, "There is, on the ground floor. Write to me and I'll reserve it."),
    (2, "The view from the terrace tonight!"),
    (3, "On my way up."),
];

/// A chat between the manager and a resident: whether the manager writes, and the text.
const DIRECT: [(bool, &str); 7] = [
    (true, "Hello {name}, tell me when something needs repair."),
    (false, "Thank you! All is well so far."),
    (false, "One question: may I paint a wall?"),
    (
        true,
        "Yes, in any colour, as long as it is white again when you move out.",
    ),
    (false, "Fair enough."),
    (true, "I put your receipt for the last month into the app."),
    (false, "Seen it, thank you."),
];

struct Room {
    chat: ChatId,
    members: Vec<UserId>,
}

pub fn make(database: &Database, company: CompanyId, people: &People, now: Timestamp) -> Result<(), Failure> {
    let started = now.plus_seconds(-57 * DAY);
    let (admin, manager) = (&people.admin, &people.manager);
    let residents: Vec<UserId> = people.residents.iter().map(id).collect();
    let everybody: Vec<UserId> = std::iter::once(id(manager)).chain(residents.iter().copied()).collect();

    let announcements = open(
        database,
        company,
        admin,
        Some("Announcements"),
        everybody.clone(),
        started,
    )?;
    for (days, text) in ANNOUNCEMENTS {
        send(database, &announcements, id(admin), text, now.plus_seconds(-days * DAY))?;
    }
    let house = open(database, company, admin, Some("House"), everybody, started)?;
    let speakers: Vec<UserId> = std::iter::once(id(manager)).chain(residents.iter().copied()).collect();
    for (place, (speaker, text)) in (1..).zip(HOUSE) {
        // Smaller companies have fewer residents.
        let speaker = speakers[speaker % speakers.len()];
        let before_now = i64::try_from(HOUSE.len()).unwrap_or_default() - place;
        send(
            database,
            &house,
            speaker,
            text,
            now.plus_seconds(-before_now * 17 * 3_600 - 300),
        )?;
    }
    for resident in people.residents.iter().take(3) {
        let direct = open(database, company, manager, None, vec![id(resident)], started)?;
        let first_name = resident.account.name.split(' ').next().unwrap_or_default();
        for (place, (is_manager, text)) in (0..).zip(DIRECT) {
            let speaker = if is_manager { id(manager) } else { id(resident) };
            let at = started.plus_seconds((place + 1) * 7 * DAY);
            send(database, &direct, speaker, &text.replace("{name}", first_name), at)?;
        }
        read_all(database, &direct)?;
    }
    // Messages of today are unread.
    read_all(database, &announcements)?;
    read_all(database, &house)
}

fn id(person: &SignIn) -> UserId {
    person.account.id
}

/// A chat that its first member opened with the others.
fn open(
    database: &Database,
    company: CompanyId,
    owner: &SignIn,
    name: Option<&str>,
    others: Vec<UserId>,
    at: Timestamp,
) -> Result<Room, Failure> {
    let viewer = Viewer {
        user: owner.account.id,
        role: owner.account.role,
        company: Some(company),
    };
    let members = std::iter::once(id(owner)).chain(others.iter().copied()).collect();
    let new = NewChat {
        id: ChatId::generate(at, random()?),
        kind: if name.is_some() {
            ChatType::Group
        } else {
            ChatType::Direct
        },
        name: name
            .map(|name| ChatName::try_from(name.to_owned()))
            .transpose()
            .map_err(invalid)?,
        others,
    };
    let (chat, _) = chats::create(database, viewer, &new, at).map_err(|error| Failure::failed("chats", error))?;
    Ok(Room { chat: chat.id, members })
}

fn send(database: &Database, room: &Room, sender: UserId, text: &str, at: Timestamp) -> Result<(), Failure> {
    let message = NewMessage {
        id: MessageId::generate(at, random()?),
        chat_id: room.chat,
        sender_id: sender,
        temp_id: None,
        message_type: MessageType::Text,
        content: Content::new(text.to_owned(), false).map_err(invalid)?,
        attachments: Vec::new(),
    };
    let sent: Result<_, StoreError> = messages::send(database, vec![message], at);
    sent.map(drop).map_err(unstored)
}

/// Marks all but the last message as read by everybody.
fn read_all(database: &Database, room: &Room) -> Result<(), Failure> {
    for member in &room.members {
        let last = chats::find(database, room.chat, *member)
            .map_err(unstored)?
            .map_or(0, |chat| chat.last_seq);
        chats::mark_read(database, *member, room.chat, (last - 1).max(0)).map_err(unstored)?;
    }
    Ok(())
}
