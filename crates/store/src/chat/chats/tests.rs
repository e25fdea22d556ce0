mod lists;
mod marks;
mod plans;

use nexus_domain::page::Sort;

use super::*;
use crate::chat::messages::tests::{group, id, user, viewer};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn sort(text: &'static str) -> Sort {
    Sort::parse(Some(text), &["lastActivity", "name", "createdAt", "role"], text).unwrap()
}

fn sought(viewer: Viewer, words: &str) -> crate::chat::people::PeopleList {
    crate::chat::people::PeopleList {
        viewer,
        words: Some(words.to_owned()),
        roles: Vec::new(),
        name: None,
        online: None,
        company: None,
        sort: sort("name"),
        after: None,
        limit: 10,
    }
}

fn direct(number: u32, other: UserId) -> NewChat {
    NewChat {
        id: id(ChatId::generate, number),
        kind: ChatType::Direct,
        name: None,
        others: vec![other],
    }
}

#[test]
fn two_people_have_one_direct_chat() {
    let database = Database::in_memory().unwrap();
    let (anna, ben) = (user(&database, 1), user(&database, 2));
    let (first, made) = create(&database, viewer(anna), &direct(1, ben), at(1)).unwrap();
    assert!(made && first.members.len() == 2);
    let (second, made) = create(&database, viewer(ben), &direct(2, anna), at(2)).unwrap();
    assert_eq!((second.id, made), (first.id, false));
    assert_eq!(first.members[0].user_id, anna);
}

#[test]
fn people_who_may_not_be_found_are_not_asked_into_a_chat() {
    let database = Database::in_memory().unwrap();
    let (anna, ben) = (user(&database, 1), user(&database, 2));
    database
        .execute("UPDATE users SET discoverable = 0 WHERE id = ?1", params![ben])
        .unwrap();
    let refused = create(&database, viewer(anna), &direct(1, ben), at(1));
    assert_eq!(refused, Err(ChatError::UnknownPerson));
    let nobody = create(&database, viewer(anna), &direct(1, id(UserId::generate, 99)), at(1));
    assert_eq!(nobody, Err(ChatError::UnknownPerson));
}

#[test]
fn a_group_grows_and_shrinks_and_a_direct_chat_does_not() {
    let database = Database::in_memory().unwrap();
    let (anna, ben, cleo) = (user(&database, 1), user(&database, 2), user(&database, 3));
    let chat = group(&database, 1, &[anna, ben]);
    let (_, added) = add_members(&database, viewer(ben), chat, &[cleo, anna], at(5)).unwrap();
    assert_eq!(added, [cleo]);
    let not_allowed = remove_member(&database, cleo, Role::Tenant, chat, ben);
    assert_eq!(not_allowed, Err(ChatError::NotAllowed));
    remove_member(&database, anna, Role::Tenant, chat, ben).unwrap();
    remove_member(&database, cleo, Role::Tenant, chat, cleo).unwrap();
    assert_eq!(find(&database, chat, ben).unwrap(), None);
    let (pair, _) = create(&database, viewer(anna), &direct(7, ben), at(6)).unwrap();
    let refused = add_members(&database, viewer(anna), pair.id, &[cleo], at(7));
    assert_eq!(refused.map(drop), Err(ChatError::IsDirect));
}

#[test]
fn the_feed_tells_of_ended_sessions_members_and_messages_once() {
    use crate::chat::relay_reads::feed;
    let database = Database::in_memory().unwrap();
    let (anna, ben) = (user(&database, 1), user(&database, 2));
    let start = feed(&database, None).unwrap().position;
    let chat = group(&database, 1, &[anna, ben]);
    crate::chat::messages::send(
        &database,
        vec![crate::chat::messages::tests::message(1, chat, anna, None)],
        at(4),
    )
    .unwrap();
    database
        .execute("UPDATE users SET status = 'SUSPENDED' WHERE id = ?1", params![ben])
        .unwrap();
    let told = feed(&database, Some(start)).unwrap();
    assert_eq!((told.memberships.len(), &told.users_ended), (2, &vec![ben]));
    assert_eq!(
        told.chats
            .iter()
            .map(|head| (head.chat_id, head.last_seq))
            .collect::<Vec<_>>(),
        [(chat, 1)]
    );
    let nothing = feed(&database, Some(told.position)).unwrap();
    assert_eq!(
        (nothing.position, nothing.chats.len(), nothing.memberships.len()),
        (told.position, 0, 0)
    );
}

#[test]
fn people_are_online_while_their_relay_lives() {
    use crate::chat::people;
    let database = Database::in_memory().unwrap();
    let (anna, ben) = (user(&database, 1), user(&database, 2));
    people::report(&database, "one", at(1_000), &[ben], &[], at(10)).unwrap();
    let online = |now| people::presence(&database, viewer(anna), &[ben], at(now)).unwrap()[0].online;
    assert!(online(999) && !online(1_000));
    people::report(&database, "one", at(2_000), &[], &[ben], at(20)).unwrap();
    assert!(!online(30));
    let sought = sought(viewer(anna), "user");
    assert_eq!(people::count(&database, &sought, at(30)), Ok(1));
    let found = people::list(&database, &sought, at(30)).unwrap();
    assert_eq!(found.iter().map(|p| p.id).collect::<Vec<_>>(), [ben]);
    people::report(&database, "two", at(900_000), &[], &[], at(800_000)).unwrap();
    let seen = people::presence(&database, viewer(anna), &[ben], at(800_001)).unwrap();
    assert_eq!(seen[0].last_seen_at, Some(at(20)));
}

#[test]
fn relays_find_who_came_and_went_and_what_a_chat_is_called_now() {
    use crate::chat::relay_reads::{Membership, feed};
    let database = Database::in_memory().unwrap();
    let (anna, ben, cleo) = (user(&database, 1), user(&database, 2), user(&database, 3));
    let chat = group(&database, 1, &[anna, ben]);
    let start = feed(&database, None).unwrap().position;
    add_members(&database, viewer(anna), chat, &[cleo], at(5)).unwrap();
    remove_member(&database, ben, Role::Tenant, chat, ben).unwrap();
    for name in ["One", "Two"] {
        let name = ChatName::try_from(name.to_owned()).unwrap();
        rename(&database, anna, chat, &name, |_| true).unwrap();
    }
    let told = feed(&database, Some(start)).unwrap();
    let membership = |user_id, is_member| Membership {
        chat_id: chat,
        user_id,
        is_member,
    };
    let mut memberships = told.memberships;
    memberships.sort_by_key(|known| known.user_id);
    assert_eq!(memberships, [membership(ben, false), membership(cleo, true)]);
    assert_eq!(told.renamed, [(chat, Some("Two".to_owned()))]);
    assert!(told.chats.is_empty());
}

#[test]
fn a_name_that_a_program_of_before_told_of_is_still_understood() {
    use crate::chat::relay_reads::feed;
    let database = Database::in_memory().unwrap();
    let (anna, ben) = (user(&database, 1), user(&database, 2));
    let chat = group(&database, 1, &[anna, ben]);
    let start = feed(&database, None).unwrap().position;
    let sql = "INSERT INTO relay_feed (kind, user_id, chat_id) VALUES ('MESSAGE_CHANGED', ?1, ?2)";
    database.execute(sql, params![anna, chat]).unwrap();
    let told = feed(&database, Some(start)).unwrap();
    assert_eq!((told.renamed, told.chats.len()), (vec![(chat, None)], 0));
    let sql = "INSERT INTO relay_feed (kind, chat_id) VALUES ('MESSAGE_CHANGED', ?1)";
    database.execute(sql, params![chat]).unwrap();
    let told = feed(&database, Some(told.position)).unwrap();
    assert_eq!((told.renamed.len(), told.chats.len()), (0, 1));
}

#[test]
fn a_newcomer_begins_where_the_chat_was_also_after_reading_on() {
    use crate::chat::messages::tests::message;
    use crate::chat::relay_reads::{Newcomer, newcomers};
    let database = Database::in_memory().unwrap();
    let (anna, ben, cleo) = (user(&database, 1), user(&database, 2), user(&database, 3));
    let chat = group(&database, 1, &[anna, ben]);
    let send =
        |number, now| crate::chat::messages::send(&database, vec![message(number, chat, anna, None)], at(now)).unwrap();
    send(1, 1_000);
    send(2, 1_001);
    add_members(&database, viewer(anna), chat, &[cleo], at(2_000)).unwrap();
    let came = |user_id, seq| Newcomer {
        user_id,
        seq,
        change: 0,
    };
    assert_eq!(newcomers(&database, chat, &[cleo]).unwrap(), [came(cleo, 2)]);
    send(3, 3_000);
    send(4, 3_001);
    mark_read(&database, cleo, chat, 4).unwrap();
    let stranger = user(&database, 4);
    assert_eq!(newcomers(&database, chat, &[cleo, stranger]).unwrap(), [came(cleo, 2)]);
    assert_eq!(newcomers(&database, chat, &[ben]).unwrap(), [came(ben, 0)]);
}
