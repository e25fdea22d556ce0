use http::Method;
use nexus_domain::Role;
use nexus_domain::password::Password;
use nexus_domain::password_hash::{Hashing, Verdict};
use nexus_domain::settings::PasswordHash;
use nexus_domain::status::UserStatus;
use serde_json::{Value, json};

use super::support::Fixture;

#[tokio::test]
async fn approving_commits_person_documents_history_audit_and_mail_together() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 2).await;
    let answer = f
        .post(&f.admin, &format!("/admin/verifications/{user}/approve"), json!({}))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.headers["x-nexus-nudge"], "mail");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.body["user"]["status"], "ACTIVE");
    assert_eq!(answer.body["user"]["documentVerified"], true);
    for document in answer.body["documents"].as_array().unwrap() {
        assert_eq!(document["verificationStatus"], "APPROVED");
        assert_eq!(document["verifiedBy"], f.admin_id.to_string());
    }
    assert_eq!(
        f.count("SELECT count(*) FROM outbox WHERE template = 'account-approved' AND status = 'PENDING'"),
        1
    );
    assert_eq!(
        f.count("SELECT count(*) FROM audit_log WHERE action = 'user.approved'"),
        1
    );
    let case = f.get(&f.admin, &format!("/admin/verifications/{user}")).await;
    assert_eq!(case.body["status"], "APPROVED");
    assert_eq!(case.body["decisions"][0]["decision"], "APPROVED");
}

#[tokio::test]
async fn the_temporary_password_signs_in_once_and_lies_nowhere_in_the_clear() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    f.post(&f.admin, &format!("/admin/verifications/{user}/approve"), json!({}))
        .await;
    let password = f.sealed()["temporaryPassword"].as_str().unwrap().to_owned();
    assert_eq!(password.len(), 14);
    let row = &f.app.database().query(
        "SELECT password_hash, must_change_password, temporary_password_expires_at - updated_at FROM users WHERE status = 'ACTIVE' AND email = 'ana@example.org'",
        &[],
    ).unwrap()[0];
    let hashing = Hashing::new(PasswordHash::Bcrypt, 4);
    let verdict = hashing.verify(&Password::typed(&password), Some(&row.get::<String>(0).unwrap()));
    assert_eq!(verdict, Verdict::Right { outdated: false });
    assert!(row.get::<bool>(1).unwrap());
    assert_eq!(row.get::<i64>(2).unwrap(), 72 * 3_600_000);
    let dump = f
        .app
        .database()
        .query(
            "SELECT json_group_array(params || coalesce(last_error, '')) FROM outbox",
            &[],
        )
        .unwrap();
    assert!(!dump[0].get::<String>(0).unwrap().contains(&password));
}

#[tokio::test]
async fn the_second_of_two_decisions_is_told_so() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    let path = format!("/admin/verifications/{user}");
    assert_eq!(
        f.post(&f.admin, &format!("{path}/approve"), json!({})).await.status,
        200
    );
    for act in ["approve", "reject"] {
        assert_eq!(
            f.post(&f.admin, &format!("{path}/{act}"), json!({})).await.code(),
            (409, "ALREADY_DECIDED")
        );
    }
    assert_eq!(f.count("SELECT count(*) FROM outbox"), 1);
}

#[tokio::test]
async fn without_documents_there_is_nothing_to_approve_or_reject() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 0).await;
    for act in ["approve", "reject"] {
        let path = format!("/admin/verifications/{user}/{act}");
        let answer = f.post(&f.admin, &path, json!({})).await;
        assert_eq!(answer.code(), (409, "NO_DOCUMENTS"), "{act}");
    }
    assert_eq!(
        f.count("SELECT count(*) FROM audit_log") + f.count("SELECT count(*) FROM outbox"),
        0
    );
}

#[tokio::test]
async fn a_rejection_tells_why_and_its_link_opens_the_case_again() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    let path = format!("/admin/verifications/{user}");
    let answer = f
        .post(&f.admin, &format!("{path}/reject"), json!({ "reason": "Too dark." }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["user"]["status"], "PENDING");
    assert_eq!(answer.body["documents"][0]["verificationStatus"], "REJECTED");
    let token = f.sealed()["token"].as_str().unwrap().to_owned();
    let case = f.get("", &format!("/documents/case?token={token}")).await;
    assert_eq!(
        (case.body["status"].as_str(), case.body["reason"].as_str()),
        (Some("REJECTED"), Some("Too dark."))
    );
    let again = json!({ "token": token, "documents": [
        { "type": "PASSPORT", "fileName": "p.pdf", "contentType": "application/pdf", "data": "JVBERi0xLjcgbmV3ICUlRU9G" }] });
    let answer = f.post("", "/documents/resubmit", again.clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.body["status"], "PENDING");
    assert_eq!(
        f.post("", "/documents/resubmit", again.clone()).await.code(),
        (409, "CONFLICT")
    );
    assert_eq!(
        f.post(&f.admin, &format!("{path}/approve"), json!({})).await.status,
        200
    );
    let case = f.get(&f.admin, &path).await;
    let statuses: Vec<_> = case.body["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["verificationStatus"].clone())
        .collect();
    assert_eq!(statuses, ["REJECTED", "APPROVED"], "history is kept");
    assert_eq!(case.body["decisions"].as_array().unwrap().len(), 2);
    let case = f.get("", &format!("/documents/case?token={token}")).await;
    assert_eq!(
        case.body["status"], "APPROVED",
        "who holds the link may know how it ended"
    );
    let late = f.post("", "/documents/resubmit", again).await;
    assert_eq!(late.code(), (409, "ALREADY_DECIDED"));
}

#[tokio::test]
async fn a_case_that_hasn_t_changed_needn_t_be_sent_again() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    let (path, link) = (format!("/admin/verifications/{user}"), f.link(user));
    let by_link = format!("/documents/case?token={link}");
    for (token, path) in [(f.admin.as_str(), &path), ("", &by_link)] {
        let tag = f.get(token, path).await.headers["etag"].to_str().unwrap().to_owned();
        let again = f
            .send(Method::GET, token, path, None, &[("if-none-match", tag.as_str())])
            .await;
        assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    }
    let tag = f.get(&f.admin, &path).await.headers["etag"]
        .to_str()
        .unwrap()
        .to_owned();
    f.post(&f.admin, &format!("{path}/reject"), json!({})).await;
    let changed = f
        .send(Method::GET, &f.admin, &path, None, &[("if-none-match", tag.as_str())])
        .await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn a_rejection_without_a_reason_gets_one() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    let answer = f
        .send(
            Method::POST,
            &f.admin,
            &format!("/admin/verifications/{user}/reject"),
            None,
            &[],
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let case = f.get(&f.admin, &format!("/admin/verifications/{user}")).await;
    assert!(!case.body["decisions"][0]["reason"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn admins_see_and_decide_their_own_company_s_cases_only() {
    let f = Fixture::new();
    let own = f.applicant("own@example.org", Some(f.company), 1).await;
    let other = f.applicant("other@example.org", Some(f.other_company), 1).await;
    let nobodys = f.applicant("nobodys@example.org", None, 1).await;
    let listed = f
        .get(&f.admin, "/admin/verifications?status=PENDING&withTotal=true")
        .await;
    assert_eq!(listed.body["total"], 1);
    assert_eq!(listed.body["items"][0]["userId"], own.to_string());
    for user in [other, nobodys] {
        let path = format!("/admin/verifications/{user}");
        assert_eq!(f.get(&f.admin, &path).await.code(), (404, "NOT_FOUND"));
        for act in ["approve", "reject"] {
            assert_eq!(
                f.post(&f.admin, &format!("{path}/{act}"), json!({})).await.code(),
                (404, "NOT_FOUND")
            );
        }
    }
    assert_eq!(
        f.get(&f.owner, "/admin/verifications?withTotal=true").await.body["total"],
        3
    );
    let of_one = format!("/admin/verifications?withTotal=true&companyId={}", f.other_company);
    assert_eq!(f.get(&f.owner, &of_one).await.body["total"], 1);
    assert_eq!(f.get(&f.admin, &of_one).await.code(), (404, "NOT_FOUND"));
}

#[tokio::test]
async fn role_and_company_are_never_above_the_admin_s_own() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    let path = format!("/admin/verifications/{user}/approve");
    assert_eq!(
        f.post(&f.admin, &path, json!({ "role": "SUPER_ADMIN" })).await.code(),
        (403, "FORBIDDEN")
    );
    assert_eq!(
        f.post(&f.admin, &path, json!({ "companyId": f.other_company }))
            .await
            .code(),
        (404, "NOT_FOUND")
    );
    assert_eq!(
        f.post(&f.admin, &path, json!({ "surprise": 1 })).await.code(),
        (400, "VALIDATION_FAILED")
    );
    let answer = f.post(&f.admin, &path, json!({ "role": "MANAGER" })).await;
    assert_eq!(answer.body["user"]["role"], "MANAGER");
    let nobodys = f.applicant("nobodys@example.org", None, 1).await;
    let path = format!("/admin/verifications/{nobodys}/approve");
    assert_eq!(
        f.post(&f.owner, &path, json!({ "role": "MANAGER" })).await.code(),
        (400, "VALIDATION_FAILED")
    );
    let answer = f
        .post(&f.owner, &path, json!({ "role": "MANAGER", "companyId": f.company }))
        .await;
    assert_eq!(
        answer.body["user"]["companyId"],
        f.company.to_string(),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn residents_and_managers_have_no_say() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    for role in [Role::Student, Role::Manager] {
        let id = f.user(
            &format!("{role}@haus.example"),
            role,
            Some(f.company),
            UserStatus::Active,
        );
        let token = f.sign_in(id, role, Some(f.company));
        assert_eq!(f.get(&token, "/admin/verifications").await.code(), (403, "FORBIDDEN"));
        assert_eq!(
            f.post(&token, &format!("/admin/verifications/{user}/approve"), json!({}))
                .await
                .code(),
            (403, "FORBIDDEN")
        );
    }
    assert_eq!(f.get("", "/admin/verifications").await.code(), (401, "UNAUTHENTICATED"));
}

#[tokio::test]
async fn the_same_key_gives_the_first_answer_again() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    let path = format!("/admin/verifications/{user}/approve");
    let send = |body: Value| f.send(Method::POST, &f.admin, &path, Some(body), &[("idempotency-key", "k-1")]);
    let first = send(json!({})).await;
    let second = send(json!({})).await;
    assert_eq!(
        (first.status, second.status),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    assert_eq!(first.body, second.body);
    assert_eq!(
        send(json!({ "role": "TENANT" })).await.code(),
        (422, "IDEMPOTENCY_MISMATCH")
    );
    assert_eq!(f.count("SELECT count(*) FROM outbox"), 1);
}

#[tokio::test]
async fn the_queue_is_read_page_by_page_oldest_first() {
    let f = Fixture::new();
    let mut applicants = Vec::new();
    for n in 0..5 {
        let user = f.applicant(&format!("u{n}@example.org"), Some(f.company), 1).await;
        let sql = format!(
            "UPDATE verification_cases SET submitted_at = {} WHERE user_id = '{user}'",
            n / 2
        );
        f.app.database().execute(&sql, &[]).unwrap();
        applicants.push((n / 2, user.to_string(), format!("u{n}@example.org")));
    }
    // Of two that came at once, ids decide; those of one millisecond are in no order.
    applicants.sort();
    for (sort, reversed) in [("submittedAt", false), ("-submittedAt", true)] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = f
                .get(&f.admin, &format!("/admin/verifications?limit=2&sort={sort}{cursor}"))
                .await;
            assert_eq!(page.status, 200, "{}", page.body);
            seen.extend(
                page.body["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["email"].as_str().unwrap().to_owned()),
            );
            match page.body["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let mut expected: Vec<String> = applicants.iter().map(|(.., email)| email.clone()).collect();
        if reversed {
            expected.reverse();
        }
        assert_eq!(seen, expected, "{sort}");
    }
    assert_eq!(
        f.get(&f.admin, "/admin/verifications?cursor=x").await.code(),
        (400, "BAD_CURSOR")
    );
    assert_eq!(
        f.get(&f.admin, "/admin/verifications?limit=0").await.code(),
        (400, "VALIDATION_FAILED")
    );
    assert_eq!(
        f.get(&f.admin, "/admin/verifications?q=U3%40").await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
