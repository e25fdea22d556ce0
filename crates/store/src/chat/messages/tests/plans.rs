use super::*;

#[test]
fn every_lookup_of_the_hot_path_uses_an_index() {
    let database = Database::in_memory().unwrap();
    for (sql, index) in [
        (
            "SELECT n FROM messages t WHERE t.sender_id = ?1 AND t.temp_id = ?2",
            "messages_by_temp_id",
        ),
        (
            "SELECT n FROM messages WHERE chat_id = ?1 AND seq > ?2 ORDER BY seq LIMIT 5",
            "sqlite_autoindex_messages_2",
        ),
        (
            "SELECT n FROM messages WHERE chat_id = ?1 AND change > ?2 ORDER BY change",
            "messages_by_change",
        ),
        (
            "UPDATE chats SET last_seq = 1 FROM json_each(?1) j WHERE chats.id = j.value ->> 0",
            "sqlite_autoindex_chats_1",
        ),
    ] {
        let plan = database
            .query(&format!("EXPLAIN QUERY PLAN {sql}"), params!["[]", 1])
            .unwrap_or_else(|_| {
                database
                    .query(&format!("EXPLAIN QUERY PLAN {sql}"), params!["[]"])
                    .unwrap()
            });
        let text: String = plan.iter().map(|row| row.get::<String>(3).unwrap()).collect();
        assert!(text.contains(index), "{sql}: {text}");
    }
}
