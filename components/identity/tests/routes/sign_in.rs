use std::sync::Arc;

use http::StatusCode;
use nexus_domain::status::UserStatus;
use nexus_domain::{Role, Timestamp};
use nexus_kit::clock;
use nexus_store::{Database, params};
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp, at_once, wait};

const ANA: &str = "ana@example.org";

#[tokio::test]
async fn a_sign_in_answers_with_tokens_and_the_user() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let reply = app.sign_in("ANA@example.org", PASSWORD).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(reply.body["tokenType"], "Bearer");
    assert_eq!(reply.body["expiresIn"], 900);
    assert_eq!(reply.body["mustChangePassword"], false);
    assert_eq!(reply.body["user"]["email"], ANA);
    assert!(reply.body["user"]["lastLoginAt"].is_string());
    let me = app.get_as(&reply.text("/accessToken"), "/auth/me").await;
    assert_eq!(me.body["user"]["id"], reply.body["user"]["id"]);
}

#[tokio::test]
async fn unknown_address_wrong_password_and_wrong_password_of_a_pending_or_banned_account_are_answered_alike() {
    let app = TestApp::new();
    app.active_user("active@example.org", Role::Student);
    app.user("pending@example.org", Role::Student, UserStatus::Pending);
    app.user("banned@example.org", Role::Student, UserStatus::Banned);
    let mut answers = Vec::new();
    for who in ["nobody", "active", "pending", "banned"] {
        let reply = app.sign_in(&format!("{who}@example.org"), "Wrong-River-42").await;
        let mut body = reply.body.clone();
        body["requestId"] = Value::Null;
        answers.push((reply.status, body));
    }
    assert_eq!(answers[0].0, StatusCode::UNAUTHORIZED);
    assert_eq!(answers[0].1["code"], "INVALID_CREDENTIALS");
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
}

#[tokio::test]
async fn a_right_password_learns_what_is_wrong_with_the_account() {
    let app = TestApp::new();
    for (status, code) in [
        (UserStatus::Pending, "ACCOUNT_PENDING"),
        (UserStatus::Suspended, "ACCOUNT_SUSPENDED"),
        (UserStatus::Banned, "ACCOUNT_SUSPENDED"),
    ] {
        let email = format!("{status}@example.org").to_lowercase();
        app.user(&email, Role::Student, status);
        // More often than wrong passwords may be tried: these are right.
        for _ in 0..7 {
            let reply = app.sign_in(&email, PASSWORD).await;
            assert_eq!((reply.status, reply.code()), (StatusCode::UNAUTHORIZED, code));
        }
    }
}

#[tokio::test]
async fn after_five_failures_even_the_right_password_waits() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    for _ in 0..5 {
        assert_eq!(app.sign_in(ANA, "Wrong-River-42").await.code(), "INVALID_CREDENTIALS");
    }
    let reply = app.sign_in("Ana@Example.org", PASSWORD).await;
    assert_eq!(
        (reply.status, reply.code()),
        (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_LOGIN_ATTEMPTS")
    );
    let wait: u64 = reply.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((890..=900).contains(&wait), "{wait}");
    app.sql("UPDATE sign_in_attempts SET at = at - 900000", &[]);
    assert_eq!(app.sign_in(ANA, PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn unknown_addresses_are_throttled_like_known_ones() {
    let app = TestApp::new();
    for _ in 0..5 {
        assert_eq!(
            app.sign_in("nobody@example.org", "x").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    assert_eq!(
        app.sign_in("nobody@example.org", "x").await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test]
async fn a_sign_in_forgets_the_failures_before_it() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    for _ in 0..3 {
        for _ in 0..4 {
            app.sign_in(ANA, "Wrong-River-42").await;
        }
        assert_eq!(app.sign_in(ANA, PASSWORD).await.status, StatusCode::OK);
    }
}

#[test]
fn of_64_guesses_at_once_five_are_checked() {
    let app = Arc::new(TestApp::new());
    app.active_user(ANA, Role::Student);
    let guesses = {
        let app = Arc::clone(&app);
        at_once(64, move |n| wait(app.sign_in(ANA, &format!("Wrong-River-{n}"))).status)
    };
    let checked = guesses
        .iter()
        .filter(|status| **status == StatusCode::UNAUTHORIZED)
        .count();
    let refused = guesses
        .iter()
        .filter(|status| **status == StatusCode::TOO_MANY_REQUESTS)
        .count();
    assert_eq!((checked, refused), (5, 59));
}

#[tokio::test]
async fn the_throttle_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nexus.db");
    {
        let app = TestApp::on(Database::open_file(&file).unwrap(), &[]);
        app.active_user(ANA, Role::Student);
        for _ in 0..5 {
            app.sign_in(ANA, "Wrong-River-42").await;
        }
    }
    let app = TestApp::on(Database::open_file(&file).unwrap(), &[]);
    assert_eq!(app.sign_in(ANA, PASSWORD).await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn one_client_address_has_300_failures_over_all_accounts() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    for n in 0..300 {
        let reply = app
            .sign_in_from("192.0.2.7", &format!("nobody{n}@example.org"), "x")
            .await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{n}");
    }
    assert_eq!(
        app.sign_in_from("192.0.2.7", ANA, PASSWORD).await.status,
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(
        app.sign_in_from("192.0.2.8", ANA, PASSWORD).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_temporary_password_must_be_changed_proves_the_address_and_runs_out() {
    let app = TestApp::new();
    let user = app.active_user(ANA, Role::Student);
    let expire = |at: Timestamp| {
        app.sql(
            "UPDATE users SET must_change_password = 1, temporary_password_expires_at = ?2 WHERE id = ?1",
            params![user, at],
        );
    };
    expire(clock::now().plus_seconds(-1));
    let late = app.sign_in(ANA, PASSWORD).await;
    assert_eq!(
        (late.status, late.code()),
        (StatusCode::UNAUTHORIZED, "TEMPORARY_PASSWORD_EXPIRED")
    );
    expire(clock::now().plus_seconds(60));
    let reply = app.sign_in(ANA, PASSWORD).await;
    assert_eq!(reply.body["mustChangePassword"], true);
    assert_eq!(reply.body["user"]["emailVerified"], true);
    let token = reply.text("/accessToken");
    let refused = app.get_as(&token, "/auth/sessions").await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::FORBIDDEN, "PASSWORD_CHANGE_REQUIRED")
    );
    assert_eq!(app.get_as(&token, "/auth/me").await.status, StatusCode::OK);
    let change = json!({ "currentPassword": PASSWORD, "newPassword": "Other-River-43" });
    assert_eq!(
        app.post_as(&token, "/auth/change-password", change).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(app.get_as(&token, "/auth/sessions").await.status, StatusCode::OK);
    assert_eq!(
        app.sign_in(ANA, "Other-River-43").await.body["mustChangePassword"],
        false
    );
}

#[tokio::test]
async fn an_imported_hash_works_and_is_replaced_by_one_of_today() {
    let app = TestApp::with(&[("bcrypt_cost", "6")]);
    let old = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    app.user_with_hash(ANA, Role::Student, UserStatus::Active, old);
    for _ in 0..2 {
        assert_eq!(app.sign_in(ANA, "U*U").await.status, StatusCode::OK);
        let hash: String = app.database().query("SELECT password_hash FROM users", &[]).unwrap()[0]
            .get(0)
            .unwrap();
        assert!(hash.starts_with("$2b$06$"), "{hash}");
    }
    assert_eq!(app.sign_in(ANA, "U*V").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_imported_hash_of_what_was_typed_works_and_is_replaced_where_today_s_rule_takes_the_password() {
    let decomposed = "Cafe\u{301}-River-42";
    let long = format!("Quiet-River-42-{}é and more", "x".repeat(56));
    for (password_hash, typed, replaced) in [
        ("bcrypt", decomposed, "$2b$06$"),
        ("argon2id", decomposed, "$argon2id$"),
        ("argon2id", long.as_str(), "$argon2id$"),
        // bcrypt can't hash all of it, so the old system's hash stays, and goes on working.
        ("bcrypt", long.as_str(), "$2b$04$"),
    ] {
        let app = TestApp::with(&[("bcrypt_cost", "6"), ("password_hash", password_hash)]);
        let old = bcrypt::hash_with_salt(&typed.as_bytes()[..typed.len().min(72)], 4, [7; 16]).unwrap();
        app.user_with_hash(ANA, Role::Student, UserStatus::Active, &old.to_string());
        let reply = app.sign_in(ANA, typed).await;
        assert_eq!(
            reply.code(),
            "INVALID_CREDENTIALS",
            "not imported: our own hashes are not like that"
        );
        app.sql("UPDATE users SET password_imported = 1", &[]);
        assert_eq!(
            app.sign_in(ANA, &format!("X{typed}")).await.code(),
            "INVALID_CREDENTIALS"
        );
        for _ in 0..2 {
            assert_eq!(
                app.sign_in(ANA, typed).await.status,
                StatusCode::OK,
                "{password_hash} {typed}"
            );
        }
        let rows = app
            .database()
            .query("SELECT password_hash, password_imported FROM users", &[])
            .unwrap();
        let (hash, imported): (String, bool) = (rows[0].get(0).unwrap(), rows[0].get(1).unwrap());
        assert!(hash.starts_with(replaced), "{hash}");
        assert_eq!(imported, replaced == "$2b$04$");
    }
}

#[tokio::test]
async fn with_argon2id_selected_a_sign_in_moves_the_hash_over() {
    let app = TestApp::with(&[("password_hash", "argon2id")]);
    app.active_user(ANA, Role::Student);
    for _ in 0..2 {
        assert_eq!(app.sign_in(ANA, PASSWORD).await.status, StatusCode::OK);
        let hash: String = app.database().query("SELECT password_hash FROM users", &[]).unwrap()[0]
            .get(0)
            .unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }
}

#[tokio::test]
async fn a_password_typed_in_decomposed_characters_is_the_same_password() {
    let app = TestApp::new();
    let composed = json!({ "email": ANA, "password": "Caf\u{e9}-River-42", "name": "Ana" });
    app.post("/auth/register", composed).await;
    app.sql("UPDATE users SET status = 'ACTIVE'", &[]);
    assert_eq!(app.sign_in(ANA, "Cafe\u{301}-River-42").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_access_token_says_what_the_contract_lists() {
    use base64::Engine as _;
    let app = TestApp::new();
    let user = app.active_user(ANA, Role::Manager);
    let token = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    let parts: Vec<&str> = token.split('.').collect();
    let decode = |part: &str| -> Value {
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(decode(parts[0])["alg"], "HS256");
    let claims = decode(parts[1]);
    assert_eq!(claims["sub"], user.to_string());
    assert_eq!(
        (&claims["typ"], &claims["iss"], &claims["aud"]),
        (&json!("access"), &json!("nexus"), &json!("nexus-api"))
    );
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    assert_eq!(claims["role"], "MANAGER");
    assert!(claims["sid"].is_string() && claims["cid"].is_null());
}

#[tokio::test]
async fn a_token_of_the_secret_before_stays_good_while_it_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nexus.db");
    let (access, refresh) = {
        let app = TestApp::on(Database::open_file(&file).unwrap(), &[]);
        app.active_user(ANA, Role::Student);
        let reply = app.sign_in(ANA, PASSWORD).await;
        (reply.text("/accessToken"), reply.text("/refreshToken"))
    };
    let rotated = [
        ("jwt_access_secret", "the new access secret of thirty-two bytes"),
        (
            "jwt_access_secret_previous",
            "an access secret of at least thirty-two bytes",
        ),
        ("jwt_refresh_secret", "the new refresh secret of thirty-two bytes"),
        (
            "jwt_refresh_secret_previous",
            "a refresh secret of at least thirty-two bytes",
        ),
    ];
    let app = TestApp::on(Database::open_file(&file).unwrap(), &rotated);
    assert_eq!(app.get_as(&access, "/auth/me").await.status, StatusCode::OK);
    let refreshed = app.post("/auth/refresh", json!({ "refreshToken": refresh })).await;
    assert_eq!(refreshed.status, StatusCode::OK);
    let without_previous = [rotated[0], rotated[2]];
    let app = TestApp::on(Database::open_file(&file).unwrap(), &without_previous);
    assert_eq!(app.get_as(&access, "/auth/me").await.code(), "INVALID_TOKEN");
    assert_eq!(
        app.get_as(&refreshed.text("/accessToken"), "/auth/me").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn the_body_is_judged_before_the_database_is_asked() {
    let app = TestApp::new();
    let reply = app
        .post("/auth/login", json!({ "email": "nobody", "password": 1 }))
        .await;
    assert_eq!(
        (reply.status, reply.code()),
        (StatusCode::BAD_REQUEST, "VALIDATION_FAILED")
    );
    assert_eq!(reply.body["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_page_of_another_site_can_send_without_asking_is_not_taken() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let body = json!({ "email": ANA, "password": PASSWORD }).to_string();
    // The types of a "simple request" (Fetch standard): everything else needs a preflight first.
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let request = http::Request::post("/api/v1/auth/login?session=cookie").header("content-type", kind);
        let reply = app.send(request.body(body.clone().into()).unwrap()).await;
        assert_eq!(reply.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
}

#[tokio::test]
async fn secrets_are_taken_from_the_body_only() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let path = format!("/auth/login?email={ANA}&password={PASSWORD}");
    let reply = app.post(&path, json!({})).await;
    assert_eq!(
        (reply.status, reply.code()),
        (StatusCode::BAD_REQUEST, "VALIDATION_FAILED")
    );
    let token = app.sign_in(ANA, PASSWORD).await.text("/accessToken");
    let path = format!("/auth/me?accessToken={token}");
    assert_eq!(
        app.call(http::Method::GET, &path, None, None).await.code(),
        "UNAUTHENTICATED"
    );
}
