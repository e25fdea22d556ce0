use http::Method;
use nexus_domain::Role;
use nexus_domain::ids::UserId;
use nexus_domain::status::UserStatus;
use serde_json::json;

use super::support::Fixture;

fn resident(f: &Fixture, email: &str) -> UserId {
    f.user(email, Role::Tenant, Some(f.company), UserStatus::Active)
}

#[tokio::test]
async fn a_suspended_person_s_sessions_end_and_they_are_told() {
    let f = Fixture::new();
    let user = resident(&f, "ana@haus.example");
    let token = f.sign_in(user, Role::Tenant, Some(f.company));
    assert_eq!(f.get(&token, "/documents").await.status, 200);
    let path = format!("/admin/users/{user}");
    let answer = f
        .post(&f.admin, &format!("{path}/suspend"), json!({ "reason": "Noise" }))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.body["status"].as_str()),
        (200, Some("SUSPENDED")),
        "{}",
        answer.body
    );
    assert_eq!(f.get(&token, "/documents").await.code(), (401, "INVALID_TOKEN"));
    assert_eq!(
        f.count("SELECT count(*) FROM outbox WHERE template = 'account-suspended'"),
        1
    );
    assert_eq!(
        f.post(&f.admin, &format!("{path}/suspend"), json!({ "reason": "x" }))
            .await
            .code(),
        (422, "INVALID_TRANSITION")
    );
    assert_eq!(
        f.post(&f.admin, &format!("{path}/ban"), json!({ "reason": "x" }))
            .await
            .body["status"],
        "BANNED"
    );
    assert_eq!(
        f.post(&f.admin, &format!("{path}/reinstate"), json!({ "reason": "ok" }))
            .await
            .body["status"],
        "ACTIVE"
    );
    assert_eq!(
        f.get(&token, "/documents").await.status,
        401,
        "a session that ended stays ended"
    );
    assert_eq!(
        f.post(&f.admin, &format!("{path}/suspend"), json!({})).await.code(),
        (400, "VALIDATION_FAILED")
    );
    assert_eq!(f.count("SELECT count(*) FROM audit_log"), 3);
}

#[tokio::test]
async fn somebody_who_was_never_let_in_waits_on_after_being_reinstated() {
    let f = Fixture::new();
    let user = f.applicant("ana@example.org", Some(f.company), 1).await;
    let path = format!("/admin/users/{user}");
    assert_eq!(
        f.post(&f.admin, &format!("{path}/ban"), json!({ "reason": "x" }))
            .await
            .body["status"],
        "BANNED"
    );
    let approve = format!("/admin/verifications/{user}/approve");
    assert_eq!(
        f.post(&f.admin, &approve, json!({})).await.code(),
        (409, "CONFLICT"),
        "a ban isn't lifted by an approval"
    );
    assert_eq!(
        f.post(&f.admin, &format!("{path}/reinstate"), json!({ "reason": "x" }))
            .await
            .body["status"],
        "PENDING"
    );
    assert_eq!(f.post(&f.admin, &approve, json!({})).await.status, 200);
}

#[tokio::test]
async fn nobody_acts_on_themselves_or_on_those_above_them() {
    let f = Fixture::new();
    let above = f.user(
        "boss@haus.example",
        Role::SuperAdmin,
        Some(f.company),
        UserStatus::Active,
    );
    for user in [f.admin_id, above] {
        for act in ["suspend", "ban", "mfa/reset"] {
            let answer = f
                .post(
                    &f.admin,
                    &format!("/admin/users/{user}/{act}"),
                    json!({ "reason": "x" }),
                )
                .await;
            assert_eq!(answer.code(), (403, "FORBIDDEN"), "{act}");
        }
        let change = f
            .send(
                Method::PATCH,
                &f.admin,
                &format!("/admin/users/{user}"),
                Some(json!({ "role": "TENANT" })),
                &[],
            )
            .await;
        assert_eq!(change.code(), (403, "FORBIDDEN"));
    }
}

#[tokio::test]
async fn a_person_s_role_and_company_can_be_changed_within_one_s_own() {
    let f = Fixture::new();
    let user = resident(&f, "ana@haus.example");
    let path = format!("/admin/users/{user}");
    let tag = f.get(&f.admin, &path).await.headers["etag"]
        .to_str()
        .unwrap()
        .to_owned();
    let patch = |token: String, body, tag: Option<String>| {
        let (f, path) = (&f, path.clone());
        async move {
            let headers: Vec<(&str, &str)> = tag.iter().map(|tag| ("if-match", tag.as_str())).collect();
            f.send(Method::PATCH, &token, &path, Some(body), &headers).await
        }
    };
    assert_eq!(
        patch(f.admin.clone(), json!({ "role": "SUPER_ADMIN" }), None)
            .await
            .code(),
        (403, "FORBIDDEN")
    );
    assert_eq!(
        patch(f.admin.clone(), json!({ "companyId": f.other_company }), None)
            .await
            .code(),
        (404, "NOT_FOUND")
    );
    let changed = patch(f.admin.clone(), json!({ "role": "MANAGER" }), Some(tag.clone())).await;
    assert_eq!(
        (changed.status.as_u16(), changed.body["role"].as_str()),
        (200, Some("MANAGER"))
    );
    assert_eq!(
        patch(f.admin.clone(), json!({ "role": "TENANT" }), Some(tag.clone()))
            .await
            .code(),
        (412, "PRECONDITION_FAILED")
    );
    let unchanged = patch(f.admin.clone(), json!({}), None).await;
    assert_eq!(
        unchanged.headers["etag"], changed.headers["etag"],
        "an empty change changes nothing"
    );
    let fresh = f
        .send(
            Method::GET,
            &f.admin,
            &path,
            None,
            &[("if-none-match", changed.headers["etag"].to_str().unwrap())],
        )
        .await;
    assert_eq!(fresh.status, 304);
    let moved = patch(f.owner.clone(), json!({ "companyId": f.other_company }), None).await;
    assert_eq!(moved.body["companyId"], f.other_company.to_string());
    assert_eq!(
        f.get(&f.admin, &path).await.code(),
        (404, "NOT_FOUND"),
        "out of sight in another company"
    );
}

#[tokio::test]
async fn people_are_found_by_status_role_and_part_of_their_name() {
    let f = Fixture::new();
    resident(&f, "ana@haus.example");
    f.user(
        "zoe@dom.example",
        Role::Tenant,
        Some(f.other_company),
        UserStatus::Active,
    );
    let found = f
        .get(
            &f.admin,
            "/admin/users?role=TENANT&status=ACTIVE&q=ANA%40&withTotal=true",
        )
        .await;
    assert_eq!(
        (found.body["total"].as_i64(), found.body["items"][0]["email"].as_str()),
        (Some(1), Some("ana@haus.example"))
    );
    assert_eq!(f.get(&f.owner, "/admin/users?withTotal=true").await.body["total"], 4);
    for sort in ["name", "-email", "createdAt"] {
        let first = f.get(&f.owner, &format!("/admin/users?limit=3&sort={sort}")).await;
        let next = first.body["nextCursor"].as_str().unwrap().to_owned();
        let second = f
            .get(&f.owner, &format!("/admin/users?limit=3&sort={sort}&cursor={next}"))
            .await;
        assert_eq!(
            second.body["items"].as_array().unwrap().len(),
            1,
            "{sort}: {}",
            second.body
        );
        assert_eq!(
            f.get(&f.owner, &format!("/admin/users?cursor={next}&sort=-name"))
                .await
                .code(),
            (400, "BAD_CURSOR")
        );
    }
    assert_eq!(
        f.get(&f.admin, "/admin/users?sort=passwordHash").await.code(),
        (400, "VALIDATION_FAILED")
    );
    assert_eq!(
        f.get(&f.admin, "/admin/users?colour=red").await.code(),
        (400, "VALIDATION_FAILED")
    );
}

#[tokio::test]
async fn resetting_a_second_factor_is_audited_and_the_person_told() {
    let f = Fixture::new();
    let user = resident(&f, "ana@haus.example");
    let token = f.sign_in(user, Role::Tenant, Some(f.company));
    let answer = f
        .post(
            &f.admin,
            &format!("/admin/users/{user}/mfa/reset"),
            json!({ "reason": "phone lost" }),
        )
        .await;
    assert_eq!(answer.status, 204, "{}", answer.body);
    assert_eq!(f.get(&token, "/documents").await.status, 401);
    assert_eq!(f.count("SELECT count(*) FROM outbox WHERE template = 'mfa-reset'"), 1);
    assert_eq!(
        f.count("SELECT count(*) FROM audit_log WHERE action = 'user.mfa_reset'"),
        1
    );
}

#[tokio::test]
async fn the_log_is_read_per_company_and_verified_by_the_owner() {
    let f = Fixture::new();
    let user = resident(&f, "ana@haus.example");
    let other = f.user(
        "zoe@dom.example",
        Role::Tenant,
        Some(f.other_company),
        UserStatus::Active,
    );
    for id in [user, other] {
        f.post(
            &f.owner,
            &format!("/admin/users/{id}/suspend"),
            json!({ "reason": "x" }),
        )
        .await;
    }
    let log = f.get(&f.admin, "/admin/audit?withTotal=true").await;
    assert_eq!(
        (log.body["total"].as_i64(), log.body["items"][0]["action"].as_str()),
        (Some(1), Some("user.suspended"))
    );
    assert_eq!(log.body["items"][0]["subjectId"], user.to_string());
    assert_eq!(
        f.get(&f.owner, "/admin/audit").await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(f.get(&f.admin, "/admin/audit/verify").await.code(), (403, "FORBIDDEN"));
    let verified = f.get(&f.owner, "/admin/audit/verify").await;
    assert_eq!(
        verified.body,
        json!({ "entries": 2, "valid": true, "firstBroken": null })
    );
}

#[tokio::test]
async fn an_act_that_is_sent_again_under_its_key_is_done_once() {
    let f = Fixture::new();
    let id = resident(&f, "ana@example.org");
    let body = json!({ "reason": "Noise" });
    let send = async |act: &str, key: &str, body: &serde_json::Value| {
        let path = format!("/admin/users/{id}/{act}");
        let headers = [("idempotency-key", key)];
        f.send(Method::POST, &f.admin, &path, Some(body.clone()), &headers)
            .await
    };
    for (act, status, action) in [("suspend", 200, "user.suspended"), ("mfa/reset", 204, "user.mfa_reset")] {
        let first = send(act, act, &body).await;
        let again = send(act, act, &body).await;
        assert_eq!(
            (first.status.as_u16(), again.status.as_u16()),
            (status, status),
            "{act}"
        );
        assert_eq!(first.bytes, again.bytes);
        assert_eq!(again.headers["idempotency-replayed"], "true");
        let other = send(act, act, &json!({ "reason": "Other" })).await;
        assert_eq!(other.code(), (422, "IDEMPOTENCY_MISMATCH"));
        let logged = format!("SELECT count(*) FROM audit_log WHERE action = '{action}'");
        assert_eq!(f.count(&logged), 1, "{act}");
    }
    assert_eq!(f.count("SELECT count(*) FROM outbox"), 2, "one mail each");
}
