//! The router with a database in memory, as a client sees it.

use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::token::{AccessClaims, AccessKey, sign_access_token};
use nexus_domain::{Role, settings};
use nexus_kit::layers::Layered;
use nexus_kit::{App, Config, clock};
use nexus_store::{Database, params};
use serde_json::Value;
use tower::ServiceExt;

const SECRET: &str = "an access secret for tests, long enough";

fn app() -> App {
    app_with(Database::in_memory().unwrap())
}

fn app_with(database: Database) -> App {
    let config = Config::from_pairs([
        (settings::JWT_ACCESS_SECRET.variable(), SECRET),
        (
            settings::INTERNAL_SECRET.variable(),
            "an internal secret for tests, long enough",
        ),
    ]);
    App::new(database, config).unwrap()
}

fn router(app: &App) -> Layered {
    nexus_kit::layers::wrap(nexus_kit::openapi::finish(crate::routes()), app.clone())
}

fn company(app: &App) -> CompanyId {
    let id = clock::new_id(CompanyId::generate);
    nexus_store::identity::companies::insert(
        app.database(),
        id,
        "Acme",
        &id.to_string(),
        "EGP",
        "Africa/Cairo",
        clock::now(),
    )
    .unwrap();
    id
}

fn token(app: &App, role: Role, company: Option<CompanyId>) -> String {
    let (user, session) = (clock::new_id(UserId::generate), clock::new_id(SessionId::generate));
    let now = clock::now();
    app.database()
        .execute(
            "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, mfa_enabled, created_at, updated_at) \
             VALUES (?1, ?1, ?1, 'A', ?2, ?3, 'ACTIVE', '', 1, ?4, ?4)",
            params![user, role, company, now],
        )
        .unwrap();
    app.database()
        .execute(
            "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)",
            params![session, user, now, now.plus_seconds(3600)],
        )
        .unwrap();
    let claims = AccessClaims::new(user, session, role, company, now.as_seconds(), 900);
    sign_access_token(&AccessKey::derive(SECRET.as_bytes()), &claims).unwrap()
}

async fn stats(app: &App, token: &str, query: &str) -> (StatusCode, String, Value) {
    let request = Request::get(format!("/api/v1/dashboard/stats{query}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    let response = router(app).oneshot(request).await.unwrap();
    let cache = response
        .headers()
        .get("x-cache")
        .map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (
        status,
        cache.unwrap_or_default(),
        serde_json::from_slice(&body).unwrap(),
    )
}

fn add_compound(app: &App, company: CompanyId) {
    app.database()
        .execute(
            "INSERT INTO compounds (id, company_id, name, created_at, updated_at) VALUES (hex(randomblob(8)), ?1, 'C', 0, 0)",
            params![company],
        )
        .unwrap();
}

#[tokio::test]
async fn figures_are_kept_until_something_of_the_company_changes() {
    let app = app();
    let (own, other) = (company(&app), company(&app));
    let token = token(&app, Role::Manager, Some(own));
    let (status, cache, first) = stats(&app, &token, "").await;
    assert_eq!((status, cache.as_str()), (StatusCode::OK, "MISS"));
    assert_eq!(first["compounds"], 0);
    assert_eq!(first["revenue"]["series"].as_array().unwrap().len(), 12);
    assert_eq!(first["forecast"].as_array().unwrap().len(), 3);
    assert_eq!(stats(&app, &token, "").await.1, "HIT");
    add_compound(&app, other);
    assert_eq!(
        stats(&app, &token, "").await.1,
        "HIT",
        "another company's write is none of ours"
    );
    add_compound(&app, own);
    let (_, cache, after) = stats(&app, &token, "").await;
    assert_eq!((cache.as_str(), &after["compounds"]), ("MISS", &Value::from(1)));
}

#[tokio::test]
async fn each_sees_their_own_company_only() {
    let app = app();
    let (own, other) = (company(&app), company(&app));
    let manager = token(&app, Role::Manager, Some(own));
    assert_eq!(
        stats(&app, &manager, &format!("?companyId={other}")).await.0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        stats(&app, &manager, &format!("?companyId={own}")).await.0,
        StatusCode::OK
    );
    assert_eq!(stats(&app, &manager, "?surprise=1").await.0, StatusCode::BAD_REQUEST);
    let resident = token(&app, Role::Student, Some(own));
    assert_eq!(stats(&app, &resident, "").await.0, StatusCode::FORBIDDEN);
    let owner = token(&app, Role::SuperAdmin, None);
    assert_eq!(stats(&app, &owner, "").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        stats(&app, &owner, &format!("?companyId={other}")).await.0,
        StatusCode::OK
    );
    let nobody = clock::new_id(CompanyId::generate);
    assert_eq!(
        stats(&app, &owner, &format!("?companyId={nobody}")).await.0,
        StatusCode::NOT_FOUND
    );
}

/// Every kind of write that changes a figure, as the store makes it.
const WRITES: [(&str, &str); 14] = [
    (
        "a compound",
        "INSERT INTO compounds (id, company_id, name, created_at, updated_at) VALUES ('c', ?1, 'C', 0, 0)",
    ),
    (
        "an apartment",
        "INSERT INTO apartments (id, company_id, compound_id, apartment_number, monthly_rent, created_at, updated_at) \
         VALUES ('a', ?1, 'c', '1', 100, 0, 0)",
    ),
    (
        "an apartment's status",
        "UPDATE apartments SET status = 'MAINTENANCE' WHERE company_id = ?1",
    ),
    (
        "it is back",
        "UPDATE apartments SET status = 'VACANT' WHERE company_id = ?1",
    ),
    (
        "a tenant",
        "INSERT INTO tenants (id, company_id, full_name, email, email_key, created_at, updated_at) \
         VALUES ('t', ?1, 'T', 't', 't', 0, 0)",
    ),
    (
        "an occupancy",
        "INSERT INTO occupancies (id, company_id, apartment_id, tenant_id, start_date, monthly_rent, status, created_at, \
         updated_at) VALUES ('o', ?1, 'a', 't', '2020-01-01', 100, 'ACTIVE', 0, 0)",
    ),
    (
        "an occupancy's end",
        "UPDATE occupancies SET end_date = (SELECT as_of FROM companies WHERE id = ?1) WHERE company_id = ?1",
    ),
    (
        "an invoice",
        "INSERT INTO invoices (id, company_id, occupancy_id, tenant_id, invoice_number, invoice_date, due_date, lines, currency, \
         total_amount, status, created_at, updated_at) SELECT 'i', ?1, 'o', 't', '1', as_of, '2099-01-01', '[]', 'EGP', 100, \
         'ISSUED', 0, 0 FROM companies WHERE id = ?1",
    ),
    (
        "a payment",
        "INSERT INTO payments (id, company_id, invoice_id, tenant_id, amount, currency, payment_date, payment_method, created_at) \
         SELECT 'p', ?1, 'i', 't', 40, 'EGP', as_of, 'CASH', 0 FROM companies WHERE id = ?1",
    ),
    (
        "a reversal",
        "INSERT INTO payment_reversals (payment_id, company_id, payment_date, amount, reason, at) \
         SELECT 'p', ?1, as_of, 40, 'r', 0 FROM companies WHERE id = ?1",
    ),
    (
        "an invoice's lateness",
        "UPDATE invoices SET status = 'OVERDUE' WHERE company_id = ?1",
    ),
    (
        "an invoice's voidance",
        "UPDATE invoices SET status = 'VOID' WHERE company_id = ?1",
    ),
    (
        "an occupancy that is over",
        "UPDATE occupancies SET status = 'ENDED' WHERE company_id = ?1",
    ),
    (
        "another tenant",
        "INSERT INTO tenants (id, company_id, full_name, email, email_key, created_at, updated_at) \
         VALUES ('t2', ?1, 'T', 't', 't', 0, 0)",
    ),
];

#[tokio::test]
async fn every_kind_of_write_is_seen_by_the_next_reader() {
    let app = app();
    let own = company(&app);
    let token = token(&app, Role::Manager, Some(own));
    let mut shown = stats(&app, &token, "").await.2;
    for (what, sql) in WRITES {
        assert_eq!(stats(&app, &token, "").await.1, "HIT", "before {what}");
        app.database().execute(sql, params![own]).unwrap();
        let (_, cache, after) = stats(&app, &token, "").await;
        assert_eq!(cache, "MISS", "{what}");
        let without_time = |figures: &Value| {
            let mut figures = figures.clone();
            figures["generatedAt"] = Value::Null;
            figures
        };
        assert_ne!(without_time(&after), without_time(&shown), "{what} changes a figure");
        let day = nexus_store::property::company_state::open(app.database(), own, clock::now())
            .unwrap()
            .unwrap()
            .day;
        let counted =
            serde_json::to_value(nexus_store::property::dashboard::figures(app.database(), &day).unwrap()).unwrap();
        assert_eq!(
            without_time(&after),
            without_time(&counted),
            "{what}: what is shown is what is there"
        );
        shown = after;
    }
}

#[test]
fn a_home_let_without_a_break_over_month_ends_is_occupied_in_every_month() {
    let app = app();
    let own = company(&app);
    let day = nexus_store::property::company_state::open(app.database(), own, clock::now())
        .unwrap()
        .unwrap()
        .day;
    for (what, sql) in WRITES {
        if ["a compound", "an apartment", "a tenant"].contains(&what) {
            app.database().execute(sql, params![own]).unwrap();
        }
    }
    // Each month a lease of its own, from the first to the last day.
    for back in 1..=12 {
        let month = day.today.month().plus(-back);
        app.database()
            .execute(
                "INSERT INTO occupancies (id, company_id, apartment_id, tenant_id, start_date, end_date, monthly_rent, status, \
                 created_at, updated_at) VALUES (?2, ?1, 'a', 't', ?2, ?3, 100, 'ENDED', 0, 0)",
                params![own, month.first_day(), month.last_day()],
            )
            .unwrap();
    }
    let figures = nexus_store::property::dashboard::figures(app.database(), &day).unwrap();
    let rates: Vec<f64> = figures.forecast.iter().map(|month| month.occupancy_rate).collect();
    assert_eq!(rates, [1.0; 3], "nothing but full months to learn from");
}

#[tokio::test]
async fn readers_beside_a_writer_never_see_less_than_was_written_before_they_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nexus.db");
    let app = app_with(Database::open_file(&path).unwrap());
    let own = company(&app);
    let token = token(&app, Role::Manager, Some(own));
    let written = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let writer = {
        let (written, path) = (written.clone(), path.clone());
        std::thread::spawn(move || {
            let database = Database::open_file(&path).unwrap();
            for _ in 0..150 {
                database
                    .execute(
                        "INSERT INTO compounds (id, company_id, name, created_at, updated_at) \
                         VALUES (hex(randomblob(8)), ?1, 'C', 0, 0)",
                        params![own],
                    )
                    .unwrap();
                written.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        })
    };
    let mut reads = 0;
    while !writer.is_finished() || reads < 10 {
        let before = written.load(std::sync::atomic::Ordering::SeqCst);
        let seen = stats(&app, &token, "").await.2["compounds"].as_i64().unwrap();
        assert!(seen >= before, "{seen} shown, {before} acknowledged");
        reads += 1;
    }
    writer.join().unwrap();
    assert_eq!(stats(&app, &token, "").await.2["compounds"], 150);
}
