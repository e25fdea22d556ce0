//! The component's router on a database of its own, and what a person at a client would do with it.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use nexus_domain::ids::{CompanyId, UserId};
use nexus_domain::password::Password;
use nexus_domain::password_hash::Hashing;
use nexus_domain::seal::SealKey;
use nexus_domain::settings::PasswordHash;
use nexus_domain::status::UserStatus;
use nexus_domain::{EmailAddress, Role};
use nexus_kit::layers::Layered;
use nexus_kit::{App, Config, clock, layers, openapi};
use nexus_protocol::signature::{client_header, sign_request};
use nexus_store::identity::users::{self, NewUser};
use nexus_store::{Database, params};
use serde_json::{Value, json};
use tower::ServiceExt;

pub const PASSWORD: &str = "Quiet-River-42";
pub const MAIL_KEY: &str = "a mail seal key of at least thirty-two bytes";
pub const INTERNAL: &str = "an internal secret of at least thirty-two bytes";

pub struct TestApp {
    router: Layered,
    pub app: App,
}

/// An answer, read to its end.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn text(&self, pointer: &str) -> String {
        let found = self.body.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("{pointer} in {}", self.body)).to_owned()
    }

    pub fn cookies(&self) -> Vec<String> {
        let all = self.headers.get_all(header::SET_COOKIE).iter();
        all.map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// The codes of `errors`, in order.
    pub fn broken(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["code"].as_str().unwrap()).collect()
    }
}

impl TestApp {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// With other settings than the defaults.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(Database::in_memory().unwrap(), settings)
    }

    pub fn on(database: Database, settings: &[(&str, &str)]) -> Self {
        let defaults = [
            ("jwt_access_secret", "an access secret of at least thirty-two bytes"),
            ("jwt_refresh_secret", "a refresh secret of at least thirty-two bytes"),
            ("internal_secret", INTERNAL),
            ("mail_seal_key", MAIL_KEY),
            ("relay_url", ""),
            // The lowest there is: what is tested here is not how long it takes.
            ("bcrypt_cost", "4"),
        ];
        let config = Config::from_pairs(defaults.into_iter().chain(settings.iter().copied()));
        let app = App::new(database, config).unwrap();
        let router = layers::wrap(openapi::finish(identity::routes()), app.clone());
        Self { router, app }
    }

    pub fn database(&self) -> &Database {
        self.app.database()
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        Reply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    pub async fn call(&self, method: Method, path: &str, token: Option<&str>, body: Option<Value>) -> Reply {
        self.call_with(method, path, token, body, &[]).await
    }

    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, None, Some(body)).await
    }

    pub async fn post_as(&self, token: &str, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(token), Some(body)).await
    }

    pub async fn get_as(&self, token: &str, path: &str) -> Reply {
        self.call(Method::GET, path, Some(token), None).await
    }

    pub async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.post("/auth/login", json!({ "email": email, "password": password }))
            .await
    }

    /// As the edge passes a request on: from this address.
    pub async fn sign_in_from(&self, address: &str, email: &str, password: &str) -> Reply {
        let now = clock::now().as_seconds();
        let path = "/api/v1/auth/login";
        let client = client_header(INTERNAL.as_bytes(), now, "POST", path, address, "request-id-1");
        let body = json!({ "email": email, "password": password });
        self.call_with(
            Method::POST,
            "/auth/login",
            None,
            Some(body),
            &[("x-nexus-client", &client)],
        )
        .await
    }

    pub async fn run_retention(&self) -> Reply {
        let path = "/internal/identity/retention";
        let signature = sign_request(INTERNAL.as_bytes(), clock::now().as_seconds(), "POST", path, b"");
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("x-nexus-signature", signature);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Somebody with [`PASSWORD`] who may sign in.
    pub fn active_user(&self, email: &str, role: Role) -> UserId {
        self.user(email, role, UserStatus::Active)
    }

    pub fn user(&self, email: &str, role: Role, status: UserStatus) -> UserId {
        let hash = Hashing::new(PasswordHash::Bcrypt, 4)
            .hash(&Password::typed(PASSWORD), [7; 16])
            .unwrap();
        self.user_with_hash(email, role, status, &hash)
    }

    pub fn user_with_hash(&self, email: &str, role: Role, status: UserStatus, password_hash: &str) -> UserId {
        let email: EmailAddress = email.parse().unwrap();
        let new = NewUser {
            id: clock::new_id(UserId::generate),
            email: &email,
            name: "Ana Kos",
            role,
            company: None,
            status,
            password_hash,
            email_verified: false,
            document_verified: false,
            locale: "en",
            now: clock::now(),
        };
        users::insert(self.database(), &new).unwrap().id
    }

    pub fn company(&self, slug: &str, domains: &[&str]) -> CompanyId {
        let id = clock::new_id(CompanyId::generate);
        nexus_store::identity::companies::insert(
            self.database(),
            id,
            slug,
            slug,
            "EUR",
            "Europe/Ljubljana",
            clock::now(),
        )
        .unwrap();
        self.sql(
            "UPDATE companies SET allowed_email_domains = ?2 WHERE id = ?1",
            params![id, json!(domains).to_string()],
        );
        id
    }

    pub fn sql(&self, sql: &str, params: &[nexus_store::Value]) {
        self.database().execute(sql, params).unwrap();
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.database().query(sql, &[]).unwrap()[0].get(0).unwrap()
    }

    /// The mails to an address, oldest first: template and opened secret.
    pub fn mails(&self, to: &str) -> Vec<(String, Value)> {
        let rows = self
            .database()
            .query(
                "SELECT id, template, sealed FROM outbox WHERE recipient = ?1 ORDER BY id",
                params![to],
            )
            .unwrap();
        let open = |row: &nexus_store::Row| {
            let (id, template, sealed): (String, String, Vec<u8>) =
                (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
            let keys = [SealKey::derive(MAIL_KEY.as_bytes(), "mail")];
            let clear = SealKey::open(&keys, &format!("mail:{id}"), &sealed).unwrap();
            (template, serde_json::from_slice(&clear).unwrap())
        };
        rows.iter().map(open).collect()
    }

    /// The secret of the last mail of this template to an address.
    pub fn last_mail(&self, to: &str, template: &str) -> Value {
        let mails = self.mails(to);
        let found = mails.into_iter().rev().find(|(name, _)| name == template);
        found.unwrap_or_else(|| panic!("no {template} to {to}")).1
    }

    pub fn otp(&self, to: &str) -> String {
        self.last_mail(to, "verification-otp")["otp"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The token that the link in the last mail of this template carries.
    pub fn link_token(&self, to: &str, template: &str) -> String {
        self.last_mail(to, template)["token"].as_str().unwrap().to_owned()
    }
}

/// A one-page PDF as far as anybody looks into it.
pub fn pdf() -> Value {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n");
    json!({ "type": "PASSPORT", "fileName": "passport.pdf", "contentType": "application/pdf", "data": data })
}

pub fn account(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "name": "Ana Kos" })
}

/// Runs the same thing `count` times at once, each on a thread of its own.
pub fn at_once<T: Send + 'static>(count: usize, work: impl Fn(usize) -> T + Send + Sync + 'static) -> Vec<T> {
    let work = Arc::new(work);
    let threads: Vec<_> = (0..count)
        .map(|n| {
            let work = Arc::clone(&work);
            std::thread::spawn(move || work(n))
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Runs a future on this thread.
pub fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
