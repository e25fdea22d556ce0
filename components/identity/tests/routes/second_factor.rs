use http::{Method, StatusCode};
use nexus_domain::{Role, totp};
use nexus_kit::clock;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Reply, TestApp};

const ANA: &str = "ana@example.org";

/// The code that an authenticator app would show `steps` half minutes from now.
fn code(secret: &str, steps: i64) -> String {
    let bytes = data_encoding(secret);
    totp::code_at(&bytes, clock::now().as_seconds().div_euclid(30) + steps)
}

/// Base32, as an app reads it.
fn data_encoding(text: &str) -> Vec<u8> {
    let mut bits = 0_u64;
    let mut count = 0;
    let mut bytes = Vec::new();
    for c in text.bytes() {
        let value = if c.is_ascii_uppercase() {
            c - b'A'
        } else {
            c - b'2' + 26
        };
        bits = (bits << 5) | u64::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    bytes
}

struct Enrolled {
    secret: String,
    recovery: Vec<String>,
}

async fn enroll(app: &TestApp, token: &str) -> Enrolled {
    let enrolment = app.call(Method::POST, "/auth/mfa/enroll", Some(token), None).await;
    assert_eq!(enrolment.status, StatusCode::OK, "{}", enrolment.body);
    let secret = enrolment.text("/secret");
    assert!(enrolment.text("/otpauthUrl").contains(&format!("secret={secret}")));
    assert!(enrolment.text("/qrSvg").contains("<svg"));
    // The step before the present one, so that the present code is still there for a sign-in.
    let active = app
        .post_as(token, "/auth/mfa/activate", json!({ "code": code(&secret, -1) }))
        .await;
    assert_eq!(active.status, StatusCode::OK, "{}", active.body);
    let codes = active.body["recoveryCodes"].as_array().unwrap();
    let recovery = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    Enrolled { secret, recovery }
}

async fn sign_in(app: &TestApp, password: &str, mfa_code: Option<&str>) -> Reply {
    let mut body = json!({ "email": ANA, "password": password });
    if let Some(code) = mfa_code {
        body["mfaCode"] = json!(code);
    }
    app.post("/auth/login", body).await
}

async fn with_factor(app: &TestApp) -> (String, Enrolled) {
    app.active_user(ANA, Role::Admin);
    let token = sign_in(app, PASSWORD, None).await.text("/accessToken");
    let enrolled = enroll(app, &token).await;
    (token, enrolled)
}

#[tokio::test]
async fn with_a_second_factor_a_sign_in_needs_a_code_which_works_once() {
    let app = TestApp::new();
    let (_, enrolled) = with_factor(&app).await;
    assert_eq!(sign_in(&app, PASSWORD, None).await.code(), "MFA_REQUIRED");
    assert_eq!(
        sign_in(&app, "Wrong-River-42", None).await.code(),
        "INVALID_CREDENTIALS",
        "the password comes first"
    );
    let present = code(&enrolled.secret, 0);
    let reply = sign_in(&app, PASSWORD, Some(&present)).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert_eq!(reply.body["user"]["mfaEnabled"], true);
    let again = sign_in(&app, PASSWORD, Some(&present)).await;
    assert_eq!(
        (again.status, again.code()),
        (StatusCode::UNAUTHORIZED, "INVALID_MFA_CODE")
    );
    let next = sign_in(&app, PASSWORD, Some(&code(&enrolled.secret, 1))).await;
    assert_eq!(next.status, StatusCode::OK, "one step ahead");
}

#[tokio::test]
async fn a_code_in_arabic_indic_digits_is_the_same_code() {
    let app = TestApp::new();
    let (_, enrolled) = with_factor(&app).await;
    let digits = code(&enrolled.secret, 0);
    let typed: String = digits
        .chars()
        .map(|c| char::from_u32(0x660 + c.to_digit(10).unwrap()).unwrap())
        .collect();
    let (first, last) = typed.split_at(6);
    let reply = sign_in(&app, PASSWORD, Some(&format!("{first} {last}"))).await;
    assert_eq!(reply.status, StatusCode::OK, "{typed}");
}

#[tokio::test]
async fn the_code_of_the_activation_is_used_up_as_well() {
    let app = TestApp::new();
    let (_, enrolled) = with_factor(&app).await;
    let used = code(&enrolled.secret, -1);
    assert_eq!(sign_in(&app, PASSWORD, Some(&used)).await.code(), "INVALID_MFA_CODE");
}

#[tokio::test]
async fn asking_for_the_code_is_no_failure_but_a_wrong_code_is() {
    let app = TestApp::new();
    let (_, enrolled) = with_factor(&app).await;
    for _ in 0..7 {
        assert_eq!(sign_in(&app, PASSWORD, None).await.code(), "MFA_REQUIRED");
    }
    for _ in 0..5 {
        assert_eq!(
            sign_in(&app, PASSWORD, Some(&code(&enrolled.secret, 90))).await.code(),
            "INVALID_MFA_CODE"
        );
    }
    assert_eq!(
        sign_in(&app, PASSWORD, Some(&code(&enrolled.secret, 0))).await.code(),
        "TOO_MANY_LOGIN_ATTEMPTS"
    );
}

#[tokio::test]
async fn ten_recovery_codes_work_once_each() {
    let app = TestApp::new();
    let (_, enrolled) = with_factor(&app).await;
    assert_eq!(enrolled.recovery.len(), 10);
    let first = enrolled.recovery[0].as_str();
    assert_eq!(
        sign_in(&app, PASSWORD, Some(&first.to_lowercase())).await.status,
        StatusCode::OK
    );
    assert_eq!(sign_in(&app, PASSWORD, Some(first)).await.code(), "INVALID_MFA_CODE");
    assert_eq!(
        sign_in(&app, PASSWORD, Some(&enrolled.recovery[1])).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn neither_secret_nor_recovery_codes_lie_in_clear() {
    let app = TestApp::new();
    let (_, enrolled) = with_factor(&app).await;
    let sealed: Vec<u8> = app
        .database()
        .query("SELECT sealed_secret FROM second_factors", &[])
        .unwrap()[0]
        .get(0)
        .unwrap();
    let secret = data_encoding(&enrolled.secret);
    assert!(!sealed.windows(secret.len()).any(|window| window == secret));
    let kept = format!(
        "{:?}",
        app.database().query("SELECT * FROM recovery_codes", &[]).unwrap()
    );
    assert!(enrolled.recovery.iter().all(|code| !kept.contains(code)));
}

#[tokio::test]
async fn a_role_that_needs_a_factor_can_do_nothing_but_set_one_up() {
    let app = TestApp::with(&[("mfa_required_roles", "SUPER_ADMIN,ADMIN")]);
    app.active_user(ANA, Role::Admin);
    app.active_user("bo@example.org", Role::Student);
    let token = sign_in(&app, PASSWORD, None).await.text("/accessToken");
    let refused = app.get_as(&token, "/auth/sessions").await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::FORBIDDEN, "MFA_ENROLMENT_REQUIRED")
    );
    enroll(&app, &token).await;
    assert_eq!(app.get_as(&token, "/auth/sessions").await.status, StatusCode::OK);
    let bo = app.sign_in("bo@example.org", PASSWORD).await.text("/accessToken");
    assert_eq!(app.get_as(&bo, "/auth/sessions").await.status, StatusCode::OK);
}

#[tokio::test]
async fn disabling_needs_the_password_and_a_code() {
    let app = TestApp::new();
    let (token, enrolled) = with_factor(&app).await;
    let disable = |password: &str, code: &str| app_disable(&app, &token, json!({ "password": password, "code": code }));
    assert_eq!(
        disable("Wrong-River-42", &code(&enrolled.secret, 0)).await.code(),
        "WRONG_PASSWORD"
    );
    assert_eq!(disable(PASSWORD, "000000").await.code(), "INVALID_MFA_CODE");
    assert_eq!(
        disable(PASSWORD, &enrolled.recovery[3]).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(sign_in(&app, PASSWORD, None).await.body["user"]["mfaEnabled"], false);
    assert_eq!(app.number("SELECT count(*) FROM recovery_codes"), 0);
    assert_eq!(disable(PASSWORD, "000000").await.code(), "CONFLICT");
}

async fn app_disable(app: &TestApp, token: &str, body: Value) -> Reply {
    app.post_as(token, "/auth/mfa/disable", body).await
}

#[tokio::test]
async fn a_factor_in_use_is_not_replaced_by_enrolling_again() {
    let app = TestApp::new();
    let (token, enrolled) = with_factor(&app).await;
    let again = app.call(Method::POST, "/auth/mfa/enroll", Some(&token), None).await;
    assert_eq!((again.status, again.code()), (StatusCode::CONFLICT, "CONFLICT"));
    assert_eq!(
        sign_in(&app, PASSWORD, Some(&code(&enrolled.secret, 0))).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_wrong_code_does_not_activate() {
    let app = TestApp::new();
    app.active_user(ANA, Role::Admin);
    let token = sign_in(&app, PASSWORD, None).await.text("/accessToken");
    let early = app
        .post_as(&token, "/auth/mfa/activate", json!({ "code": "123456" }))
        .await;
    assert_eq!(early.code(), "CONFLICT");
    let enrolment = app.call(Method::POST, "/auth/mfa/enroll", Some(&token), None).await;
    let wrong = code(&enrolment.text("/secret"), 50);
    assert_eq!(
        app.post_as(&token, "/auth/mfa/activate", json!({ "code": wrong }))
            .await
            .code(),
        "INVALID_MFA_CODE"
    );
    assert_eq!(sign_in(&app, PASSWORD, None).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_admins_reset_takes_factor_and_codes_away() {
    let app = TestApp::new();
    with_factor(&app).await;
    let user = nexus_store::identity::users::by_email(app.database(), &ANA.parse().unwrap())
        .unwrap()
        .unwrap()
        .id;
    let now = clock::now();
    let reset = app
        .database()
        .transaction(|tx| nexus_store::identity::second_factors::reset(tx, user, now));
    assert_eq!(reset, Ok(true));
    assert_eq!(sign_in(&app, PASSWORD, None).await.status, StatusCode::OK);
}
