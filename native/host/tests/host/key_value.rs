use super::app::{App, text};

const GRANT: &str = "key_value_stores = [\"default\"]";

#[tokio::test]
async fn a_value_is_stored_until_it_is_deleted() {
    let host = App::one("kv", GRANT).load().await;
    assert_eq!(text(&host, "/kv/default/get?a").await, "nothing");
    assert_eq!(text(&host, "/kv/default/set?a=1").await, "set");
    assert_eq!(text(&host, "/kv/default/set?b=2").await, "set");
    assert_eq!(text(&host, "/kv/default/set?a=3").await, "set");
    assert_eq!(text(&host, "/kv/default/get?a").await, "3");
    assert_eq!(text(&host, "/kv/default/keys").await, "a,b");
    assert_eq!(text(&host, "/kv/default/exists?b").await, "true");
    assert_eq!(text(&host, "/kv/default/delete?b").await, "deleted");
    assert_eq!(text(&host, "/kv/default/exists?b").await, "false");
}

#[tokio::test]
async fn values_survive_a_restart_in_spins_own_table() {
    let app = App::one("kv", GRANT);
    assert_eq!(text(&app.load().await, "/kv/default/set?a=1").await, "set");
    assert_eq!(text(&app.load().await, "/kv/default/get?a").await, "1");
    let file = app.dir.path().join("state/sqlite_key_value.db");
    let value: Vec<u8> = rusqlite::Connection::open(file)
        .unwrap()
        .query_row(
            "SELECT value FROM spin_key_value WHERE store = 'default' AND key = 'a'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(value, b"1");
}

#[tokio::test]
async fn a_store_that_was_not_granted_is_access_denied() {
    let host = App::one("kv", GRANT).load().await;
    assert_eq!(text(&host, "/kv/other/get?a").await, "Error::AccessDenied");
    let host = App::one("kv", "").load().await;
    assert_eq!(text(&host, "/kv/default/get?a").await, "Error::AccessDenied");
}

#[tokio::test]
async fn stores_are_separate_by_label_and_may_be_in_memory() {
    let app = App::one("kv", "key_value_stores = [\"default\", \"cache\"]")
        .runtime_config("[key_value_store.cache]\ntype = \"spin\"\n");
    let host = app.load().await;
    assert_eq!(text(&host, "/kv/cache/set?a=1").await, "set");
    assert_eq!(text(&host, "/kv/default/get?a").await, "nothing");
    assert_eq!(text(&host, "/kv/cache/get?a").await, "1");
    assert_eq!(text(&app.load().await, "/kv/cache/get?a").await, "nothing");
}
