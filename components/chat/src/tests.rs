mod attachments;
mod chats;
mod events;
mod lists;
mod messages;
mod pace;
mod people;
mod purge;
mod relays;

use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use nexus_domain::Role;
use nexus_domain::ids::{CompanyId, SessionId, UserId};
use nexus_domain::token::{AccessClaims, AccessKey, sign_access_token};
use nexus_kit::layers::Layered;
use nexus_kit::{App, Config, clock};
use nexus_protocol::relay_calls;
use nexus_protocol::signature::sign_request;
use nexus_store::{Database, params};
use serde_json::{Value, json};
use tower::ServiceExt;

const ACCESS: &str = "an access secret of at least thirty-two bytes";
const INTERNAL: &str = "an internal secret of at least thirty-two bytes";

struct House {
    app: App,
    router: Layered,
}

#[derive(Clone)]
struct Person {
    id: UserId,
    token: String,
}

fn house() -> House {
    house_with(&[])
}

fn house_with(settings: &[(&str, &str)]) -> House {
    let secrets = [("jwt_access_secret", ACCESS), ("internal_secret", INTERNAL)];
    let config = Config::from_pairs(secrets.into_iter().chain(settings.iter().copied()));
    let app = App::new(Database::in_memory().unwrap(), config).unwrap();
    let router = nexus_kit::layers::wrap(nexus_kit::openapi::finish(crate::routes()), app.clone());
    House { app, router }
}

impl House {
    fn company(&self, slug: &str) -> CompanyId {
        let id = clock::new_id(CompanyId::generate);
        nexus_store::identity::companies::insert(self.app.database(), id, slug, slug, "EUR", "UTC", clock::now())
            .unwrap();
        id
    }

    fn person(&self, name: &str, role: Role, company: Option<CompanyId>) -> Person {
        let id = clock::new_id(UserId::generate);
        let session = clock::new_id(SessionId::generate);
        let (now, database) = (clock::now(), self.app.database());
        database
            .execute(
                "INSERT INTO users (id, email, email_key, name, role, company_id, status, password_hash, created_at, updated_at) \
                 VALUES (?1, ?2, ?2, ?3, ?4, ?5, 'ACTIVE', '', ?6, ?6)",
                params![id, format!("{id}@x.y"), name, role, company, now],
            )
            .unwrap();
        database
            .execute(
                "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)",
                params![session, id, now, now.plus_seconds(3_600)],
            )
            .unwrap();
        let claims = AccessClaims::new(id, session, role, company, now.as_seconds(), 900);
        Person {
            id,
            token: sign_access_token(&AccessKey::derive(ACCESS.as_bytes()), &claims).unwrap(),
        }
    }

    async fn call(&self, who: &Person, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", who.token));
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    /// The status, and the version of what was answered.
    async fn versioned(
        &self,
        who: &Person,
        method: &str,
        path: &str,
        condition: Option<(&str, &str)>,
        body: Option<Value>,
    ) -> (StatusCode, String) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", who.token))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some((name, tag)) = condition {
            request = request.header(name, tag);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let tag = answer.headers().get(header::ETAG);
        (
            answer.status(),
            tag.map_or_else(String::new, |tag| tag.to_str().unwrap().to_owned()),
        )
    }

    async fn csv(&self, who: &Person, path: &str) -> String {
        let request = Request::get(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", who.token))
            .header(header::ACCEPT, "text/csv");
        let answer = self
            .router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/csv; charset=utf-8");
        String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    async fn internal(&self, path: &str, body: Value) -> (StatusCode, Value) {
        let body = body.to_string();
        let signature = sign_request(
            INTERNAL.as_bytes(),
            clock::now().as_seconds(),
            "POST",
            path,
            body.as_bytes(),
        );
        let request = Request::post(path)
            .header("x-nexus-signature", signature)
            .body(Body::from(body));
        self.send(request.unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    fn company_of(&self, person: &Person) -> Option<CompanyId> {
        let sql = "SELECT company_id FROM users WHERE id = ?1";
        self.app.database().query(sql, params![person.id]).unwrap()[0]
            .parse_opt(0)
            .unwrap()
    }

    async fn upload(&self, who: &Person, content: &[u8]) -> (StatusCode, Value) {
        let mut body = b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\r\n".to_vec();
        body.extend(content);
        body.extend(b"\r\n--x--\r\n");
        let request = Request::post("/api/v1/attachments")
            .header(header::AUTHORIZATION, format!("Bearer {}", who.token))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x")
            .body(Body::from(body));
        self.send(request.unwrap()).await
    }

    async fn direct(&self, one: &Person, other: &Person) -> String {
        let (status, chat) = self
            .call(
                one,
                "POST",
                "/chats",
                Some(json!({"type": "DIRECT", "memberIds": [other.id]})),
            )
            .await;
        assert!(status.is_success(), "{chat}");
        chat["id"].as_str().unwrap().to_owned()
    }
}

struct Scene {
    house: House,
    anna: Person,
    ben: Person,
    stranger: Person,
}

fn scene() -> Scene {
    scene_in(house())
}

fn scene_in(house: House) -> Scene {
    let (company, other) = (house.company("one"), house.company("two"));
    let anna = house.person("Anna", Role::Tenant, Some(company));
    let ben = house.person("Ben", Role::Manager, Some(company));
    let stranger = house.person("Stranger", Role::Admin, Some(other));
    Scene {
        house,
        anna,
        ben,
        stranger,
    }
}
