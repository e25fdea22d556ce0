//! The control of the property bench: the product's statements for a list, a row, a dashboard and an insert, behind plain
//! `axum` and `rusqlite`, with the same checks of token and session and the same durability.
//!
//! `bench-property-control --db FILE --secret JWT_ACCESS_SECRET [--listen 127.0.0.1:3901] [--stable-plans]`
//!
//! With `--stable-plans` its connections have the same setting as the product's (decisions/0007), which keeps SQLite from
//! preparing statements again at each use. Plain `rusqlite` does not set it, but the comparison is stricter.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use nexus_domain::Timestamp;
use nexus_domain::token::{AccessKey, verify_access_token};
use nexus_store::property::dashboard::FIGURES;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Row, named_params, params};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const SESSION: &str = "SELECT s.id, s.user_id, u.role, u.company_id, u.must_change_password, u.mfa_enabled, u.status \
    FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?1 AND s.ended_at IS NULL AND s.expires_at > ?2";
const COLUMNS: &str = "id, company_id, compound_id, apartment_number, floor, bedrooms, area_sqm, monthly_rent, status, \
    created_at, updated_at, version";

thread_local! {
    static DB: RefCell<Option<Connection>> = const { RefCell::new(None) };
}

/// The database and the tokens' secret.
#[derive(Clone, Copy)]
struct Place {
    file: &'static str,
    key: &'static AccessKey,
    stable_plans: bool,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        words
            .iter()
            .position(|word| word == name)
            .and_then(|at| words.get(at + 1).cloned())
    };
    let place = Place {
        file: option("--db").ok_or("--db FILE")?.leak(),
        key: Box::leak(Box::new(AccessKey::derive(
            option("--secret").ok_or("--secret SECRET")?.as_bytes(),
        ))),
        stable_plans: words.iter().any(|word| word == "--stable-plans"),
    };
    let app = Router::new()
        .route("/apartments", get(list).post(create))
        .route("/apartments/{id}", get(detail))
        .route("/dashboard", get(dashboard))
        .with_state(place);
    let listener = TcpListener::bind(option("--listen").unwrap_or("127.0.0.1:3901".into())).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = axum::serve::ListenerExt::tap_io(listener, |socket| drop(socket.set_nodelay(true)));
    axum::serve(listener, app).await?;
    Ok(())
}

type Answer = Result<String, Box<dyn std::error::Error>>;

fn text(made: &impl Serialize) -> Answer {
    Ok(serde_json::to_string(made)?)
}

fn milliseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn open(place: Place) -> rusqlite::Result<Connection> {
    let db = Connection::open(place.file)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, place.stable_plans)?;
    db.execute_batch(
        "PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    )?;
    Ok(db)
}

type Made = (StatusCode, [(header::HeaderName, &'static str); 1], String);

/// Runs `work` with this thread's connection and the caller's company, if token and session are valid.
fn answer(
    place: Place,
    headers: &HeaderMap,
    status: StatusCode,
    work: impl FnOnce(&Connection, &str) -> Answer,
) -> Made {
    let made = DB.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = Some(open(place)?);
        }
        let db = kept.as_ref().ok_or("no database")?;
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or("no token")?;
        let now = milliseconds();
        let claims = verify_access_token(std::slice::from_ref(place.key), token, now / 1000)?;
        let company: Option<String> = db
            .prepare_cached(SESSION)?
            .query_row(params![claims.sid.to_string(), now], |row| row.get(3))?;
        work(db, company.as_deref().unwrap_or_default())
    });
    match made {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body),
        Err(error) => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            (status, [(header::CONTENT_TYPE, "text/plain")], error.to_string())
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Apartment {
    id: String,
    company_id: String,
    compound_id: String,
    apartment_number: String,
    floor: Option<i64>,
    bedrooms: Option<i64>,
    area_sqm: Option<f64>,
    monthly_rent: i64,
    status: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: i64,
}

fn apartment(row: &Row<'_>) -> rusqlite::Result<Apartment> {
    Ok(Apartment {
        id: row.get(0)?,
        company_id: row.get(1)?,
        compound_id: row.get(2)?,
        apartment_number: row.get(3)?,
        floor: row.get(4)?,
        bedrooms: row.get(5)?,
        area_sqm: row.get(6)?,
        monthly_rent: row.get(7)?,
        status: row.get(8)?,
        created_at: Timestamp::from_millis(row.get(9)?),
        updated_at: Timestamp::from_millis(row.get(10)?),
        version: row.get(11)?,
    })
}

#[derive(Serialize)]
struct Page {
    items: Vec<Apartment>,
    total: i64,
}

async fn list(State(place): State<Place>, headers: HeaderMap) -> impl IntoResponse {
    answer(place, &headers, StatusCode::OK, |db, company| {
        let mut statement = db.prepare_cached(&format!(
            "SELECT {COLUMNS}, (SELECT apartments FROM company_totals WHERE company_id = ?1) FROM apartments \
             WHERE company_id = ?1 ORDER BY apartment_number, id LIMIT 21"
        ))?;
        let mut total = 0;
        let items = statement
            .query_map([company], |row| {
                total = row.get::<_, i64>(12)?;
                apartment(row)
            })?
            .take(20)
            .collect::<rusqlite::Result<Vec<_>>>()?;
        text(&Page { items, total })
    })
}

async fn detail(State(place): State<Place>, headers: HeaderMap, Path(id): Path<String>) -> impl IntoResponse {
    answer(place, &headers, StatusCode::OK, |db, company| {
        let mut statement = db.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM apartments WHERE company_id = ?1 AND id = ?2"
        ))?;
        text(&statement.query_row([company, id.as_str()], apartment)?)
    })
}

/// The statement of the dashboard alone, without the product's computations on its result.
async fn dashboard(State(place): State<Place>, headers: HeaderMap) -> impl IntoResponse {
    answer(place, &headers, StatusCode::OK, |db, company| {
        let today: String = db.query_row("SELECT as_of FROM companies WHERE id = ?1", [company], |row| row.get(0))?;
        let mut statement = db.prepare_cached(FIGURES)?;
        let parts = statement.query_row(params![company, today, "2000-01-01"], |row| {
            (0..9)
                .map(|at| row.get::<_, String>(at))
                .collect::<rusqlite::Result<Vec<_>>>()
        })?;
        text(&parts)
    })
}

/// The write waits for the disk, so it does not run on a runtime thread.
async fn create(State(place): State<Place>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let done = tokio::task::spawn_blocking(move || {
        answer(place, &headers, StatusCode::CREATED, |db, company| {
            let given: Value = serde_json::from_slice(&body)?;
            let now = milliseconds();
            let random: Vec<u8> = db.query_row("SELECT randomblob(10)", [], |row| row.get(0))?;
            let id = nexus_domain::ids::ApartmentId::generate(
                Timestamp::from_millis(now),
                random.try_into().unwrap_or_default(),
            );
            let sql = "INSERT INTO apartments (id, company_id, compound_id, apartment_number, monthly_rent, status, created_at, \
                       updated_at) VALUES (:id, :company, :compound, :number, :rent, 'VACANT', :now, :now)";
            db.prepare_cached(sql)?.execute(named_params! {
                ":id": id.to_string(),
                ":company": company,
                ":compound": given["compoundId"].as_str(),
                ":number": given["apartmentNumber"].as_str(),
                ":rent": given["monthlyRent"].as_i64(),
                ":now": now,
            })?;
            text(&json!({"id": id, "apartmentNumber": given["apartmentNumber"], "monthlyRent": given["monthlyRent"]}))
        })
        .into_response()
    });
    done.await
        .unwrap_or_else(|error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response())
}
