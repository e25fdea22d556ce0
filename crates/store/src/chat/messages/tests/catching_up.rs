use super::*;

fn missed(database: &Database, behind: Behind) -> message_history::Missed {
    message_history::catch_up(database, &[behind]).unwrap().remove(0)
}

#[test]
fn an_edit_and_a_deletion_are_told_in_their_order_once_each() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let batch = (1..=3).map(|n| message(n, chat, anna, None)).collect();
    let sent = send(&database, batch, at(5)).unwrap();
    let [first, second, third] = [0, 1, 2].map(|place: usize| stored(&sent[place]).id);
    edit(&database, anna, chat, third, "edited".into(), |_| true, at(6)).unwrap();
    edit(&database, anna, chat, first, "once".into(), |_| true, at(7)).unwrap();
    delete(&database, anna, Role::Tenant, chat, second, at(8)).unwrap();
    edit(&database, anna, chat, first, "twice".into(), |_| true, at(9)).unwrap();

    let told = missed(&database, behind(chat, ben, 3, None));
    let changed: Vec<_> = told
        .changed
        .iter()
        .map(|m| (m.seq, m.content.as_str(), m.deleted_at))
        .collect();
    assert_eq!(changed, [(3, "edited", None), (2, "", Some(at(8))), (1, "twice", None)]);
    assert_eq!((told.last_seq, told.last_change, told.gap), (3, 4, None));
    let later = missed(&database, behind(chat, ben, 3, Some(3)));
    assert_eq!(later.changed.iter().map(|m| m.seq).collect::<Vec<_>>(), [1]);
    assert_eq!(missed(&database, behind(chat, ben, 3, Some(4))).changed, []);
}

#[test]
fn what_was_changed_before_it_was_seen_comes_as_it_is_now_and_is_no_change() {
    let Scene {
        database,
        anna,
        ben,
        chat,
    } = scene();
    let sent = send(
        &database,
        vec![message(1, chat, anna, None), message(2, chat, anna, None)],
        at(5),
    )
    .unwrap();
    delete(&database, anna, Role::Tenant, chat, stored(&sent[1]).id, at(6)).unwrap();
    let told = missed(&database, behind(chat, ben, 1, Some(0)));
    assert_eq!(told.changed, []);
    assert_eq!(
        told.messages.iter().map(|m| (m.seq, m.deleted_at)).collect::<Vec<_>>(),
        [(2, Some(at(6)))]
    );
}

#[test]
fn changes_are_read_on_by_their_counter() {
    let Scene {
        database, anna, chat, ..
    } = scene();
    let batch = (1..=3).map(|n| message(n, chat, anna, None)).collect();
    let sent = send(&database, batch, at(5)).unwrap();
    for place in [2, 0, 1] {
        delete(&database, anna, Role::Tenant, chat, stored(&sent[place]).id, at(6)).unwrap();
    }
    let after = |change, limit| -> Vec<(i64, i64)> {
        message_history::changes_after(&database, chat, change, limit)
            .unwrap()
            .iter()
            .map(|changed| (changed.change, changed.message.seq))
            .collect()
    };
    assert_eq!(after(0, 2), [(1, 3), (2, 1)]);
    assert_eq!(after(2, 2), [(3, 2)]);
    assert_eq!(after(3, 2), []);
}
