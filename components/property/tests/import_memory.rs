//! A file of 100,000 rows goes through in bounded memory. In a process of its own, since it reads the process's peak.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(target_os = "linux")]

use axum::body::Body;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::BodyExt;
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::token::{AccessClaims, AccessKey, sign_access_token};
use nexus_domain::{Role, settings};
use nexus_kit::{App, Config, clock};
use nexus_store::{Database, identity::companies, params};
use serde_json::Value;
use tower::ServiceExt;

const SECRET: &str = "an access secret for tests, long enough";
const ROWS: usize = 100_000;
/// What the process may grow by. The file has several times as much.
const MAX_GROWTH: usize = 24 * 1024 * 1024;

/// The most memory the process has had since the last call of [`forget_peak`].
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// From now on the peak is the present use (proc(5), clear_refs).
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn manager(app: &App) -> (CompanyId, String) {
    let (database, now) = (app.database(), clock::now());
    let (company, user) = (clock::new_id(CompanyId::generate), clock::new_id(UserId::generate));
    let session = clock::new_id(SessionId::generate);
    companies::insert(database, company, "Acme", "acme", "EGP", "Africa/Cairo", now).unwrap();
    database
        .execute(
            "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, mfa_enabled, created_at, \
             updated_at) VALUES (?1, ?1, ?1, 'A', 'MANAGER', ?2, 'ACTIVE', '', 1, ?3, ?3)",
            params![user, company, now],
        )
        .unwrap();
    database
        .execute(
            "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)",
            params![session, user, now, now.plus_seconds(3600)],
        )
        .unwrap();
    let claims = AccessClaims::new(user, session, Role::Manager, Some(company), now.as_seconds(), 900);
    (
        company,
        sign_access_token(&AccessKey::derive(SECRET.as_bytes()), &claims).unwrap(),
    )
}

/// A file of tenants that is never there as a whole: pieces of 16 KiB, cut anywhere.
fn file(rows: usize) -> impl Iterator<Item = Bytes> + Send + 'static {
    let mut next = 0;
    let mut rest = b"fullName,email,phone,nationalId\r\n".to_vec();
    std::iter::from_fn(move || {
        while rest.len() < 16 * 1024 && next < rows {
            let name = format!("Person {next} {}", "of a long and noble family ".repeat(6));
            rest.extend(format!("{name},person{next}@example.org,+20100{next:07},298{next:011}\r\n").bytes());
            next += 1;
        }
        let tail = rest.split_off(rest.len().min(16 * 1024));
        let piece = std::mem::replace(&mut rest, tail);
        (!piece.is_empty()).then(|| Bytes::from(piece))
    })
}

#[tokio::test]
async fn a_hundred_thousand_rows_are_imported_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open_file(&folder.path().join("nexus.db")).unwrap();
    let internal = "an internal secret for tests, long enough";
    let config = Config::from_pairs([
        (settings::JWT_ACCESS_SECRET.variable(), SECRET),
        (settings::INTERNAL_SECRET.variable(), internal),
    ]);
    let app = App::new(database, config).unwrap();
    let router = nexus_kit::layers::wrap(nexus_kit::openapi::finish(property::routes()), app.clone());
    let (company, token) = manager(&app);
    let import = async |rows: usize, query: &str| {
        let pieces = file(rows).map(Ok::<_, std::convert::Infallible>);
        let request = Request::post(format!("/api/v1/tenants/import{query}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "text/csv")
            .body(Body::from_stream(futures_util::stream::iter(pieces)))
            .unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    assert_eq!(import(2_000, "?dryRun=true").await["created"], 2_000, "warms up");
    let size: usize = file(ROWS).map(|piece| piece.len()).sum();
    forget_peak();
    let before = peak();
    let began = std::time::Instant::now();
    let imported = import(ROWS, "").await;
    let grown = peak().saturating_sub(before);
    println!(
        "{ROWS} rows, {} MiB, in {:.1} s; the process grew by {:.1} MiB at most",
        size >> 20,
        began.elapsed().as_secs_f64(),
        grown as f64 / 1_048_576.0
    );
    assert_eq!(imported["created"], ROWS, "{imported}");
    assert_eq!(imported["errors"].as_array().map(Vec::len), Some(0));
    let count = app.database().query(
        "SELECT tenants FROM company_totals WHERE company_id = ?1",
        params![company],
    );
    assert_eq!(count.unwrap()[0].get::<usize>(0).unwrap(), ROWS);
    assert!(grown < MAX_GROWTH, "grew by {grown} bytes");
    let wrong = import(5, "").await;
    assert_eq!(wrong["created"], 5);
}
