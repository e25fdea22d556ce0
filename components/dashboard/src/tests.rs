//! The router with a database in memory, as a client sees it.

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::token::{AccessClaims, sign_access_token};
use nexus_domain::{Role, settings};
use nexus_kit::{App, Config, clock};
use nexus_store::{Database, params};
use serde_json::Value;
use tower::ServiceExt;

const SECRET: &str = "an access secret for tests, long enough";

fn app() -> App {
    let config = Config::from_pairs([
        (settings::JWT_ACCESS_SECRET.variable(), SECRET),
        (
            settings::INTERNAL_SECRET.variable(),
            "an internal secret for tests, long enough",
        ),
    ]);
    App::new(Database::in_memory().unwrap(), config).unwrap()
}

fn router(app: &App) -> Router {
    nexus_kit::layers::wrap(nexus_kit::openapi::finish(crate::routes()), app.clone())
}

fn company(app: &App) -> CompanyId {
    let id = clock::new_id(CompanyId::generate);
    nexus_store::companies::insert(
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
    sign_access_token(SECRET.as_bytes(), &claims).unwrap()
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
