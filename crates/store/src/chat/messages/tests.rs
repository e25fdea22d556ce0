mod catching_up;
mod plans;
mod search;

use nexus_domain::Role;
use nexus_domain::chat::{ChatType, Viewer};

use super::*;
use crate::chat::chats::{self, NewChat};
use crate::chat::message_history::{self, Behind, Page};

pub(crate) fn id<I>(generate: fn(Timestamp, [u8; 10]) -> I, number: u32) -> I {
    let mut random = [0; 10];
    random[..4].copy_from_slice(&number.to_be_bytes());
    generate(Timestamp::from_millis(1_000), random)
}

pub(crate) fn user(database: &Database, number: u32) -> UserId {
    let user = id(UserId::generate, number);
    database
        .execute(
            "INSERT INTO companies (id, name, slug, currency, timezone, created_at, updated_at) \
             VALUES ('01890000-0000-7000-8000-000000000000', 'C', 'c', 'EUR', 'UTC', 0, 0) ON CONFLICT DO NOTHING",
            &[],
        )
        .unwrap();
    database
        .execute(
            "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, created_at, updated_at) \
             VALUES (?1, ?2, ?2, ?3, 'TENANT', '01890000-0000-7000-8000-000000000000', 'ACTIVE', '', 0, 0)",
            params![user, format!("u{number}@x.y"), format!("User {number}")],
        )
        .unwrap();
    user
}

pub(crate) fn viewer(user: UserId) -> Viewer {
    Viewer {
        user,
        role: Role::Tenant,
        company: "01890000-0000-7000-8000-000000000000".parse().ok(),
    }
}

pub(crate) fn group(database: &Database, number: u32, members: &[UserId]) -> ChatId {
    let new = NewChat {
        id: id(ChatId::generate, number),
        kind: ChatType::Group,
        name: None,
        others: members[1..].to_vec(),
    };
    chats::create(database, viewer(members[0]), &new, at(1)).unwrap().0.id
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn message(number: u32, chat: ChatId, sender: UserId, temp_id: Option<&str>) -> NewMessage {
    NewMessage {
        id: id(MessageId::generate, number),
        chat_id: chat,
        sender_id: sender,
        temp_id: temp_id.map(|text| TempId::try_from(text.to_owned()).unwrap()),
        message_type: MessageType::Text,
        content: Content::new(format!("message {number}"), false).unwrap(),
        attachments: Vec::new(),
    }
}

fn stored(outcome: &Sent) -> &Message {
    match outcome {
        Sent::Stored(placed) => &placed.message,
        other => panic!("{other:?}"),
    }
}

struct Scene {
    database: Database,
    anna: UserId,
    ben: UserId,
    chat: ChatId,
}

fn scene() -> Scene {
    let database = Database::in_memory().unwrap();
    let (anna, ben) = (user(&database, 1), user(&database, 2));
    let chat = group(&database, 1, &[anna, ben]);
    Scene {
        database,
        anna,
        ben,
        chat,
    }
}

#[test]
fn seq_counts_each_chat_from_one_without_gaps() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let other = group(&database, 2, &[ben, anna]);
    let batch = vec![
        message(1, chat, anna, None),
        message(2, other, anna, None),
        message(3, chat, ben, None),
    ];
    let sent = send(&database, batch, at(5)).unwrap();
    let seqs: Vec<_> = sent.iter().map(|s| (stored(s).chat_id, stored(s).seq)).collect();
    assert_eq!(seqs, [(chat, 1), (other, 1), (chat, 2)]);
    let sent = send(&database, vec![message(4, chat, anna, None)], at(6)).unwrap();
    assert_eq!(stored(&sent[0]).seq, 3);
}

#[test]
fn a_batch_is_a_constant_number_of_statements() {
    let Scene {
        database, anna, chat, ..
    } = scene();
    let statements = |from: u32, count: u32| {
        database.take_usage();
        let batch = (from..from + count).map(|n| message(n, chat, anna, None)).collect();
        send(&database, batch, at(5)).unwrap();
        database.take_usage().total().statements
    };
    assert_eq!(statements(1, 1), statements(100, 64));
}

#[test]
fn the_same_temp_id_is_stored_once_for_good() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let sent = send(
        &database,
        vec![
            message(1, chat, anna, Some("t")),
            message(2, chat, anna, Some("t")),
            message(3, chat, ben, Some("t")),
        ],
        at(5),
    )
    .unwrap();
    let first = stored(&sent[0]).clone();
    assert_eq!(sent[1], Sent::Duplicate(first.clone()));
    assert_eq!(stored(&sent[2]).seq, 2);
    let again = send(&database, vec![message(9, chat, anna, Some("t"))], at(1_000_000_000)).unwrap();
    assert_eq!(again, [Sent::Duplicate(first)]);
}

#[test]
fn trying_a_batch_again_stores_nothing_again_and_tells_the_same() {
    let Scene {
        database, anna, chat, ..
    } = scene();
    let batch = || vec![message(1, chat, anna, None), message(2, chat, anna, Some("t"))];
    let first = send(&database, batch(), at(5)).unwrap();
    assert_eq!(send(&database, batch(), at(6)).unwrap(), first);
    assert_eq!(
        message_history::page(&database, chat, Page::Latest, 10).unwrap().len(),
        2
    );
}

#[test]
fn one_bad_message_fails_alone() {
    let Scene {
        database, anna, chat, ..
    } = scene();
    let stranger = user(&database, 3);
    let mut with_file = message(2, chat, anna, None);
    with_file.attachments = vec![id(AttachmentId::generate, 1)];
    let batch = vec![
        message(1, chat, stranger, None),
        with_file,
        message(3, chat, anna, None),
    ];
    let sent = send(&database, batch, at(5)).unwrap();
    assert_eq!(sent[..2], [Sent::NotAMember, Sent::UnknownAttachment]);
    assert_eq!(stored(&sent[2]).seq, 1);
}

#[test]
fn an_attachment_is_sent_once_and_by_its_owner_only() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let file = Attachment {
        id: id(AttachmentId::generate, 1),
        file_name: "a.png".into(),
        content_type: "image/png".into(),
        size: 3,
        width: Some(1),
        height: Some(2),
    };
    attachments::insert(&database, anna, &file, "k", at(1)).unwrap();
    assert!(attachments::find_visible(&database, file.id, ben).unwrap().is_none());
    let with_file = |number, sender| {
        let mut new = message(number, chat, sender, None);
        new.attachments = vec![file.id];
        new
    };
    let sent = send(
        &database,
        vec![with_file(1, ben), with_file(2, anna), with_file(3, anna)],
        at(5),
    )
    .unwrap();
    assert_eq!(
        (&sent[0], &sent[2]),
        (&Sent::UnknownAttachment, &Sent::UnknownAttachment)
    );
    assert_eq!(stored(&sent[1]).attachments, std::slice::from_ref(&file));
    assert!(attachments::find_visible(&database, file.id, ben).unwrap().is_some());
    delete(&database, anna, Role::Tenant, chat, stored(&sent[1]).id, at(6)).unwrap();
    assert!(attachments::find_visible(&database, file.id, ben).unwrap().is_none());
}

#[test]
fn unread_counts_the_messages_of_others_after_the_mark() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let unread = |user| chats::find(&database, chat, user).unwrap().unwrap().unread_count;
    let batch = vec![
        message(1, chat, anna, None),
        message(2, chat, anna, None),
        message(3, chat, ben, None),
    ];
    send(&database, batch, at(5)).unwrap();
    assert_eq!((unread(anna), unread(ben)), (1, 2));
    assert_eq!(chats::mark_read(&database, ben, chat, 1).unwrap(), Some((1, true)));
    assert_eq!(unread(ben), 1);
    assert_eq!(chats::mark_read(&database, ben, chat, 99).unwrap(), Some((3, true)));
    assert_eq!(chats::mark_read(&database, ben, chat, 1).unwrap(), Some((3, false)));
    assert_eq!((unread(anna), unread(ben)), (1, 0));
}

#[test]
fn what_was_taken_back_is_not_unread() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let unread = |user| chats::find(&database, chat, user).unwrap().unwrap().unread_count;
    let batch = (1..=4).map(|number| message(number, chat, anna, None)).collect();
    let sent = send(&database, batch, at(5)).unwrap();
    let take_back = |index: usize| delete(&database, anna, Role::Tenant, chat, stored(&sent[index]).id, at(6)).unwrap();
    assert_eq!((unread(anna), unread(ben)), (0, 4));
    take_back(1);
    assert_eq!((unread(anna), unread(ben)), (0, 3));
    // A second deletion changes nothing, and what was read before counts no longer.
    take_back(1);
    chats::mark_read(&database, ben, chat, 1).unwrap();
    assert_eq!(unread(ben), 2);
    take_back(0);
    assert_eq!(unread(ben), 2);
    take_back(2);
    take_back(3);
    assert_eq!((unread(anna), unread(ben)), (0, 0));
    let all = chats::unread(&database, chat).unwrap();
    assert!(all.iter().all(|(_, count)| *count == 0), "{all:?}");
    // By another than its sender: it is read for everybody.
    let more = send(&database, vec![message(5, chat, ben, None)], at(7)).unwrap();
    assert_eq!((unread(anna), unread(ben)), (1, 0));
    delete(&database, anna, Role::Admin, chat, stored(&more[0]).id, at(8)).unwrap();
    assert_eq!((unread(anna), unread(ben)), (0, 0));
}

fn behind(chat: ChatId, user: UserId, seq: i64, change: Option<i64>) -> Behind {
    Behind {
        chat,
        user,
        seq,
        change,
    }
}

#[test]
fn catching_up_gives_what_came_after_and_what_was_changed_meanwhile() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let batch = vec![message(1, chat, anna, None), message(2, chat, anna, None)];
    let sent = send(&database, batch, at(5)).unwrap();
    // Ben has seen both and goes; one is edited, a third comes.
    let first = stored(&sent[0]).id;
    edit(&database, anna, chat, first, "edited".into(), |_| true, at(6)).unwrap();
    send(&database, vec![message(3, chat, anna, None)], at(7)).unwrap();

    let missed = message_history::catch_up(&database, &[behind(chat, ben, 2, None)])
        .unwrap()
        .remove(0);
    assert_eq!(missed.messages.iter().map(|m| m.seq).collect::<Vec<_>>(), [3]);
    assert_eq!(
        missed.changed.iter().map(|m| m.content.as_str()).collect::<Vec<_>>(),
        ["edited"]
    );
    let knows_the_edit = message_history::catch_up(&database, &[behind(chat, ben, 2, Some(1))])
        .unwrap()
        .remove(0);
    assert!(knows_the_edit.changed.is_empty());
    let new_since = message_history::catch_up(&database, &[behind(chat, ben, 3, None)])
        .unwrap()
        .remove(0);
    assert!(new_since.changed.is_empty() && new_since.messages.is_empty());
}

#[test]
fn too_much_missed_is_a_gap_and_strangers_catch_up_nothing() {
    let Scene {
        database, anna, chat, ..
    } = scene();
    let stranger = user(&database, 3);
    let batch = (1..=501).map(|n| message(n, chat, anna, None)).collect();
    send(&database, batch, at(5)).unwrap();
    let asked = [
        behind(chat, anna, 0, None),
        behind(chat, anna, 1, None),
        behind(chat, stranger, 0, None),
    ];
    let missed = message_history::catch_up(&database, &asked).unwrap();
    assert_eq!((missed[0].gap, missed[0].messages.len()), (Some((1, 501)), 0));
    assert_eq!((missed[1].gap, missed[1].messages.len()), (None, 500));
    assert_eq!(missed[2], message_history::Missed::default());
}

#[test]
fn what_does_not_fit_one_answer_is_left_for_the_next() {
    let Scene {
        database, anna, chat, ..
    } = scene();
    let batch = (1..=400).map(|n| message(n, chat, anna, None)).collect();
    send(&database, batch, at(5)).unwrap();
    let asked = [
        behind(chat, anna, 0, None),
        behind(chat, anna, 0, None),
        behind(chat, anna, 399, None),
    ];
    let missed = message_history::catch_up(&database, &asked).unwrap();
    assert_eq!(
        missed.iter().map(|m| (m.messages.len(), m.later)).collect::<Vec<_>>(),
        [(400, false), (0, true), (1, false)]
    );
}

#[test]
fn only_the_sender_edits_and_an_admin_may_delete() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let sent = send(&database, vec![message(1, chat, anna, None)], at(5)).unwrap();
    let first = stored(&sent[0]).id;
    assert_eq!(
        edit(&database, ben, chat, first, "x".into(), |_| true, at(6)),
        Err(ChangeError::NotOwn)
    );
    assert_eq!(
        delete(&database, ben, Role::Manager, chat, first, at(6)),
        Err(ChangeError::NotOwn)
    );
    let gone = delete(&database, ben, Role::Admin, chat, first, at(6))
        .unwrap()
        .unwrap();
    assert_eq!((gone.message.content.as_str(), gone.change), ("", 1));
    assert_eq!(
        edit(&database, anna, chat, first, "x".into(), |_| true, at(7)),
        Err(ChangeError::Deleted)
    );
    assert_eq!(delete(&database, anna, Role::Tenant, chat, first, at(7)), Ok(None));
}
