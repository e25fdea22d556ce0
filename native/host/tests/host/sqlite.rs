use std::time::{Duration, Instant};

use http::StatusCode;
use nexus_host::Host;
use serde_json::{Value, json};

use super::app::{App, post};

const GRANT: &str = "sqlite_databases = [\"default\"]";

async fn run(host: &Host, via: &str, statements: Value) -> Result<Value, String> {
    let order = json!({ "via": via, "statements": statements });
    let answer = post(host, "/run", order.to_string()).await;
    match answer.status {
        StatusCode::OK => Ok(serde_json::from_str(&answer.text).unwrap()),
        _ => Err(answer.text),
    }
}

#[tokio::test]
async fn values_of_every_type_round_trip() {
    let host = App::one("sql", GRANT).load().await;
    for via in ["sync", "async"] {
        let result = run(
            &host,
            via,
            json!([
                ["CREATE TABLE IF NOT EXISTS t (a, b, c, d, e)", []],
                ["DELETE FROM t", []],
                [
                    "INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5)",
                    [7, 1.5, "text", [1, 2, 255], null]
                ],
                ["SELECT * FROM t", []],
            ]),
        )
        .await
        .unwrap();
        assert_eq!(
            result["results"][3],
            json!([[7, 1.5, "text", [1, 2, 255], null]]),
            "{via}"
        );
        assert_eq!(result["changes"], 1, "{via}");
    }
}

#[tokio::test]
async fn data_is_stored_in_spins_file() {
    let app = App::one("sql", GRANT);
    let host = app.load().await;
    run(
        &host,
        "sync",
        json!([["CREATE TABLE t (a)", []], ["INSERT INTO t VALUES (5)", []]]),
    )
    .await
    .unwrap();
    let db = rusqlite::Connection::open(app.dir.path().join("state/sqlite_db.db")).unwrap();
    let value: i64 = db.query_row("SELECT a FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(value, 5);
}

#[tokio::test]
async fn a_database_error_reaches_the_guest_unchanged() {
    let host = App::one("sql", GRANT).load().await;
    for via in ["sync", "async"] {
        let unknown = run(&host, via, json!([["SELECT * FROM nowhere", []]])).await;
        let unknown = unknown.unwrap_err();
        assert!(unknown.contains("no such table: nowhere"), "{via}: {unknown}");
        let twice = json!([
            ["CREATE TABLE IF NOT EXISTS u (a UNIQUE)", []],
            ["DELETE FROM u", []],
            ["INSERT INTO u VALUES (1)", []],
            ["INSERT INTO u VALUES (1)", []],
        ]);
        let twice = run(&host, via, twice).await.unwrap_err();
        assert!(twice.contains("UNIQUE constraint failed: u.a"), "{via}: {twice}");
    }
}

#[tokio::test]
async fn an_open_transaction_ends_with_its_connection() {
    let host = App::one("sql", GRANT).load().await;
    run(&host, "sync", json!([["CREATE TABLE t (a)", []]])).await.unwrap();
    let opened = json!([
        ["BEGIN IMMEDIATE", []],
        ["INSERT INTO t VALUES (1)", []],
        ["SELECT * FROM t", []]
    ]);
    let inside = run(&host, "sync", opened.clone()).await.unwrap();
    assert_eq!(inside["results"][2], json!([[1]]));
    // The next connection gets the write lock: the first one and its transaction are gone.
    let inside = run(&host, "sync", opened).await.unwrap();
    assert_eq!(inside["results"][2], json!([[1]]));
}

#[tokio::test]
async fn a_long_result_streams_completely_and_in_order() {
    let host = App::one("sql", GRANT).load().await;
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
        SELECT i, hex(zeroblob(100)) FROM n";
    for via in ["sync", "async"] {
        let result = run(&host, via, json!([[many, []]])).await.unwrap();
        let rows = result["results"][0].as_array().unwrap();
        assert_eq!(rows.len(), 20_000, "{via}");
        assert!(rows.iter().zip(1..).all(|(row, i)| row[0] == i), "{via}");
    }
}

#[tokio::test]
async fn a_database_that_was_not_granted_is_access_denied() {
    let host = App::one("sql", GRANT).load().await;
    for via in ["sync", "async"] {
        let order = json!({ "via": via, "db": "other", "statements": [] });
        let answer = post(&host, "/run", order.to_string()).await;
        assert_eq!(answer.text, "Error::AccessDenied", "{via}");
    }
}

#[tokio::test]
async fn another_database_comes_from_the_runtime_configuration() {
    let app = App::one("sql", "sqlite_databases = [\"other\"]")
        .runtime_config("[sqlite_database.other]\ntype = \"spin\"\npath = \"data/other.db\"\n");
    let host = app.load().await;
    let order = json!({ "db": "other", "statements": [["CREATE TABLE t (a)", []]] });
    assert_eq!(post(&host, "/run", order.to_string()).await.status, StatusCode::OK);
    assert!(app.dir.path().join("data/other.db").is_file());
}

#[tokio::test]
async fn another_file_cannot_be_attached() {
    let host = App::one("sql", GRANT).load().await;
    let attach = run(&host, "sync", json!([["ATTACH '/tmp/other.db' AS other", []]])).await;
    assert!(attach.unwrap_err().contains("not authorized"));
}

#[tokio::test]
async fn reads_run_on_the_runtime_thread_and_writes_off_it() {
    let host = App::one("sql", GRANT).load().await;
    run(&host, "sync", json!([["CREATE TABLE t (a)", []]])).await.unwrap();
    let before = host.stats();
    run(&host, "sync", json!([["SELECT * FROM t", []], ["SELECT 1", []]]))
        .await
        .unwrap();
    run(&host, "async", json!([["SELECT * FROM t", []]])).await.unwrap();
    let reads = host.stats();
    assert_eq!(reads.statements - before.statements, 3);
    assert_eq!(reads.statements_off_thread, before.statements_off_thread);
    run(&host, "async", json!([["INSERT INTO t VALUES (1)", []]]))
        .await
        .unwrap();
    assert_eq!(host.stats().statements_off_thread, reads.statements_off_thread + 1);
}

#[tokio::test]
async fn connections_are_closed_with_their_instance() {
    let host = App::one("sql", GRANT)
        .limits(|limits| limits.idle_timeout = Duration::from_millis(20))
        .load()
        .await;
    let order = json!({ "keep": true, "statements": [["SELECT 1", []]] });
    assert_eq!(post(&host, "/run", order.to_string()).await.status, StatusCode::OK);
    assert_eq!(host.stats().open_database_connections, 1);
    while host.stats().live_instances > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(host.stats().open_database_connections, 0);
}

/// On every runtime thread several writers wait for a lock that another connection holds across calls. If a waiting writer
/// occupied its thread, the holder could not commit before the timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_writers_do_not_block_the_lock_holders_commit() {
    let host = App::one("sql", GRANT)
        .limits(|limits| limits.max_concurrent_reuse = 1)
        .load()
        .await;
    let setup = json!([["PRAGMA journal_mode = WAL", []], ["CREATE TABLE t (a)", []]]);
    run(&host, "sync", setup).await.unwrap();
    let started = Instant::now();
    let writers: Vec<_> = (0..16)
        .map(|index| {
            let host = host.clone();
            let via = if index % 2 == 0 { "sync" } else { "async" };
            tokio::spawn(async move {
                let statements = json!([
                    ["PRAGMA busy_timeout = 30000", []],
                    ["PRAGMA synchronous = NORMAL", []],
                    ["BEGIN IMMEDIATE", []],
                    ["SELECT count(*) FROM t", []],
                    ["INSERT INTO t VALUES (1)", []],
                    ["COMMIT", []],
                ]);
                run(&host, via, statements).await.unwrap();
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let count = run(&host, "sync", json!([["SELECT count(*) FROM t", []]]))
        .await
        .unwrap();
    assert_eq!(count["results"][0], json!([[16]]));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
