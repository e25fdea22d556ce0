use futures::future::join_all;
use nexus_domain::ids::UserId;
use nexus_domain::status::UserStatus;
use nexus_domain::{EmailAddress, Role, Timestamp};
use nexus_store::Database;
use nexus_store::identity::users::{self, NewUser};
use nexus_tests::{Account, Client, TestApp};
use serde_json::json;

use super::{applicant, company, owner, pdf};

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_person_signs_in_with_the_mailed_password_and_must_change_it() {
    let app = TestApp::start().await;
    let owner = owner(&app).await;
    let user = applicant(&app, "ana@example.org", None).await;
    let queue = owner
        .get("/admin/verifications?status=PENDING")
        .await
        .expect(200)
        .json();
    assert_eq!(queue["items"][0]["userId"], user);
    let document = queue["items"][0]["documents"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let content = owner
        .get(&format!("/admin/documents/{document}/content"))
        .await
        .expect(200);
    assert!(content.body.starts_with(b"%PDF-1.7"));
    let decided = owner
        .post_empty(&format!("/admin/verifications/{user}/approve"))
        .await
        .expect(200)
        .json();
    assert_eq!(decided["user"]["status"], "ACTIVE");
    let mail = app.client().await_mail("ana@example.org", "account-approved").await;
    let password =
        mail.line(|line| line.len() == 14 && !line.contains(' ') && line.contains(|c: char| "!@#$%^&*".contains(c)));
    let login = json!({ "email": "ana@example.org", "password": password });
    let session = app.client().post("/auth/login", &login).await.expect(200).json();
    assert_eq!(session["mustChangePassword"], true);
    assert_eq!(session["user"]["emailVerified"], true);
    let client = app
        .client()
        .with_token(session["accessToken"].as_str().expect("a token"));
    client
        .get("/documents")
        .await
        .expect_problem(403, "PASSWORD_CHANGE_REQUIRED");
    let change = json!({ "currentPassword": password, "newPassword": "Quiet-River-43" });
    client.post("/auth/change-password", &change).await.expect(204);
    let signed_in = Account::new("ana@example.org", "Quiet-River-43")
        .sign_in(&app.client())
        .await;
    assert_eq!(
        signed_in.get("/documents").await.expect(200).json()["items"][0]["verificationStatus"],
        "APPROVED"
    );
    assert_eq!(owner.get("/admin/audit/verify").await.expect(200).json()["valid"], true);
}

/// Admins of one company, each with an account and a session of their own.
async fn sixty_four_admins(app: &TestApp) -> Vec<Client> {
    let first = app.admin_create("admin0@example.org", "ADMIN", Some("haus"));
    let database = Database::open_file(&app.database_file()).expect("the database");
    let row = &database
        .query(
            "SELECT password_hash, company_id, created_at FROM users WHERE role = 'ADMIN'",
            &[],
        )
        .expect("rows")[0];
    let hash: String = row.get(0).expect("a hash");
    let now: Timestamp = row.get(2).expect("a time");
    for n in 1..64u8 {
        let email: EmailAddress = format!("admin{n}@example.org").parse().expect("an address");
        let admin = NewUser {
            id: UserId::generate(now, [n; 10]),
            email: &email,
            name: "Admin",
            role: Role::Admin,
            company: row.parse_opt(1).expect("an id"),
            status: UserStatus::Active,
            password_hash: &hash,
            email_verified: true,
            document_verified: true,
            locale: "en",
            now,
        };
        users::insert(&database, &admin).expect("inserted");
    }
    let sign_ins = (0..64).map(|n| Account::new(format!("admin{n}@example.org"), &first.password));
    let client = app.client();
    // One after the other: more hashes at once than cores have to queue, which is tested elsewhere.
    let mut admins = Vec::new();
    for account in sign_ins {
        admins.push(account.sign_in(&client).await);
    }
    admins
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixty_four_admins_deciding_at_once_one_decides() {
    let app = TestApp::start().await;
    let owner = owner(&app).await;
    company(&owner, "haus").await;
    let user = applicant(&app, "ana@example.org", Some("haus")).await;
    let admins = sixty_four_admins(&app).await;
    let decisions = admins.iter().enumerate().map(|(n, admin)| {
        let act = if n % 2 == 0 { "approve" } else { "reject" };
        let path = format!("/admin/verifications/{user}/{act}");
        async move { admin.post_empty(&path).await }
    });
    let answers = join_all(decisions).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let lost = answers
        .iter()
        .filter(|answer| answer.status == 409 && answer.json()["code"] == "ALREADY_DECIDED")
        .count();
    assert_eq!((won, lost), (1, 63));
    let mails = owner
        .get("/admin/mail?q=ana@example.org&limit=100")
        .await
        .expect(200)
        .json();
    let decided =
        mails["items"].as_array().expect("items").iter().filter(|mail| {
            ["account-approved", "documents-rejected"].contains(&mail["template"].as_str().unwrap_or(""))
        });
    assert_eq!(decided.count(), 1);
    let case = owner
        .get(&format!("/admin/verifications/{user}"))
        .await
        .expect(200)
        .json();
    assert_eq!(case["decisions"].as_array().expect("decisions").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_documents_can_be_handed_in_again_by_the_mailed_link() {
    let app = TestApp::start().await;
    let owner = owner(&app).await;
    let user = applicant(&app, "ana@example.org", None).await;
    let path = format!("/admin/verifications/{user}");
    owner
        .post(&format!("{path}/reject"), &json!({ "reason": "Too dark." }))
        .await
        .expect(200);
    let mail = app.client().await_mail("ana@example.org", "documents-rejected").await;
    assert!(mail.text.contains("Too dark."));
    let link = mail.line(|line| line.contains("?token="));
    let token = link.split("?token=").nth(1).expect("a token").to_owned();
    let again = json!({ "token": token, "documents": [pdf("better")] });
    app.client().post("/documents/resubmit", &again).await.expect(201);
    let case = app
        .client()
        .get(&format!("/documents/case?token={token}"))
        .await
        .expect(200)
        .json();
    assert_eq!(case["status"], "PENDING");
    owner.post_empty(&format!("{path}/approve")).await.expect(200);
    owner
        .post_empty(&format!("{path}/approve"))
        .await
        .expect_problem(409, "ALREADY_DECIDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_s_admin_sees_nobody_else_s_cases() {
    let app = TestApp::start().await;
    let owner = owner(&app).await;
    company(&owner, "haus").await;
    company(&owner, "dom").await;
    let admin = app
        .admin_create("admin@example.org", "ADMIN", Some("haus"))
        .sign_in(&app.client())
        .await;
    let own = applicant(&app, "own@example.org", Some("haus")).await;
    let others = [
        applicant(&app, "dom@example.org", Some("dom")).await,
        applicant(&app, "nobody@example.org", None).await,
    ];
    let queue = admin
        .get("/admin/verifications?withTotal=true")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&queue["total"], &queue["items"][0]["userId"]),
        (&json!(1), &json!(own))
    );
    for other in others {
        admin
            .get(&format!("/admin/verifications/{other}"))
            .await
            .expect_problem(404, "NOT_FOUND");
        admin
            .post_empty(&format!("/admin/verifications/{other}/approve"))
            .await
            .expect_problem(404, "NOT_FOUND");
        admin
            .get(&format!("/admin/users/{other}"))
            .await
            .expect_problem(404, "NOT_FOUND");
    }
}
