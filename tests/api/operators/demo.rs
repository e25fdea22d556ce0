//! The demo company: something of everything, and sign-ins that can be had again.

use nexus_tests::{Account, TestApp};
use serde_json::{Value, json};

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().expect("a page")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_company_has_something_of_everything() {
    let app = TestApp::start().await;
    let accounts = app.demo();
    let of_role = |role: &str| accounts.iter().find(|(found, _)| found == role).expect(role).1.clone();
    let client = app.client();
    let owner = of_role("SUPER_ADMIN").sign_in(&client).await;
    let waiting = owner
        .get("/admin/verifications?status=PENDING")
        .await
        .expect(200)
        .json();
    assert!(items(&waiting).len() >= 3, "{waiting}");
    for case in items(&waiting) {
        let document = case["documents"][0]["id"].as_str().expect("a document");
        let content = owner
            .get(&format!("/admin/documents/{document}/content"))
            .await
            .expect(200);
        assert!(content.body.starts_with(b"%PDF-"));
    }
    let manager = of_role("MANAGER").sign_in(&client).await;
    let requests = manager.get("/maintenance-requests?limit=100").await.expect(200).json();
    for status in ["OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED"] {
        assert!(
            items(&requests).iter().any(|request| request["status"] == status),
            "{status}: {requests}"
        );
    }
    let chats = manager.get("/chats").await.expect(200).json();
    let said: i64 = items(&chats).iter().filter_map(|chat| chat["lastSeq"].as_i64()).sum();
    assert!(items(&chats).len() >= 5 && said >= 60, "{said} messages: {chats}");
    assert!(
        items(&chats).iter().all(|chat| chat["unreadCount"].as_i64() <= Some(1)),
        "{chats}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ins_are_given_anew_when_they_are_asked_for() {
    let app = TestApp::start().await;
    let before = app.demo();
    let client = app.client();
    let admin = before
        .iter()
        .find(|(role, _)| role == "ADMIN")
        .expect("an admin")
        .1
        .clone();
    let signed_in = admin.sign_in(&client).await;
    let data = app.data();
    let data = data.to_str().expect("UTF-8");

    let again = app.command(&["demo", "--data", data]).output().expect("nexus runs");
    let told = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(
        again.status.success() && told.contains("--sign-ins") && !told.contains("admin@"),
        "{told}"
    );

    let renewed = app
        .command(&["demo", "--data", data, "--sign-ins"])
        .output()
        .expect("nexus runs");
    assert!(renewed.status.success(), "{}", String::from_utf8_lossy(&renewed.stderr));
    let told = String::from_utf8_lossy(&renewed.stdout).into_owned();
    let after: Vec<Account> = told
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let (email, password) = (words.next()?, words.next()?);
            email.contains("@demo.example").then(|| Account::new(email, password))
        })
        .collect();
    assert_eq!(after.len(), before.len(), "{told}");
    let old = json!({"email": admin.email, "password": admin.password});
    client.post("/auth/login", &old).await.expect(401);
    signed_in.get("/auth/me").await.expect(401);
    for account in after {
        account.sign_in(&client).await;
    }
}
