//! `/webhooks`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_tests::{Answer, Client, TestApp};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::EncodePublicKey;
use serde_json::json;

use crate::admin::owner;
use crate::mail::await_status;

fn key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).expect("a key")
}

async fn post(client: &Client, body: &str, signature: Option<String>) -> Answer {
    let mut request = client
        .request(reqwest::Method::POST, "/webhooks/sendgrid")
        .header("content-type", "application/json")
        .header("x-twilio-email-event-webhook-timestamp", "1600112502")
        .body(body.to_owned());
    if let Some(signature) = signature {
        request = request.header("x-twilio-email-event-webhook-signature", signature);
    }
    Answer::of(request).await
}

fn sign(body: &str) -> String {
    let signature: Signature = key().sign(format!("1600112502{body}").as_bytes());
    STANDARD.encode(signature.to_der())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_bounced_gets_no_more_mail_until_an_admin_says_so() {
    let public = key().verifying_key().to_public_key_der().expect("a key");
    let app = TestApp::builder()
        .env("SENDGRID_WEBHOOK_KEY", &STANDARD.encode(public.as_bytes()))
        .start()
        .await;
    let owner = owner(&app).await;
    let client = app.client();
    let odd = json!({ "email": 5, "event": "bounce", "sg_event_id": "e0" });
    let bounce = json!({ "email": "Ana@example.org", "event": "bounce", "type": "bounce", "sg_event_id": "e1", "reason": "550" });
    // What can't be read doesn't keep the rest of its batch back.
    let body = json!(["odd", odd, bounce]).to_string();
    post(&client, &body, None).await.expect_problem(401, "UNAUTHENTICATED");
    post(&client, &body, Some(sign("[]")))
        .await
        .expect_problem(401, "UNAUTHENTICATED");
    post(&client, &body, Some(sign(&body))).await.expect(204);
    post(&client, &body, Some(sign(&body))).await.expect(204);
    let resident = app
        .admin_create("ana@example.org", "STUDENT", None)
        .sign_in(&client)
        .await;
    let id = resident.get("/auth/me").await.expect(200).json()["user"]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    owner
        .post(&format!("/admin/users/{id}/suspend"), &json!({ "reason": "x" }))
        .await
        .expect(200);
    let mail = await_status(&owner, "account-suspended", "SUPPRESSED").await;
    owner
        .post_empty(&format!("/admin/mail/{}/retry", mail["id"].as_str().expect("an id")))
        .await
        .expect(200);
    client.await_mail("ana@example.org", "account-suspended").await;
}
