use std::collections::BTreeMap;
use std::sync::Mutex as StdMutex;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value as Document, json};

use super::*;

/// A Hrana server over real HTTP that counts requests, answers and open streams.
#[derive(Clone, Default)]
struct Fake(Arc<StdMutex<Counted>>);

#[derive(Default)]
struct Counted {
    opened: usize,
    closed: usize,
    asked: usize,
    answered: usize,
    /// Whether a transaction is open on each stream.
    open: BTreeMap<String, bool>,
    statements: Vec<String>,
    /// The number of close requests that are answered with 503.
    refuse_to_close: usize,
}

impl Fake {
    async fn start() -> (Self, String) {
        let fake = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new()
            .route("/v3/pipeline", post(pipeline))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (fake, url)
    }

    fn counted<T>(&self, look: impl FnOnce(&mut Counted) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn statements(&self) -> Vec<String> {
        self.counted(|counted| counted.statements.clone())
    }

    /// Waits until every opened stream is closed, and returns their number.
    async fn all_closed(&self) -> usize {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let (opened, closed, open) = self.counted(|it| (it.opened, it.closed, it.open.len()));
            let idle = self.counted(|it| it.asked == it.answered);
            if idle && opened == closed && open == 0 {
                return opened;
            }
            assert!(
                Instant::now() < deadline,
                "{opened} opened, {closed} closed, {open} open"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn pipeline(State(fake): State<Fake>, Json(asked): Json<Document>) -> Response {
    fake.counted(|it| it.asked += 1);
    let requests = asked["requests"].as_array().unwrap().clone();
    let sql = requests[0]["stmt"]["sql"].as_str().unwrap_or("").to_owned();
    if sql.contains("slow") {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let answer = fake.counted(|it| it.answer(asked["baton"].as_str(), &requests));
    fake.counted(|it| it.answered += 1);
    if sql.contains("unanswered") {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    match answer {
        Some(answer) => Json(answer).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

impl Counted {
    fn answer(&mut self, baton: Option<&str>, requests: &[Document]) -> Option<Document> {
        let only_close = requests[0]["type"] == "close";
        if only_close && self.refuse_to_close > 0 {
            self.refuse_to_close -= 1;
            return None;
        }
        let stream = match baton {
            Some(baton) => baton.to_owned(),
            None => {
                self.opened += 1;
                self.open.insert(self.opened.to_string(), false);
                self.opened.to_string()
            }
        };
        let mut closes = false;
        let results: Vec<_> = requests
            .iter()
            .map(|request| match request["type"].as_str().unwrap() {
                "execute" => self.execute(&stream, request["stmt"]["sql"].as_str().unwrap()),
                "close" => {
                    closes = true;
                    json!({ "type": "ok", "response": { "type": "close" } })
                }
                _ => json!({ "type": "ok", "response": { "type": "get_autocommit",
                    "is_autocommit": !self.open.get(&stream).copied().unwrap_or(false) } }),
            })
            .collect();
        if closes && self.open.remove(&stream).is_some() {
            self.closed += 1;
        }
        let baton = (!closes).then_some(stream);
        Some(json!({ "baton": baton, "base_url": null, "results": results }))
    }

    fn execute(&mut self, stream: &str, sql: &str) -> Document {
        self.statements.push(sql.to_owned());
        let Some(open) = self.open.get_mut(stream) else {
            return failure("the stream is unknown", "STREAM_EXPIRED");
        };
        match sql {
            sql if sql.contains("refused") => return failure("near \"refused\": syntax error", "SQL_INPUT_ERROR"),
            sql if sql.contains("broken off") => {
                *open = false;
                return failure("transaction timed out", "TRANSACTION_TIMEOUT");
            }
            sql if sql.starts_with("BEGIN") => *open = true,
            "COMMIT" | "ROLLBACK" => *open = false,
            _ => {}
        }
        json!({ "type": "ok", "response": { "type": "execute", "result": {
            "cols": [], "rows": [], "affected_row_count": 0, "last_insert_rowid": null } } })
    }
}

fn failure(message: &str, code: &str) -> Document {
    json!({ "type": "error", "error": { "message": message, "code": code } })
}

fn limits(idle: Duration) -> Limits {
    Limits {
        streams: 8,
        timeout: Duration::from_secs(5),
        idle,
    }
}

fn database(url: &str) -> LibsqlDatabase {
    LibsqlDatabase::with_limits(url, "", limits(Duration::from_secs(10))).unwrap()
}

async fn ask(remote: &Remote, sql: &str) -> Result<(), String> {
    match remote.execute(sql, Vec::new()).await {
        Ok(_) => Ok(()),
        Err(Error::Io(message)) => Err(message),
        Err(other) => Err(format!("{other:?}")),
    }
}

#[tokio::test]
async fn every_stream_is_closed_on_every_end_of_its_transaction() {
    let (fake, url) = Fake::start().await;
    let database = database(&url);
    let ways: [&[&str]; 8] = [
        &["SELECT 1"],
        &["SELECT refused"],
        &["BEGIN IMMEDIATE", "INSERT 1", "COMMIT"],
        &["BEGIN IMMEDIATE", "INSERT refused", "ROLLBACK"],
        &["BEGIN IMMEDIATE refused"],
        &["BEGIN IMMEDIATE", "INSERT broken off", "ROLLBACK"],
        &["BEGIN IMMEDIATE", "INSERT unanswered", "ROLLBACK"],
        // The guest ends within the transaction.
        &["BEGIN IMMEDIATE", "INSERT 1"],
    ];
    for statements in ways {
        let remote = database.remote(Arc::default());
        for sql in statements {
            let _ = ask(&remote, sql).await;
        }
        drop(remote);
        fake.all_closed().await;
    }
    assert_eq!(fake.all_closed().await, ways.len());
}

#[tokio::test]
async fn a_guest_that_ends_while_waiting_leaves_no_stream_and_cancels_no_request() {
    let (fake, url) = Fake::start().await;
    let database = database(&url);
    for statements in [
        &["SELECT slow"][..],
        &["BEGIN IMMEDIATE slow"],
        &["BEGIN IMMEDIATE", "INSERT slow"],
    ] {
        let remote = database.remote(Arc::default());
        for sql in statements {
            let _ = tokio::time::timeout(Duration::from_millis(100), ask(&remote, sql)).await;
        }
        drop(remote);
        fake.all_closed().await;
    }
    assert_eq!(fake.all_closed().await, 3);
    let (asked, answered) = fake.counted(|it| (it.asked, it.answered));
    assert_eq!(asked, answered, "the server saw every request to its end");
}

#[tokio::test]
async fn closing_a_stream_is_retried() {
    let (fake, url) = Fake::start().await;
    let database = database(&url);
    fake.counted(|it| it.refuse_to_close = 2);
    let remote = database.remote(Arc::default());
    ask(&remote, "BEGIN IMMEDIATE").await.unwrap();
    drop(remote);
    assert_eq!(fake.all_closed().await, 1);
}

#[tokio::test]
async fn writers_of_one_process_are_serialized_and_reads_do_not_wait() {
    let (fake, url) = Fake::start().await;
    let database = database(&url);
    let write = async |n: u32| {
        let remote = database.remote(Arc::default());
        ask(&remote, &format!("BEGIN IMMEDIATE -- {n}")).await.unwrap();
        ask(&remote, &format!("INSERT slow {n}")).await.unwrap();
        ask(&remote, "COMMIT").await.unwrap();
    };
    let reader = database.remote(Arc::default());
    let read = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ask(&reader, "SELECT 1").await.unwrap();
    };
    tokio::join!(write(1), write(2), read);
    let seen = fake.statements();
    let expected = [
        "BEGIN IMMEDIATE -- 1",
        "SELECT 1",
        "INSERT slow 1",
        "COMMIT",
        "BEGIN IMMEDIATE -- 2",
        "INSERT slow 2",
        "COMMIT",
    ];
    assert_eq!(seen, expected, "and a read waits for none of them");
    fake.all_closed().await;
}

#[tokio::test]
async fn a_write_turn_that_times_out_is_a_busy_database() {
    let (fake, url) = Fake::start().await;
    let limits = Limits {
        timeout: Duration::from_millis(100),
        ..Limits::default()
    };
    let database = LibsqlDatabase::with_limits(&url, "", limits).unwrap();
    let (first, second) = (database.remote(Arc::default()), database.remote(Arc::default()));
    ask(&first, "BEGIN IMMEDIATE").await.unwrap();
    let refused = ask(&second, "INSERT 1").await.unwrap_err();
    assert!(refused.contains("SQLITE_BUSY"), "{refused}");
    ask(&first, "COMMIT").await.unwrap();
    ask(&second, "INSERT 1").await.unwrap();
    assert_eq!(fake.all_closed().await, 2);
}

#[tokio::test]
async fn an_idle_transaction_is_rolled_back_and_the_next_writer_continues() {
    let (fake, url) = Fake::start().await;
    let limits = limits(Duration::from_millis(200));
    let database = LibsqlDatabase::with_limits(&url, "", limits).unwrap();
    let (first, second) = (database.remote(Arc::default()), database.remote(Arc::default()));
    ask(&first, "BEGIN IMMEDIATE").await.unwrap();
    ask(&second, "INSERT 1").await.unwrap();
    let lost = ask(&first, "INSERT 2").await.unwrap_err();
    assert!(lost.contains("lost in this transaction"), "{lost}");
    assert!(ask(&first, "COMMIT").await.is_err());
    ask(&first, "INSERT 3").await.unwrap();
    assert_eq!(fake.statements(), ["BEGIN IMMEDIATE", "INSERT 1", "INSERT 3"]);
    fake.all_closed().await;
}

#[tokio::test]
async fn an_error_names_its_kind_as_on_spin() {
    let (_fake, url) = Fake::start().await;
    let database = database(&url);
    let remote = database.remote(Arc::default());
    assert_eq!(
        ask(&remote, "SELECT refused").await.unwrap_err(),
        "Hrana: `stream error: `Error { message: \"near \\\"refused\\\": syntax error\", code: \"SQL_INPUT_ERROR\" }``"
    );
    let nowhere = LibsqlDatabase::new("http://127.0.0.1:1", "")
        .unwrap()
        .remote(Arc::default());
    let refused = ask(&nowhere, "SELECT 1").await.unwrap_err();
    assert!(refused.starts_with("Hrana: `http error: `"), "{refused}");
}
