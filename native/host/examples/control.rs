//! The control of the benchmarks: the same answers from native code, with `axum` and `rusqlite`.
//!
//! `control --db FILE [--listen 127.0.0.1:3001]`; `--prepare FILE` creates the database that both programs read.

use std::cell::RefCell;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const SESSION: &str = "SELECT user_id FROM sessions WHERE id = ?1";
const LIST: &str = "SELECT id, number, floor, area, rooms, status, tenant, updated_at FROM apartments \
    WHERE company_id = ?1 ORDER BY number LIMIT 20";

thread_local! {
    static DB: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().collect();
    let option = |name: &str| words.iter().position(|w| w == name).map(|i| words[i + 1].clone());
    if let Some(file) = option("--prepare") {
        return Ok(prepare(&file)?);
    }
    let db: &'static str = option("--db").ok_or("--db FILE")?.leak();
    let app = Router::new()
        .route("/", get(async || "Hello, world!"))
        .route("/sql/row", get(row))
        .route("/sql/list", get(list))
        .with_state(db);
    let listener = TcpListener::bind(option("--listen").unwrap_or("127.0.0.1:3001".into())).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |s| drop(s.set_nodelay(true))),
        app,
    )
    .await?;
    Ok(())
}

async fn row(State(db): State<&'static str>) -> String {
    read(db, |db| Ok(json!([session(db)?]))).unwrap_or_else(|e| e.to_string())
}

async fn list(State(db): State<&'static str>) -> String {
    read(db, |db| {
        session(db)?;
        let mut statement = db.prepare_cached(LIST)?;
        let rows = statement.query_map([7], |row| {
            Ok(json!([
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, f64>(3)?,
                row.get::<_, i64>(4)?,
                row.get::<_, String>(5)?,
                row.get::<_, Option<String>>(6)?,
                row.get::<_, i64>(7)?,
            ]))
        })?;
        rows.collect::<rusqlite::Result<Value>>()
    })
    .unwrap_or_else(|e| e.to_string())
}

fn session(db: &Connection) -> rusqlite::Result<Value> {
    let user: i64 = db.prepare_cached(SESSION)?.query_row(["session-7"], |row| row.get(0))?;
    Ok(json!([user]))
}

/// Each thread has a connection and reads directly: the fastest simple native code.
fn read(file: &str, query: impl FnOnce(&Connection) -> rusqlite::Result<Value>) -> rusqlite::Result<String> {
    DB.with_borrow_mut(|db| {
        let db = match db {
            Some(db) => db,
            None => db.insert(Connection::open(file)?),
        };
        Ok(query(db)?.to_string())
    })
}

fn prepare(file: &str) -> rusqlite::Result<()> {
    let db = Connection::open(file)?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE sessions (id TEXT PRIMARY KEY, user_id INTEGER NOT NULL) WITHOUT ROWID;
         CREATE TABLE apartments (id INTEGER PRIMARY KEY, company_id INTEGER NOT NULL, number TEXT NOT NULL,
             floor INTEGER NOT NULL, area REAL NOT NULL, rooms INTEGER NOT NULL, status TEXT NOT NULL,
             tenant TEXT, updated_at INTEGER NOT NULL);
         CREATE INDEX apartments_by_number ON apartments (company_id, number);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
             INSERT INTO sessions SELECT 'session-' || i, i FROM n;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
             INSERT INTO apartments SELECT i, i % 50, printf('A-%05d', i), i % 12, 30.5 + i % 90, 1 + i % 5,
                 CASE i % 3 WHEN 0 THEN 'VACANT' ELSE 'OCCUPIED' END,
                 CASE i % 3 WHEN 0 THEN NULL ELSE 'Tenant number ' || i END, 1700000000000 + i FROM n;
         PRAGMA wal_checkpoint(TRUNCATE);",
    )
}
