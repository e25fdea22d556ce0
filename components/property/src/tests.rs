//! The router with a database in memory, as a client sees it.

mod booking_dates;
mod documented;
mod history;
mod imports;
mod jobs;
mod late_fees;
mod list_queries;
mod lists;
mod logos;
mod maintenance;
mod methods;
mod months;
mod papers;
mod patches;
mod recorded;
mod rent;
mod scope;
mod spreadsheets;
mod strangers;
mod told;

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::token::{AccessClaims, AccessKey, sign_access_token};
use nexus_domain::{Role, settings};
use nexus_kit::layers::Layered;
use nexus_kit::{App, Config, clock};
use nexus_protocol::signature::sign_request;
use nexus_store::{Database, params};
use serde_json::{Value, json};
use tower::ServiceExt;

const SECRET: &str = "an access secret for tests, long enough";
const INTERNAL: &str = "an internal secret for tests, long enough";

struct Product {
    app: App,
    router: Layered,
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    bytes: Vec<u8>,
    text: String,
    json: Value,
}

impl Answer {
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    fn id(&self) -> String {
        self.json["id"].as_str().unwrap().to_owned()
    }

    fn etag(&self) -> String {
        self.headers["etag"].to_str().unwrap().to_owned()
    }
}

impl Product {
    fn start() -> Self {
        Self::start_beside("")
    }

    /// As the scheduler calls.
    async fn run_job(&self, job: &str) -> axum::response::Response {
        let path = format!("/internal/jobs/{job}");
        let signature = sign_request(INTERNAL.as_bytes(), clock::now().as_seconds(), "POST", &path, b"");
        let request = Request::post(&path)
            .header("x-nexus-signature", signature)
            .body(Body::empty())
            .unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// With a relay that hears of events.
    fn start_beside(relay: &str) -> Self {
        let config = Config::from_pairs([
            (settings::JWT_ACCESS_SECRET.variable(), SECRET),
            (settings::INTERNAL_SECRET.variable(), INTERNAL),
            (settings::RELAY_URL.variable(), relay),
        ]);
        let app = App::new(Database::in_memory().unwrap(), config).unwrap();
        let router = nexus_kit::layers::wrap(nexus_kit::openapi::finish(crate::routes()), app.clone());
        Self { app, router }
    }

    fn company(&self) -> CompanyId {
        let id = clock::new_id(CompanyId::generate);
        nexus_store::identity::companies::insert(
            self.app.database(),
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

    fn person(&self, role: Role, company: Option<CompanyId>) -> (UserId, String) {
        let (user, session) = (clock::new_id(UserId::generate), clock::new_id(SessionId::generate));
        let now = clock::now();
        self.app
            .database()
            .execute(
                "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, mfa_enabled, created_at, \
                 updated_at) VALUES (?1, ?1, ?1, 'A', ?2, ?3, 'ACTIVE', '', 1, ?4, ?4)",
                params![user, role, company, now],
            )
            .unwrap();
        self.app
            .database()
            .execute(
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)",
                params![session, user, now, now.plus_seconds(3600)],
            )
            .unwrap();
        let claims = AccessClaims::new(user, session, role, company, now.as_seconds(), 900);
        (
            user,
            sign_access_token(&AccessKey::derive(SECRET.as_bytes()), &claims).unwrap(),
        )
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self
            .router
            .clone()
            .oneshot(request.body(body.into()).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer {
            status: parts.status,
            headers: parts.headers,
            bytes,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, token, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(
            Method::POST,
            path,
            token,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    async fn patch(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(
            Method::PATCH,
            path,
            token,
            &[("content-type", "application/json")],
            body.to_string(),
        )
        .await
    }

    async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(Method::DELETE, path, token, &[], Body::empty()).await
    }

    /// A compound, an apartment, a tenant and an open occupancy since the beginning of the year before.
    async fn lease(&self, token: &str) -> (String, String, String) {
        let compound = self
            .post("/compounds", token, json!({"name": "Green Hills"}))
            .await
            .is(201)
            .id();
        let apartment = json!({"compoundId": compound, "apartmentNumber": "A1", "monthlyRent": 310_000});
        let apartment = self.post("/apartments", token, apartment).await.is(201).id();
        let tenant = json!({"fullName": "Ana", "email": "ana@example.org", "phone": "+201001234567", "nationalId": "29801011234567"});
        let tenant = self.post("/tenants", token, tenant).await.is(201).id();
        let lease =
            json!({"apartmentId": apartment, "tenantId": tenant, "startDate": "2025-01-01", "depositAmount": 1000});
        let lease = self.post("/occupancies", token, lease).await.is(201).id();
        (apartment, tenant, lease)
    }
}
