use nexus_domain::totp;
use nexus_tests::{Client, TestApp};
use serde_json::{Value, json};

use super::{credentials, resident};

/// The secret as an app reads it from its base32 form.
fn from_base32(text: &str) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for c in text.bytes() {
        let value = if c.is_ascii_uppercase() {
            c - b'A'
        } else {
            c - b'2' + 26
        };
        bits = (bits << 5) | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).expect("a byte"));
        }
    }
    bytes
}

fn step() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_secs()).expect("in range") / 30
}

/// Sets an authenticator app up for whoever is signed in; gives its secret and the recovery codes. The code of the present
/// step is still good afterwards.
pub async fn set_up(session: &Client) -> (Vec<u8>, Vec<Value>) {
    let enrolment = session.post_empty("/auth/mfa/enroll").await.expect(200).json();
    assert!(enrolment["qrSvg"].as_str().is_some_and(|svg| svg.contains("<svg")));
    let secret = from_base32(enrolment["secret"].as_str().expect("a secret"));
    let code = json!({ "code": totp::code_at(&secret, step() - 1) });
    let active = session.post("/auth/mfa/activate", &code).await.expect(200).json();
    let recovery = active["recoveryCodes"].as_array().expect("codes").clone();
    assert_eq!(recovery.len(), 10);
    (secret, recovery)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_must_have_a_second_factor_sets_one_up_and_signs_in_with_it() {
    let app = TestApp::builder().env("MFA_REQUIRED_ROLES", "STUDENT").start().await;
    let account = resident(&app, "ana@example.org");
    let session = app.sign_in(&account).await;
    session
        .get("/chats")
        .await
        .expect_problem(403, "MFA_ENROLMENT_REQUIRED");
    let (secret, recovery) = set_up(&session).await;
    session.get("/chats").await.expect(200);
    let client = app.client();
    let mut body = credentials(&account.email, &account.password);
    client
        .post("/auth/login", &body)
        .await
        .expect_problem(401, "MFA_REQUIRED");
    body["mfaCode"] = json!(totp::code_at(&secret, step()));
    client.post("/auth/login", &body).await.expect(200);
    client
        .post("/auth/login", &body)
        .await
        .expect_problem(401, "INVALID_MFA_CODE");
    body["mfaCode"] = recovery[0].clone();
    client.post("/auth/login", &body).await.expect(200);
    client
        .post("/auth/login", &body)
        .await
        .expect_problem(401, "INVALID_MFA_CODE");
}
