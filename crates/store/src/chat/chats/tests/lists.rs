use super::*;
use crate::Value;
use crate::chat::messages::tests::message;

fn asked(member: UserId, order: &'static str) -> ChatList {
    ChatList {
        member,
        kind: None,
        unread: None,
        words: None,
        sort: sort(order),
        after: None,
        limit: 10,
    }
}

fn ids(database: &Database, asked: &ChatList) -> Vec<ChatId> {
    let found = list(database, asked).unwrap();
    found.into_iter().map(|(chat, _)| chat.id).collect()
}

struct Scene {
    database: Database,
    anna: UserId,
    ben: UserId,
    /// Anna's chats: a group `Zoo`, one without a name, and what she has with Ben, who is called `User 2`.
    zoo: ChatId,
    plain: ChatId,
    pair: ChatId,
}

fn scene() -> Scene {
    let database = Database::in_memory().unwrap();
    let (anna, ben, cleo) = (user(&database, 1), user(&database, 2), user(&database, 3));
    let zoo = group(&database, 1, &[anna, cleo]);
    let plain = group(&database, 2, &[anna, cleo]);
    database
        .execute(
            "UPDATE chats SET name = 'Zoo', name_folded = 'zoo' WHERE id = ?1",
            params![zoo],
        )
        .unwrap();
    let (pair, _) = create(&database, viewer(ben), &direct(3, anna), at(5)).unwrap();
    group(&database, 4, &[ben, cleo]);
    crate::chat::messages::send(&database, vec![message(1, zoo, cleo, None)], at(9)).unwrap();
    Scene {
        database,
        anna,
        ben,
        zoo,
        plain,
        pair: pair.id,
    }
}

#[test]
fn chats_in_each_order_both_ways_and_page_by_page() {
    let Scene {
        database,
        anna,
        zoo,
        plain,
        pair,
        ..
    } = scene();
    for (order, backwards, expected) in [
        ("lastActivity", "-lastActivity", [plain, pair, zoo]),
        ("name", "-name", [plain, pair, zoo]),
        ("createdAt", "-createdAt", [zoo, plain, pair]),
    ] {
        let mut reversed = expected;
        reversed.reverse();
        for (order, expected) in [(order, expected), (backwards, reversed)] {
            assert_eq!(ids(&database, &asked(anna, order)), expected, "{order}");
            let mut page = ChatList {
                limit: 1,
                ..asked(anna, order)
            };
            for chat in expected {
                assert_eq!(ids(&database, &page), [chat], "{order}");
                let last = list(&database, &page).unwrap().remove(0);
                page.after = Some((last.1, last.0.id));
            }
            assert_eq!(ids(&database, &page), [], "{order}");
        }
    }
    let by_name = list(&database, &asked(anna, "name")).unwrap();
    let keys: Vec<_> = by_name.into_iter().map(|(_, key)| key).collect();
    assert_eq!(keys, ["", "user 2", "zoo"].map(Value::from));
}

#[test]
fn chats_are_filtered_and_counted() {
    let Scene {
        database,
        anna,
        ben,
        zoo,
        plain,
        pair,
    } = scene();
    let all = asked(anna, "createdAt");
    let words = |words: &str| ChatList {
        words: Some(words.to_owned()),
        ..all.clone()
    };
    let unread = |unread| ChatList {
        unread: Some(unread),
        ..all.clone()
    };
    let directs = ChatList {
        kind: Some(ChatType::Direct),
        ..all.clone()
    };
    for (wanted, expected) in [
        (all.clone(), vec![zoo, plain, pair]),
        (directs, vec![pair]),
        (unread(true), vec![zoo]),
        (unread(false), vec![plain, pair]),
        (words("zo"), vec![zoo]),
        (words("user 3"), vec![zoo, plain]),
        (words("user 2"), vec![pair]),
        (words("user 1"), vec![]),
        (words("%"), vec![]),
    ] {
        assert_eq!(ids(&database, &wanted), expected, "{wanted:?}");
        let counted = count(&database, &wanted).unwrap();
        assert_eq!(usize::try_from(counted), Ok(expected.len()), "{wanted:?}");
    }
    assert_eq!(ids(&database, &asked(ben, "createdAt")).len(), 2, "one's own only");
}

#[test]
fn people_go_by_name_or_role_both_ways() {
    let Scene { database, anna, .. } = scene();
    let manager = user(&database, 4);
    database
        .execute("UPDATE users SET role = 'MANAGER' WHERE id = ?1", params![manager])
        .unwrap();
    let names = |order: &'static str, after: Option<(&str, UserId)>| -> Vec<String> {
        let wanted = crate::chat::people::PeopleList {
            sort: sort(order),
            after: after.map(|(key, id)| (key.to_owned(), id)),
            ..sought(viewer(anna), "user")
        };
        let found = crate::chat::people::list(&database, &wanted, at(1)).unwrap();
        found.into_iter().map(|person| person.name).collect()
    };
    assert_eq!(names("name", None), ["User 2", "User 3", "User 4"]);
    assert_eq!(names("-name", None), ["User 4", "User 3", "User 2"]);
    assert_eq!(names("role", None), ["User 4", "User 2", "User 3"]);
    assert_eq!(names("-role", None), ["User 3", "User 2", "User 4"]);
    assert_eq!(names("role", Some(("MANAGER", manager))), ["User 2", "User 3"]);
}

#[test]
fn notifications_by_kind_state_and_words() {
    use crate::chat::notifications::{self, Notification, NotificationList};
    use nexus_domain::ids::NotificationId;
    let Scene {
        database, anna, ben, ..
    } = scene();
    let write = |number: u32, user: UserId, kind: &str, title: &str| {
        let notification = Notification {
            id: id(NotificationId::generate, number),
            user_id: user,
            kind: kind.into(),
            title: title.to_owned(),
            body: format!("body {number}"),
            link: None,
            created_at: at(number.into()),
            read_at: None,
        };
        notifications::insert(&database, &notification).unwrap();
        notification.id
    };
    let one = write(1, anna, "INVOICE_ISSUED", "Rent");
    let two = write(2, anna, "PAYMENT_RECORDED", "Thanks");
    let three = write(3, anna, "INVOICE_ISSUED", "Late fee");
    write(4, ben, "INVOICE_ISSUED", "Rent");
    notifications::mark_read(&database, anna, &[one], at(9)).unwrap();
    let all = NotificationList {
        user: anna,
        kind: None,
        read: None,
        words: None,
        newest_first: true,
        after: None,
        limit: 10,
    };
    let words = |words: &str| NotificationList {
        words: Some(words.to_owned()),
        ..all.clone()
    };
    let read = |read| NotificationList {
        read: Some(read),
        ..all.clone()
    };
    let oldest_invoices = NotificationList {
        kind: Some("INVOICE_ISSUED".to_owned()),
        newest_first: false,
        ..all.clone()
    };
    for (wanted, expected) in [
        (all.clone(), vec![three, two, one]),
        (oldest_invoices, vec![one, three]),
        (read(true), vec![one]),
        (read(false), vec![three, two]),
        (words("rent"), vec![one]),
        (words("BODY 2"), vec![two]),
        (words("_"), vec![]),
    ] {
        let found = notifications::list(&database, &wanted).unwrap();
        assert_eq!(found.iter().map(|n| n.id).collect::<Vec<_>>(), expected, "{wanted:?}");
        let counted = notifications::count(&database, &wanted).unwrap();
        assert_eq!(usize::try_from(counted), Ok(expected.len()), "{wanted:?}");
    }
}
