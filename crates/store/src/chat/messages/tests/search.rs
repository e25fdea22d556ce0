use super::*;
use crate::chat::message_search::{Search, count, index_words, search};

fn sought(user: UserId, words: &str) -> Search {
    Search {
        user,
        words: words.to_owned(),
        chat: None,
        sender: None,
        newest_first: true,
        after: None,
        limit: 10,
    }
}

fn saying(number: u32, chat: ChatId, sender: UserId, text: &str) -> NewMessage {
    NewMessage {
        content: Content::new(text.to_owned(), false).unwrap(),
        ..message(number, chat, sender, None)
    }
}

/// The messages found, by their numbers.
fn found(database: &Database, asked: &Search) -> Vec<MessageId> {
    assert!(index_words(database).unwrap());
    let hits = search(database, asked).unwrap();
    hits.into_iter().map(|hit| hit.message.id).collect()
}

fn number(number: u32) -> MessageId {
    id(MessageId::generate, number)
}

#[test]
fn words_are_found_as_they_read_now() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let batch = vec![saying(1, chat, anna, "The Rent is due"), saying(2, chat, ben, "Fine")];
    send(&database, batch, at(5)).unwrap();
    assert_eq!(found(&database, &sought(ben, "rent du")), [number(1)]);
    edit(&database, anna, chat, number(1), "Paid".into(), |_| true, at(6)).unwrap();
    assert_eq!(found(&database, &sought(ben, "rent")), []);
    assert_eq!(found(&database, &sought(ben, "paid")), [number(1)]);
    delete(&database, anna, Role::Tenant, chat, number(1), at(7)).unwrap();
    assert_eq!(found(&database, &sought(ben, "paid")), []);
    assert_eq!(count(&database, &sought(ben, "paid")), Ok(0));
}

#[test]
fn a_message_deleted_before_its_words_were_taken_in_is_not_found() {
    let Scene {
        database, anna, chat, ..
    } = scene();
    let batch = vec![saying(1, chat, anna, "rent"), saying(2, chat, anna, "rent")];
    send(&database, batch, at(5)).unwrap();
    delete(&database, anna, Role::Tenant, chat, number(1), at(6)).unwrap();
    assert_eq!(found(&database, &sought(anna, "rent")), [number(2)]);
}

#[test]
fn only_in_chats_that_one_is_in_now() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let stranger = user(&database, 3);
    send(&database, vec![saying(1, chat, anna, "rent")], at(5)).unwrap();
    assert_eq!(found(&database, &sought(stranger, "rent")), []);
    assert_eq!(found(&database, &sought(ben, "rent")), [number(1)]);
    let named = Search {
        chat: Some(chat),
        ..sought(stranger, "rent")
    };
    assert_eq!(found(&database, &named), [], "naming the chat opens no door");
    chats::remove_member(&database, ben, Role::Tenant, chat, ben).unwrap();
    assert_eq!(found(&database, &sought(ben, "rent")), []);
    assert_eq!(count(&database, &sought(ben, "rent")), Ok(0));
}

#[test]
fn by_chat_and_sender_both_ways_page_by_page() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let other = group(&database, 2, &[anna, ben]);
    let batch = vec![
        saying(1, chat, anna, "rent"),
        saying(2, other, anna, "rent"),
        saying(3, chat, ben, "rent"),
    ];
    send(&database, batch, at(5)).unwrap();
    let here = Search {
        chat: Some(chat),
        ..sought(anna, "rent")
    };
    assert_eq!(found(&database, &here), [number(3), number(1)]);
    let from_ben = Search {
        sender: Some(ben),
        ..sought(anna, "rent")
    };
    assert_eq!(found(&database, &from_ben), [number(3)]);
    assert_eq!(count(&database, &from_ben), Ok(1));
    let mut oldest = Search {
        newest_first: false,
        limit: 2,
        ..sought(anna, "rent")
    };
    assert_eq!(found(&database, &oldest), [number(1), number(2)]);
    oldest.after = Some(search(&database, &oldest).unwrap()[1].n);
    assert_eq!(found(&database, &oldest), [number(3)]);
    assert_eq!(count(&database, &oldest), Ok(3), "of all pages");
}
