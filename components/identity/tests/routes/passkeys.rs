use http::{Method, StatusCode};
use nexus_domain::Role;
use nexus_domain::ids::UserId;
use nexus_store::params;
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::support::{PASSWORD, Reply, TestApp};

const ANA: &str = "ana@example.org";

async fn sign_in(app: &TestApp, more: Value) -> Reply {
    let mut body = json!({ "email": ANA, "password": PASSWORD });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.post("/auth/login", body).await
}

async fn enroll(app: &TestApp, token: &str) -> Value {
    let asked = app
        .post_as(token, "/auth/mfa/passkeys/enroll", json!({ "password": PASSWORD }))
        .await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    asked.body["publicKey"].clone()
}

async fn activate(app: &TestApp, token: &str, credential: &Value) -> Reply {
    let body = json!({ "name": "My phone", "credential": credential });
    app.post_as(token, "/auth/mfa/passkeys/activate", body).await
}

/// Somebody with one passkey as the only second factor, signed in; and the recovery codes.
async fn with_passkey(app: &TestApp, phone: &Authenticator) -> (UserId, String, Vec<String>) {
    let user = app.active_user(ANA, Role::Admin);
    let token = sign_in(app, json!({})).await.text("/accessToken");
    let asked = enroll(app, &token).await;
    let active = activate(app, &token, &phone.create(&asked)).await;
    assert_eq!(active.status, StatusCode::CREATED, "{}", active.body);
    assert_eq!(active.text("/passkey/name"), "My phone");
    let codes = active.body["recoveryCodes"].as_array().unwrap();
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    (user, token, codes)
}

/// What `MFA_REQUIRED` asks the browser for.
async fn asked(app: &TestApp) -> Value {
    let reply = sign_in(app, json!({})).await;
    assert_eq!(reply.code(), "MFA_REQUIRED", "{}", reply.body);
    reply.body["mfa"]["publicKey"].clone()
}

#[tokio::test]
async fn a_passkey_is_a_second_factor_and_each_challenge_is_good_once() {
    let app = TestApp::new();
    let mut phone = Authenticator::number(1);
    with_passkey(&app, &phone).await;
    let required = sign_in(&app, json!({})).await;
    assert_eq!(required.status, StatusCode::UNAUTHORIZED);
    assert_eq!(required.body["mfa"]["methods"], json!(["PASSKEY", "RECOVERY_CODE"]));
    let answer = phone.get(&required.body["mfa"]["publicKey"]);
    let reply = sign_in(&app, json!({ "passkey": answer })).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(reply.body["user"]["mfaEnabled"], true);
    let replayed = sign_in(&app, json!({ "passkey": answer })).await;
    assert_eq!(replayed.code(), "INVALID_MFA_CODE");
    let token = reply.text("/accessToken");
    let listed = app.get_as(&token, "/auth/mfa/passkeys").await;
    assert!(listed.body["items"][0]["lastUsedAt"].is_string(), "{}", listed.body);
}

#[tokio::test]
async fn what_is_asked_for_names_the_domain_and_the_known_keys_and_no_rsa() {
    let app = TestApp::with(&[
        ("passkey_domain", "example.org"),
        ("frontend_url", "https://app.example.org"),
    ]);
    let mut phone = Authenticator::number(1);
    phone.origin = "https://app.example.org";
    let (_, token, _) = with_passkey(&app, &phone).await;
    let again = enroll(&app, &token).await;
    assert_eq!(again["rp"]["id"], "example.org");
    assert_eq!(again["excludeCredentials"].as_array().unwrap().len(), 1);
    let algorithms: Vec<_> = again["pubKeyCredParams"].as_array().unwrap().iter().collect();
    assert!(algorithms.iter().all(|one| one["alg"] != -257), "{again}");
    assert_eq!(asked(&app).await["rpId"], "example.org");
}

#[tokio::test]
async fn another_page_another_key_and_another_person_s_challenge_are_refused() {
    let app = TestApp::new();
    let mut phone = Authenticator::number(1);
    let (_, token, _) = with_passkey(&app, &phone).await;

    phone.origin = "https://evil.example";
    let phished = phone.get(&asked(&app).await);
    assert_eq!(
        sign_in(&app, json!({ "passkey": phished })).await.code(),
        "INVALID_MFA_CODE"
    );
    phone.origin = "http://localhost:3000";

    let stranger = Authenticator::number(2).get(&asked(&app).await);
    assert_eq!(
        sign_in(&app, json!({ "passkey": stranger })).await.code(),
        "INVALID_MFA_CODE"
    );

    let mut forged = phone.get(&asked(&app).await);
    forged["response"]["signature"] = stranger["response"]["signature"].clone();
    assert_eq!(
        sign_in(&app, json!({ "passkey": forged })).await.code(),
        "INVALID_MFA_CODE"
    );

    app.active_user("bo@example.org", Role::Student);
    let bo = app.sign_in("bo@example.org", PASSWORD).await.text("/accessToken");
    let for_bo = enroll(&app, &bo).await;
    let taken = activate(&app, &token, &Authenticator::number(3).create(&for_bo)).await;
    assert_eq!(taken.code(), "INVALID_MFA_CODE", "the challenge was Bo's");
}

#[tokio::test]
async fn wrong_answers_count_as_failed_sign_ins() {
    let app = TestApp::new();
    let mut phone = Authenticator::number(1);
    with_passkey(&app, &phone).await;
    for _ in 0..5 {
        let reply = sign_in(&app, json!({ "passkey": { "id": "x" } })).await;
        assert_eq!(reply.code(), "INVALID_MFA_CODE");
    }
    let right = phone.get(&json!({ "challenge": "x", "rpId": "localhost" }));
    assert_eq!(
        sign_in(&app, json!({ "passkey": right })).await.code(),
        "TOO_MANY_LOGIN_ATTEMPTS"
    );
}

#[tokio::test]
async fn a_cloned_key_is_found_out_by_its_counter() {
    let app = TestApp::new();
    let mut phone = Authenticator::number(1);
    with_passkey(&app, &phone).await;
    phone.counter = 10;
    let reply = sign_in(&app, json!({ "passkey": phone.get(&asked(&app).await) })).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    phone.counter = 4;
    let cloned = sign_in(&app, json!({ "passkey": phone.get(&asked(&app).await) })).await;
    assert_eq!(cloned.code(), "INVALID_MFA_CODE");
}

#[tokio::test]
async fn adding_one_needs_the_password_and_a_challenge_lasts_five_minutes() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let token = sign_in(&app, json!({})).await.text("/accessToken");
    let wrong = app
        .post_as(
            &token,
            "/auth/mfa/passkeys/enroll",
            json!({ "password": "Wrong-River-42" }),
        )
        .await;
    assert_eq!(wrong.code(), "WRONG_PASSWORD");
    let asked = enroll(&app, &token).await;
    app.sql(
        "UPDATE passkey_ceremonies SET expires_at = expires_at - ?1",
        params![5 * 60 * 1_000 + 1],
    );
    let late = activate(&app, &token, &Authenticator::number(1).create(&asked)).await;
    assert_eq!(late.code(), "INVALID_MFA_CODE");
    assert_eq!(app.number("SELECT count(*) FROM passkeys"), 0);
}

#[tokio::test]
async fn a_key_is_taken_once_and_recovery_codes_come_with_the_first_factor_only() {
    let app = TestApp::new();
    let phone = Authenticator::number(1);
    let (_, token, codes) = with_passkey(&app, &phone).await;
    assert_eq!(codes.len(), 10);
    let asked = enroll(&app, &token).await;
    let again = activate(&app, &token, &phone.create(&asked)).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "CONFLICT"));
    let asked = enroll(&app, &token).await;
    let second = activate(&app, &token, &Authenticator::number(2).create(&asked)).await;
    assert_eq!(second.status, StatusCode::CREATED, "{}", second.body);
    assert!(second.body.get("recoveryCodes").is_none());
    let reply = sign_in(&app, json!({ "mfaCode": codes[0] })).await;
    assert_eq!(reply.status, StatusCode::OK, "a recovery code stands in for a lost key");
}

#[tokio::test]
async fn removing_one_needs_both_factors_and_the_last_one_takes_the_recovery_codes_along() {
    let app = TestApp::new();
    let mut phone = Authenticator::number(1);
    let (_, token, codes) = with_passkey(&app, &phone).await;
    let listed = app.get_as(&token, "/auth/mfa/passkeys").await;
    let path = format!("/auth/mfa/passkeys/{}", listed.text("/items/0/id"));
    let remove = async |body: Value| app.call(Method::DELETE, &path, Some(&token), Some(body)).await;
    assert_eq!(
        remove(json!({ "password": PASSWORD })).await.code(),
        "VALIDATION_FAILED"
    );
    let wrong = remove(json!({ "password": "Wrong-River-42", "code": codes[0] })).await;
    assert_eq!(wrong.code(), "WRONG_PASSWORD");
    let challenge = app.post_as(&token, "/auth/mfa/passkeys/challenge", json!({})).await;
    let answer = phone.get(&challenge.body["publicKey"]);
    let removed = remove(json!({ "password": PASSWORD, "passkey": answer })).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{}", removed.body);
    assert_eq!(app.number("SELECT count(*) FROM recovery_codes"), 0);
    let reply = sign_in(&app, json!({})).await;
    assert_eq!(reply.body["user"]["mfaEnabled"], false);
    assert_eq!(
        app.number("SELECT count(*) FROM audit_log WHERE action IN ('user.passkey_added', 'user.passkey_removed')"),
        2
    );
}

#[tokio::test]
async fn disabling_takes_passkeys_away_too() {
    let app = TestApp::new();
    let mut phone = Authenticator::number(1);
    let (_, token, _) = with_passkey(&app, &phone).await;
    let challenge = app.post_as(&token, "/auth/mfa/passkeys/challenge", json!({})).await;
    let answer = phone.get(&challenge.body["publicKey"]);
    let body = json!({ "password": PASSWORD, "passkey": answer });
    let reply = app.post_as(&token, "/auth/mfa/disable", body).await;
    assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
    assert_eq!(app.number("SELECT count(*) FROM passkeys"), 0);
    assert_eq!(sign_in(&app, json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn somebody_else_s_passkey_is_not_there() {
    let app = TestApp::new();
    let (_, token, _) = with_passkey(&app, &Authenticator::number(1)).await;
    let id = app.get_as(&token, "/auth/mfa/passkeys").await.text("/items/0/id");
    app.active_user("bo@example.org", Role::Student);
    let bo = app.sign_in("bo@example.org", PASSWORD).await.text("/accessToken");
    let path = format!("/auth/mfa/passkeys/{id}");
    let body = json!({ "password": PASSWORD, "code": "000000" });
    let reply = app.call(Method::DELETE, &path, Some(&bo), Some(body)).await;
    assert_eq!(reply.code(), "NOT_FOUND");
}

#[tokio::test]
async fn pages_without_a_domain_are_told_so() {
    let app = TestApp::with(&[("frontend_url", "http://127.0.0.1:3000")]);
    app.active_user(ANA, Role::Student);
    let token = sign_in(&app, json!({})).await.text("/accessToken");
    let reply = app
        .post_as(&token, "/auth/mfa/passkeys/enroll", json!({ "password": PASSWORD }))
        .await;
    assert_eq!(reply.code(), "CONFLICT");
}

#[tokio::test]
async fn a_code_and_a_passkey_at_once_are_refused_before_anything_is_counted() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Student);
    let reply = sign_in(&app, json!({ "mfaCode": "000000", "passkey": {} })).await;
    assert_eq!(reply.code(), "VALIDATION_FAILED");
    assert_eq!(app.number("SELECT count(*) FROM sign_in_attempts"), 0);
}
