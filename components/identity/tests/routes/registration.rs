use http::{Request, StatusCode, header};
use nexus_domain::Role;
use nexus_store::params;
use serde_json::{Value, json};

use crate::support::{PASSWORD, TestApp, account, pdf};

#[tokio::test]
async fn registering_with_a_document_opens_a_case_in_one_commit() {
    let app = TestApp::new();
    let mut body = account("Ana@Example.org");
    body["documents"] = json!([pdf()]);
    let reply = app.post("/auth/register", body).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    let user = &reply.body["user"];
    for (member, value) in [
        ("email", json!("Ana@Example.org")),
        ("name", json!("Ana Kos")),
        ("role", json!("STUDENT")),
        ("companyId", Value::Null),
        ("status", json!("PENDING")),
        ("emailVerified", json!(false)),
        ("documentVerified", json!(false)),
        ("mfaEnabled", json!(false)),
    ] {
        assert_eq!(user[member], value, "{member}");
    }
    let document = &user["documents"][0];
    assert_eq!(document["type"], "PASSPORT");
    assert_eq!(document["verificationStatus"], "PENDING");
    assert_eq!(document["size"], 35);
    assert_eq!(reply.body["documents"], user["documents"]);
    assert_eq!(reply.headers["x-nexus-nudge"], "mail");
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert_eq!(
        app.number("SELECT count(*) FROM verification_cases WHERE status = 'PENDING'"),
        1
    );
    assert_eq!(
        app.number("SELECT count(*) FROM audit_log WHERE action = 'user.registered'"),
        1
    );
    let mails = app.mails("Ana@Example.org");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].0, "verification-otp");
    assert_eq!(mails[0].1["otp"].as_str().unwrap().len(), 6);
}

#[tokio::test]
async fn who_registers_without_documents_is_mailed_a_link_to_hand_them_in() {
    let app = TestApp::new();
    let reply = app.post("/auth/register", account("ana@example.org")).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    let token = app.link_token("ana@example.org", "documents-requested");
    let hash = nexus_domain::document::LinkToken::hash(&token);
    let found =
        nexus_store::verification::documents::find_link(app.database(), &hash, nexus_kit::clock::now()).unwrap();
    assert_eq!(found.unwrap().to_string(), reply.text("/user/id"));
}

#[tokio::test]
async fn a_form_with_files_is_taken_as_well() {
    let app = TestApp::new();
    let account = account("ana@example.org");
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"account\"\r\nContent-Type: application/json\r\n\r\n{account}\r\n\
         --b\r\nContent-Disposition: form-data; name=\"documents\"; filename=\"p.pdf\"\r\nContent-Type: application/pdf\r\n\r\n\
         %PDF-1.7 x %%EOF\r\n--b--\r\n"
    );
    let request =
        Request::post("/api/v1/auth/register").header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    let reply = app.send(request.body(body.into()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
    assert_eq!(reply.body["documents"][0]["fileName"], "p.pdf");
}

#[tokio::test]
async fn a_taken_address_is_409_whatever_its_case() {
    let app = TestApp::new();
    app.active_user("ana@example.org", Role::Student);
    let reply = app.post("/auth/register", account("ANA@example.org")).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::CONFLICT, "EMAIL_TAKEN"));
}

#[tokio::test]
async fn with_hidden_disclosure_free_and_taken_addresses_are_answered_alike_and_the_owner_is_told() {
    let app = TestApp::with(&[("registration_disclosure", "hidden")]);
    app.active_user("taken@example.org", Role::Student);
    let free = app.post("/auth/register", account("free@example.org")).await;
    let taken = app.post("/auth/register", account("taken@example.org")).await;
    assert_eq!(free.status, StatusCode::ACCEPTED);
    assert_eq!((free.status, &free.body), (taken.status, &taken.body));
    assert_eq!(app.mails("taken@example.org")[0].0, "registration-attempted");
    assert_eq!(app.number("SELECT count(*) FROM users"), 2);
}

#[tokio::test]
async fn only_a_residents_role_can_be_asked_for() {
    let app = TestApp::new();
    for role in ["MANAGER", "ADMIN", "SUPER_ADMIN", "KING"] {
        let mut body = account("ana@example.org");
        body["role"] = json!(role);
        let reply = app.post("/auth/register", body).await;
        assert_eq!(
            (reply.status, reply.code()),
            (StatusCode::BAD_REQUEST, "VALIDATION_FAILED"),
            "{role}"
        );
        assert_eq!(reply.text("/errors/0/field"), "role");
    }
    let mut body = account("ana@example.org");
    body["role"] = json!("TENANT");
    assert_eq!(app.post("/auth/register", body).await.text("/user/role"), "TENANT");
}

#[tokio::test]
async fn every_broken_password_rule_is_listed() {
    let app = TestApp::new();
    let mut body = account("ana@example.org");
    body["password"] = json!("xkqzv");
    let reply = app.post("/auth/register", body).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "WEAK_PASSWORD"));
    assert_eq!(reply.broken(), ["TOO_SHORT", "NO_UPPERCASE", "NO_DIGIT", "NO_SPECIAL"]);
    assert_eq!(reply.text("/errors/0/field"), "password");
}

#[tokio::test]
async fn unknown_properties_are_named() {
    let app = TestApp::new();
    let mut body = account("ana@example.org");
    body["status"] = json!("ACTIVE");
    let reply = app.post("/auth/register", body).await;
    assert_eq!(
        (reply.code(), reply.text("/errors/0/field")),
        ("VALIDATION_FAILED", "status".to_owned())
    );
}

#[tokio::test]
async fn a_company_lets_in_addresses_of_its_domains_only() {
    let app = TestApp::new();
    let company = app.company("riverside", &["uni.example.edu"]);
    let register = |email: &str, slug: &str| {
        let mut body = account(email);
        body["companySlug"] = json!(slug);
        app.post("/auth/register", body)
    };
    let refused = register("ana@example.org", "riverside").await;
    assert_eq!(
        (refused.code(), refused.broken()),
        ("VALIDATION_FAILED", vec!["EMAIL_DOMAIN_NOT_ALLOWED"])
    );
    let unknown = register("ana@uni.example.edu", "nowhere").await;
    assert_eq!(unknown.broken(), ["UNKNOWN_COMPANY"]);
    let taken = register("ana@UNI.example.edu", "riverside").await;
    assert_eq!(taken.text("/user/companyId"), company.to_string());
    app.sql("UPDATE companies SET is_active = 0 WHERE id = ?1", params![company]);
    assert_eq!(
        register("bo@uni.example.edu", "riverside").await.broken(),
        ["UNKNOWN_COMPANY"]
    );
}

#[tokio::test]
async fn a_document_that_is_not_what_it_says_is_refused_and_nothing_is_kept() {
    let app = TestApp::new();
    let mut body = account("ana@example.org");
    let mut document = pdf();
    document["contentType"] = json!("image/png");
    body["documents"] = json!([document]);
    let reply = app.post("/auth/register", body).await;
    assert_eq!(
        (reply.status, reply.code()),
        (StatusCode::BAD_REQUEST, "INVALID_DOCUMENT")
    );
    assert_eq!(app.number("SELECT count(*) FROM users"), 0);
}

#[tokio::test]
async fn a_pending_person_learns_so_only_with_the_right_password() {
    let app = TestApp::new();
    app.post("/auth/register", account("ana@example.org")).await;
    let right = app.sign_in("ana@example.org", PASSWORD).await;
    assert_eq!(
        (right.status, right.code()),
        (StatusCode::UNAUTHORIZED, "ACCOUNT_PENDING")
    );
    let wrong = app.sign_in("ana@example.org", "Wrong-River-42").await;
    assert_eq!(wrong.code(), "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn nobodys_mailbox_is_filled_by_registering_its_address_again_and_again() {
    let app = TestApp::with(&[("registration_disclosure", "hidden")]);
    app.active_user("taken@example.org", Role::Student);
    for _ in 0..8 {
        let reply = app.post("/auth/register", account("taken@example.org")).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED);
    }
    assert_eq!(app.mails("taken@example.org").len(), 5);
}

#[tokio::test]
async fn documents_of_a_registration_that_failed_are_deleted_an_hour_later() {
    let app = TestApp::with(&[("registration_disclosure", "hidden")]);
    app.active_user("taken@example.org", Role::Student);
    let mut body = account("taken@example.org");
    body["documents"] = json!([pdf()]);
    app.post("/auth/register", body.clone()).await;
    assert_eq!(app.number("SELECT count(*) FROM documents"), 0);
    assert_eq!(app.number("SELECT count(*) FROM discarded_blobs"), 1);
    app.run_retention().await;
    assert_eq!(app.number("SELECT count(*) FROM discarded_blobs"), 1, "not yet");
    app.sql("UPDATE discarded_blobs SET at = at - 3600001", &[]);
    assert_eq!(app.run_retention().await.status, StatusCode::OK);
    assert_eq!(app.number("SELECT count(*) FROM discarded_blobs"), 0);
}
