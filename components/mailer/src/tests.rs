//! The component's router as a whole, over a database in memory.

use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use nexus_domain::ids::{CompanyId, MailId, SessionId, UserId};
use nexus_domain::seal::SealKey;
use nexus_domain::status::UserStatus;
use nexus_domain::token::{AccessClaims, AccessKey, sign_access_token};
use nexus_domain::{EmailAddress, Role, mail};
use nexus_kit::layers::Layered;
use nexus_kit::{App, Config, clock, layers, openapi};
use nexus_protocol::signature::sign_request;
use nexus_store::identity::users::{self, NewUser};
use nexus_store::mail::outbox::{self, NewMail};
use nexus_store::{Database, identity::companies, params};
use serde_json::{Value, json};
use tower::ServiceExt;

const SECRET: &str = "a secret of at least thirty-two bytes, for tests";

/// `MAIL_SEAL_KEY` after a rotation.
const NEW_KEY: &str = "another secret of thirty-two bytes or more, for tests";

struct Fixture {
    app: App,
    router: Layered,
    company: CompanyId,
    admin: String,
    owner: String,
}

impl Fixture {
    fn new(transport: &str) -> Self {
        Self::with(transport, &[("mail_seal_key", SECRET)])
    }

    fn with(transport: &str, keys: &[(&str, &str)]) -> Self {
        let mut settings = vec![
            ("jwt_access_secret", SECRET),
            ("internal_secret", SECRET),
            ("mail_transport", transport),
        ];
        settings.extend(keys);
        let config = Config::from_pairs(settings);
        let app = App::new(Database::in_memory().unwrap(), config).unwrap();
        let router = layers::wrap(openapi::finish(crate::routes()), app.clone());
        let company = clock::new_id(CompanyId::generate);
        companies::insert(
            app.database(),
            company,
            "Haus",
            "haus",
            "EUR",
            "Europe/Berlin",
            clock::now(),
        )
        .unwrap();
        let admin = sign_in(&app, "admin@haus.example", Role::Admin, Some(company));
        let owner = sign_in(&app, "owner@nexus.example", Role::SuperAdmin, None);
        Self {
            app,
            router,
            company,
            admin,
            owner,
        }
    }

    fn enqueue(&self, company: Option<CompanyId>, template: &str, secrets: Option<Value>) -> MailId {
        let id = clock::new_id(MailId::generate);
        let key = SealKey::derive(SECRET.as_bytes(), mail::SEAL_PURPOSE);
        let sealed = secrets.map(|clear| {
            key.seal(clock::random(), &mail::seal_context(id), clear.to_string().as_bytes())
                .unwrap()
        });
        let new = NewMail {
            id,
            company,
            user: None,
            recipient: "ana@example.org",
            recipient_name: "Ana",
            template,
            locale: "en",
            params: json!({ "minutes": 10, "reason": "r" }),
            sealed,
            now: clock::now(),
            expires_at: clock::now().plus_seconds(86_400),
        };
        self.app.database().transaction(|tx| outbox::enqueue(tx, &new)).unwrap();
        id
    }

    async fn send(&self, method: &str, token: &str, path: &str, address: &str) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if !address.is_empty() {
            request = request.header("spin-client-addr", address);
        }
        self.raw(request.body(Body::empty()).unwrap()).await
    }

    async fn signed(&self, method: &str, path: &str) -> (StatusCode, Value) {
        let signature = sign_request(SECRET.as_bytes(), clock::now().as_seconds(), method, path, b"{}");
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("x-nexus-signature", signature);
        self.raw(request.body(Body::from("{}")).unwrap()).await
    }

    async fn raw(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

fn sign_in(app: &App, email: &str, role: Role, company: Option<CompanyId>) -> String {
    let email: EmailAddress = email.parse().unwrap();
    let (id, session, now) = (
        clock::new_id(UserId::generate),
        clock::new_id(SessionId::generate),
        clock::now(),
    );
    let new = NewUser {
        id,
        email: &email,
        name: "A",
        role,
        company,
        status: UserStatus::Active,
        password_hash: "none",
        email_verified: true,
        document_verified: true,
        locale: "en",
        now,
    };
    users::insert(app.database(), &new).unwrap();
    let sql = "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at) VALUES (?1, ?2, ?3, ?3, ?4)";
    app.database()
        .execute(sql, params![session, id, now, now.plus_seconds(3_600)])
        .unwrap();
    let claims = AccessClaims::new(id, session, role, company, now.as_seconds(), 900);
    sign_access_token(&AccessKey::derive(SECRET.as_bytes()), &claims).unwrap()
}

const MAILBOX: &str = "/api/v1/dev/mailbox";

#[tokio::test]
async fn the_mailbox_shows_whole_mails_newest_first_to_this_machine_only() {
    let f = Fixture::new("dev");
    f.enqueue(None, "verification-otp", Some(json!({ "otp": "482913" })));
    let second = f.enqueue(None, "account-suspended", None);
    for stranger in ["", "192.0.2.7:1234", "10.0.0.1:1"] {
        assert_eq!(f.send("GET", "", MAILBOX, stranger).await.0, 404, "{stranger}");
    }
    for here in ["127.0.0.1:1234", "[::1]:1234"] {
        let (status, body) = f.send("GET", "", MAILBOX, here).await;
        assert_eq!(status, 200);
        assert_eq!(body["items"][0]["id"], second.to_string());
        assert!(
            body["items"][1]["text"]
                .as_str()
                .unwrap()
                .lines()
                .any(|line| line == "482913")
        );
    }
    let (_, item) = f.send("GET", "", &format!("{MAILBOX}/{second}"), "127.0.0.1:1").await;
    assert_eq!(
        (item["to"].as_str(), item["template"].as_str()),
        (Some("ana@example.org"), Some("account-suspended"))
    );
}

#[tokio::test]
async fn with_a_real_transport_there_is_no_mailbox() {
    let f = Fixture::new("sendgrid");
    assert_eq!(f.send("GET", "", MAILBOX, "127.0.0.1:1").await.0, 404);
}

#[tokio::test]
async fn in_production_there_is_no_mailbox() {
    for (environment, transport, expected) in [("production", "sendgrid", 404), ("development", "dev", 200)] {
        let keys = [
            ("jwt_access_secret", "qL2m9Zt1vXc8Rb4nWs7Ty0Uk3Jh6Gf5D"),
            ("jwt_refresh_secret", "rL2m9Zt1vXc8Rb4nWs7Ty0Uk3Jh6Gf5E"),
            ("internal_secret", "sL2m9Zt1vXc8Rb4nWs7Ty0Uk3Jh6Gf5F"),
            ("mail_seal_key", "tL2m9Zt1vXc8Rb4nWs7Ty0Uk3Jh6Gf5G"),
            ("nexus_env", environment),
            ("frontend_url", "https://nexus.example"),
            ("sendgrid_api_key", "SG.qL2m9Zt1vXc8Rb4nWs7Ty0.Uk3Jh6Gf5D"),
        ];
        let f = Fixture::with(transport, &keys);
        let (status, _) = f.send("GET", "", MAILBOX, "127.0.0.1:1").await;
        assert_eq!(status, expected, "{environment}");
    }
}

#[tokio::test]
async fn a_delivered_mail_s_secret_is_wiped() {
    let f = Fixture::new("dev");
    f.enqueue(
        None,
        "account-approved",
        Some(json!({ "temporaryPassword": "aB3!aB3!aB3!aB" })),
    );
    let (status, body) = f.signed("POST", "/internal/mail/deliver").await;
    assert_eq!((status.as_u16(), body["sent"].as_i64()), (200, Some(1)), "{body}");
    let row = &f
        .app
        .database()
        .query("SELECT sealed IS NULL, status FROM outbox", &[])
        .unwrap()[0];
    assert!(row.get::<bool>(0).unwrap());
}

#[tokio::test]
async fn a_mail_whose_secret_can_t_be_opened_is_given_up_and_the_others_go_out() {
    let f = Fixture::new("dev");
    let bad = f.enqueue(None, "account-approved", Some(json!({ "temporaryPassword": "x" })));
    f.enqueue(None, "account-suspended", None);
    f.app
        .database()
        .execute("UPDATE outbox SET sealed = x'0102' WHERE id = ?1", params![bad])
        .unwrap();
    let (_, body) = f.signed("POST", "/internal/mail/deliver").await;
    assert_eq!(
        (body["sent"].as_i64(), body["failed"].as_i64()),
        (Some(1), Some(1)),
        "{body}"
    );
}

#[tokio::test]
async fn what_the_previous_key_sealed_is_still_delivered_and_a_stranger_s_is_given_up() {
    for (keys, status) in [
        (
            &[("mail_seal_key", NEW_KEY), ("mail_seal_key_previous", SECRET)][..],
            "SENT",
        ),
        (&[("mail_seal_key", NEW_KEY)][..], "FAILED"),
    ] {
        let f = Fixture::with("dev", keys);
        f.enqueue(None, "verification-otp", Some(json!({ "otp": "482913" })));
        f.signed("POST", "/internal/mail/deliver").await;
        let (_, mails) = f.send("GET", &f.owner, "/api/v1/admin/mail", "").await;
        assert_eq!(mails["items"][0]["status"], status, "{mails}");
    }
}

#[tokio::test]
async fn a_one_time_code_that_has_expired_is_not_sent_again() {
    let f = Fixture::new("dev");
    let id = f.enqueue(Some(f.company), "verification-otp", Some(json!({ "otp": "482913" })));
    let now = clock::now();
    let sql = "UPDATE outbox SET status = 'FAILED', created_at = ?1, expires_at = ?2";
    f.app
        .database()
        .execute(sql, params![now.plus_seconds(-700), now.plus_seconds(-100)])
        .unwrap();
    let path = format!("/api/v1/admin/mail/{id}/retry");
    assert_eq!(
        f.send("POST", &f.admin, &path, "").await.1["code"],
        "INVALID_TRANSITION"
    );
}

#[tokio::test]
async fn what_was_heard_of_the_key_a_moment_ago_is_good_enough_but_not_at_a_start() {
    let f = Fixture::new("sendgrid");
    let known = nexus_store::mail::key_check::MailCheck {
        status: "ok".into(),
        detail: None,
    };
    nexus_store::mail::key_check::keep(f.app.database(), &known, clock::now()).unwrap();
    let (_, check) = f.signed("GET", "/internal/mail/check").await;
    assert_eq!(check["status"], "ok");
    // Outside a component no transport is bound, so asking finds nobody.
    let (_, check) = f.signed("GET", "/internal/mail/check?fresh=true").await;
    assert_eq!(check["status"], "unreachable");
    let (_, check) = f.signed("GET", "/internal/mail/check").await;
    assert_eq!(check["status"], "unreachable");
}

#[tokio::test]
async fn nobody_without_the_signature_finds_the_internal_routes() {
    let f = Fixture::new("dev");
    for (method, path) in [
        ("POST", "/internal/mail/deliver"),
        ("GET", "/internal/mail/check"),
        ("POST", "/internal/mail/tidy"),
    ] {
        assert_eq!(f.send(method, &f.owner, path, "127.0.0.1:1").await.0, 404, "{path}");
        assert!(f.signed(method, path).await.0.is_success(), "{path}");
    }
}

#[tokio::test]
async fn admins_see_their_company_s_mails_without_what_they_say() {
    let f = Fixture::new("dev");
    f.enqueue(Some(f.company), "account-suspended", None);
    f.enqueue(None, "verification-otp", Some(json!({ "otp": "482913" })));
    let (_, own) = f.send("GET", &f.admin, "/api/v1/admin/mail?withTotal=true", "").await;
    assert_eq!(
        (own["total"].as_i64(), own["items"][0]["status"].as_str()),
        (Some(1), Some("PENDING"))
    );
    let (_, all) = f.send("GET", &f.owner, "/api/v1/admin/mail?withTotal=true", "").await;
    assert_eq!(all["total"], 2);
    assert!(!all.to_string().contains("482913") && all["items"][0].get("params").is_none());
    let (status, _) = f.send("GET", "", "/api/v1/admin/mail", "").await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn only_what_was_given_up_and_still_has_its_secret_is_tried_again() {
    let f = Fixture::new("dev");
    let id = f.enqueue(Some(f.company), "verification-otp", Some(json!({ "otp": "482913" })));
    let path = format!("/api/v1/admin/mail/{id}/retry");
    assert_eq!(
        f.send("POST", &f.admin, &path, "").await.1["code"],
        "INVALID_TRANSITION"
    );
    f.app
        .database()
        .execute("UPDATE outbox SET status = 'FAILED'", &[])
        .unwrap();
    let (status, body) = f.send("POST", &f.admin, &path, "").await;
    assert_eq!(
        (status.as_u16(), body["status"].as_str()),
        (200, Some("PENDING")),
        "{body}"
    );
    f.app
        .database()
        .execute("UPDATE outbox SET status = 'FAILED', sealed = NULL", &[])
        .unwrap();
    assert_eq!(
        f.send("POST", &f.admin, &path, "").await.1["code"],
        "INVALID_TRANSITION"
    );
    let other = f.enqueue(None, "account-suspended", None);
    assert_eq!(
        f.send("POST", &f.admin, &format!("/api/v1/admin/mail/{other}/retry"), "")
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn an_unsigned_event_is_turned_away() {
    let f = Fixture::new("dev");
    let (status, body) = f.send("POST", "", "/api/v1/webhooks/sendgrid", "").await;
    assert_eq!((status.as_u16(), body["code"].as_str()), (401, Some("UNAUTHENTICATED")));
}
