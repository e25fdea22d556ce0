use super::*;

#[test]
fn a_mark_that_does_not_move_writes_nothing() {
    let database = Database::in_memory().unwrap();
    let (anna, ben, cleo) = (user(&database, 1), user(&database, 2), user(&database, 3));
    let chat = group(&database, 1, &[anna, ben]);
    let batch = (1..=3)
        .map(|number| crate::chat::messages::tests::message(number, chat, anna, None))
        .collect();
    crate::chat::messages::send(&database, batch, at(2)).unwrap();
    assert_eq!(mark_read(&database, ben, chat, 2), Ok(Some((2, true))));
    database.take_usage();
    for seq in [2, 1, 0] {
        assert_eq!(mark_read(&database, ben, chat, seq), Ok(Some((2, false))));
    }
    assert_eq!(mark_read(&database, cleo, chat, 2), Ok(None));
    assert_eq!(
        database.take_usage().total().statements,
        4,
        "one look each, and no transaction"
    );
    assert_eq!(
        mark_read(&database, ben, chat, 9),
        Ok(Some((3, true))),
        "as far as there is"
    );
}
