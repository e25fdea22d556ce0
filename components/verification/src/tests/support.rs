use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use nexus_domain::document::{Document, DocumentType, LinkToken};
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::status::UserStatus;
use nexus_domain::token::{AccessClaims, AccessKey, sign_access_token};
use nexus_domain::{EmailAddress, Role};
use nexus_kit::layers::Layered;
use nexus_kit::{App, Config, clock, layers, openapi, upload};
use nexus_store::identity::users::{self, NewUser};
use nexus_store::{Database, StoreError, identity::companies, params, verification::documents};
use serde_json::Value;
use tower::ServiceExt;

const SECRET: &str = "a secret of at least thirty-two bytes, for tests";

/// An application with one company and its admin, and a platform owner.
pub struct Fixture {
    pub app: App,
    router: Layered,
    pub company: CompanyId,
    pub other_company: CompanyId,
    pub admin: String,
    pub owner: String,
    pub admin_id: UserId,
}

pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
    pub bytes: Vec<u8>,
}

impl Answered {
    pub fn code(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or(""))
    }
}

impl Fixture {
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(more: &[(&str, &str)]) -> Self {
        let base = [
            ("jwt_access_secret", SECRET),
            ("internal_secret", SECRET),
            ("mail_seal_key", SECRET),
            ("bcrypt_cost", "4"),
            ("frontend_url", "https://app.example.com"),
        ];
        let config = Config::from_pairs(base.into_iter().chain(more.iter().copied()));
        let app = App::new(Database::in_memory().unwrap(), config).unwrap();
        let router = layers::wrap(openapi::finish(crate::routes()), app.clone());
        let company = clock::new_id(CompanyId::generate);
        let other_company = clock::new_id(CompanyId::generate);
        let database = app.database();
        companies::insert(database, company, "Haus", "haus", "EUR", "Europe/Berlin", clock::now()).unwrap();
        companies::insert(
            database,
            other_company,
            "Dom",
            "dom",
            "EUR",
            "Europe/Berlin",
            clock::now(),
        )
        .unwrap();
        let mut fixture = Self {
            app,
            router,
            company,
            other_company,
            admin: String::new(),
            owner: String::new(),
            admin_id: clock::new_id(UserId::generate),
        };
        fixture.admin_id = fixture.user("admin@haus.example", Role::Admin, Some(company), UserStatus::Active);
        fixture.admin = fixture.sign_in(fixture.admin_id, Role::Admin, Some(company));
        let owner = fixture.user("owner@nexus.example", Role::SuperAdmin, None, UserStatus::Active);
        fixture.owner = fixture.sign_in(owner, Role::SuperAdmin, None);
        fixture
    }

    pub fn user(&self, email: &str, role: Role, company: Option<CompanyId>, status: UserStatus) -> UserId {
        let email: EmailAddress = email.parse().unwrap();
        let id = clock::new_id(UserId::generate);
        let new = NewUser {
            id,
            email: &email,
            name: "Ana Kos",
            role,
            company,
            status,
            password_hash: "none",
            email_verified: true,
            document_verified: status == UserStatus::Active,
            locale: "en",
            now: clock::now(),
        };
        users::insert(self.app.database(), &new).unwrap();
        id
    }

    pub fn sign_in(&self, user: UserId, role: Role, company: Option<CompanyId>) -> String {
        let session = clock::new_id(SessionId::generate);
        let now = clock::now();
        self.app
            .database()
            .execute(
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)",
                params![session, user, now, now.plus_seconds(3_600)],
            )
            .unwrap();
        let claims = AccessClaims::new(user, session, role, company, now.as_seconds(), 900);
        sign_access_token(&AccessKey::derive(SECRET.as_bytes()), &claims).unwrap()
    }

    /// Somebody who registered, with so many documents.
    pub async fn applicant(&self, email: &str, company: Option<CompanyId>, count: u8) -> UserId {
        let user = self.user(email, Role::Student, company, UserStatus::Pending);
        let checked = (0..count)
            .map(|n| {
                let bytes = format!("%PDF-1.7 {email} {n} %%EOF").into_bytes();
                Document::check(DocumentType::Passport, "pass.pdf", "application/pdf", bytes).unwrap()
            })
            .collect();
        let new = upload::store(&self.app, checked).await.unwrap();
        let opened: Result<(), StoreError> = self
            .app
            .database()
            .transaction(|tx| documents::insert_case(tx, user, &new, clock::now()));
        opened.unwrap();
        user
    }

    pub fn link(&self, user: UserId) -> String {
        let token = LinkToken::new(clock::random());
        let now = clock::now();
        let made: Result<(), StoreError> = self.app.database().transaction(|tx| {
            documents::insert_link(tx, &LinkToken::hash(token.as_str()), user, now, now.plus_seconds(60))
        });
        made.unwrap();
        token.as_str().to_owned()
    }

    pub async fn get(&self, token: &str, path: &str) -> Answered {
        self.send(Method::GET, token, path, None, &[]).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answered {
        self.send(Method::POST, token, path, Some(body), &[]).await
    }

    pub async fn send(
        &self,
        method: Method,
        token: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.raw(request.unwrap()).await
    }

    pub async fn raw(&self, request: Request<Body>) -> Answered {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answered {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes,
        }
    }

    pub fn count(&self, sql: &str) -> i64 {
        self.app.database().query(sql, &[]).unwrap()[0].get(0).unwrap()
    }

    /// What is sealed in the only mail there is.
    pub fn sealed(&self) -> Value {
        use nexus_domain::seal::SealKey;
        let row = &self
            .app
            .database()
            .query("SELECT id, sealed FROM outbox ORDER BY position DESC LIMIT 1", &[])
            .unwrap()[0];
        let keys = [SealKey::derive(SECRET.as_bytes(), "mail")];
        let clear = SealKey::open(
            &keys,
            &format!("mail:{}", row.get::<String>(0).unwrap()),
            &row.get::<Vec<u8>>(1).unwrap(),
        );
        serde_json::from_slice(&clear.unwrap()).unwrap()
    }
}
