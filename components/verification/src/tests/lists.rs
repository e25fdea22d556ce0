//! What the lists of admins understand, and that a foreign id is told apart from a bad request.

use http::Method;
use nexus_domain::Role;
use nexus_domain::status::UserStatus;
use serde_json::json;

use super::support::Fixture;

async fn emails(f: &Fixture, token: &str, query: &str) -> Vec<String> {
    let found = f.get(token, &format!("/admin/users?sort=email&{query}")).await;
    assert_eq!(found.status, 200, "{query}: {}", found.body);
    let items = found.body["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["email"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn people_are_listed_by_every_field_and_by_company() {
    let f = Fixture::new();
    f.user("ana@haus.example", Role::Tenant, Some(f.company), UserStatus::Active);
    f.user("ben@haus.example", Role::Student, Some(f.company), UserStatus::Pending);
    f.user(
        "zoe@dom.example",
        Role::Tenant,
        Some(f.other_company),
        UserStatus::Active,
    );
    assert_eq!(
        emails(&f, &f.admin, "role=TENANT,STUDENT").await,
        ["ana@haus.example", "ben@haus.example"]
    );
    assert_eq!(emails(&f, &f.admin, "status=PENDING").await, ["ben@haus.example"]);
    assert_eq!(
        emails(&f, &f.admin, "documentVerified=false").await,
        ["ben@haus.example"]
    );
    assert_eq!(
        emails(&f, &f.admin, "email=ANA%40haus.example").await,
        ["ana@haus.example"]
    );
    assert_eq!(
        emails(&f, &f.admin, "createdAtTo=2020-01-01T00:00:00.000Z").await,
        [""; 0]
    );
    assert_eq!(
        emails(&f, &f.admin, "createdAtFrom=2020-01-01T00:00:00.000Z&role=TENANT").await,
        ["ana@haus.example"]
    );
    let other = format!("companyId={}", f.other_company);
    assert_eq!(emails(&f, &f.owner, &other).await, ["zoe@dom.example"]);
    let foreign = f.get(&f.admin, &format!("/admin/users?{other}")).await;
    assert_eq!(foreign.code(), (404, "NOT_FOUND"));
    assert_eq!(foreign.body["errors"][0]["field"], "companyId");
    let nobody = f
        .get(&f.owner, "/admin/users?companyId=019f0000-0000-7000-8000-00000000dead")
        .await;
    assert_eq!(nobody.code(), (404, "NOT_FOUND"));
    for sort in ["createdAt", "name", "email", "role", "status", "lastLoginAt"] {
        for token in [&f.owner, &f.admin] {
            let page = f
                .get(token, &format!("/admin/users?sort=-{sort}&limit=2&withTotal=true"))
                .await;
            let cursor = page.body["nextCursor"]
                .as_str()
                .unwrap_or_else(|| panic!("{sort}: {}", page.body))
                .to_owned();
            let next = f
                .get(token, &format!("/admin/users?sort=-{sort}&limit=2&cursor={cursor}"))
                .await;
            assert_eq!(next.status, 200, "{sort}: {}", next.body);
            assert_ne!(next.body["items"][0]["id"], page.body["items"][1]["id"]);
        }
    }
}

#[tokio::test]
async fn the_log_is_searched_filtered_and_cut_by_time() {
    let f = Fixture::new();
    let user = f.user("ana@haus.example", Role::Tenant, Some(f.company), UserStatus::Active);
    let path = format!("/admin/users/{user}/suspend");
    let done = f
        .send(Method::POST, &f.admin, &path, Some(json!({ "reason": "Noise" })), &[])
        .await;
    assert_eq!(done.status, 200, "{}", done.body);
    let found = async |token: &str, query: &str| {
        let log = f.get(token, &format!("/admin/audit?withTotal=true&{query}")).await;
        assert_eq!(log.status, 200, "{query}: {}", log.body);
        log.body["total"].as_i64().unwrap()
    };
    for (query, count) in [
        (format!("subjectId={user}"), 1),
        (format!("actorId={}", f.admin_id), 1),
        (format!("actorId={user}"), 0),
        ("q=suspend".into(), 1),
        ("q=nothing".into(), 0),
        ("action=user.suspended&subjectType=user".into(), 1),
        ("from=2020-01-01T00:00:00.000Z&to=2120-01-01T00:00:00.000Z".into(), 1),
        ("to=2020-01-01T00:00:00.000Z".into(), 0),
        ("atFrom=2120-01-01T00:00:00.000Z".into(), 0),
    ] {
        assert_eq!(found(&f.admin, &query).await, count, "{query}");
    }
    assert_eq!(found(&f.owner, &format!("companyId={}", f.company)).await, 1);
    assert_eq!(found(&f.owner, &format!("companyId={}", f.other_company)).await, 0);
    for (query, field) in [
        ("colour=red", "colour"),
        ("at=today", "at"),
        ("actorId=me", "actorId"),
        ("sort=ip", "sort"),
    ] {
        let refused = f.get(&f.admin, &format!("/admin/audit?{query}")).await;
        assert_eq!(refused.code(), (400, "VALIDATION_FAILED"));
        assert_eq!(refused.body["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn lists_say_that_they_depend_on_the_accepted_type_and_so_does_a_304() {
    let f = Fixture::new();
    for path in ["/admin/users", "/admin/audit", "/admin/verifications"] {
        let page = f.get(&f.admin, path).await;
        assert_eq!(page.headers["vary"], "accept", "{path}");
        let tag = page.headers["etag"].to_str().unwrap();
        let same = f
            .send(Method::GET, &f.admin, path, None, &[("if-none-match", tag)])
            .await;
        assert_eq!(
            (same.status.as_u16(), &same.headers["vary"]),
            (304, &page.headers["vary"]),
            "{path}"
        );
    }
}

#[tokio::test]
async fn another_company_s_person_is_404_before_the_body_is_judged() {
    let f = Fixture::new();
    let stranger = f.user(
        "zoe@dom.example",
        Role::Tenant,
        Some(f.other_company),
        UserStatus::Active,
    );
    for act in ["suspend", "ban", "reinstate", "mfa/reset"] {
        for body in [json!({}), json!({ "reason": 5 }), json!([])] {
            let path = format!("/admin/users/{stranger}/{act}");
            let answer = f.post(&f.admin, &path, body).await;
            assert_eq!(answer.code(), (404, "NOT_FOUND"), "{act}");
        }
    }
    let applicant = f.applicant("eve@dom.example", Some(f.other_company), 1).await;
    for act in ["approve", "reject"] {
        let path = format!("/admin/verifications/{applicant}/{act}");
        let answer = f.post(&f.admin, &path, json!({ "surprise": 1 })).await;
        assert_eq!(answer.code(), (404, "NOT_FOUND"), "{act}");
    }
    let path = format!("/admin/users/{stranger}");
    let answer = f
        .send(Method::PATCH, &f.admin, &path, Some(json!({ "role": 5 })), &[])
        .await;
    assert_eq!(answer.code(), (404, "NOT_FOUND"));
    // A company in the body is looked at before the rest of it, and named.
    let own = f.user("ana@haus.example", Role::Tenant, Some(f.company), UserStatus::Active);
    let body = json!({ "companyId": f.other_company, "role": 5 });
    let answer = f
        .send(Method::PATCH, &f.admin, &format!("/admin/users/{own}"), Some(body), &[])
        .await;
    assert_eq!(answer.code(), (404, "NOT_FOUND"));
    assert_eq!(answer.body["errors"][0]["field"], "companyId");
}

#[tokio::test]
async fn a_person_s_version_changes_with_their_last_sign_in() {
    let f = Fixture::new();
    let user = f.user("ana@haus.example", Role::Tenant, Some(f.company), UserStatus::Active);
    let path = format!("/admin/users/{user}");
    let tag = async || {
        f.get(&f.admin, &path).await.headers["etag"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    let before = tag().await;
    assert_eq!(tag().await, before);
    f.app
        .database()
        .execute(
            "UPDATE users SET last_login_at = 5 WHERE id = ?1",
            nexus_store::params![user],
        )
        .unwrap();
    let after = tag().await;
    assert_ne!(before, after);
    let change = async |tag: &str| {
        f.send(
            Method::PATCH,
            &f.admin,
            &path,
            Some(json!({ "role": "STUDENT" })),
            &[("if-match", tag)],
        )
        .await
    };
    assert_eq!(change(&before).await.code(), (412, "PRECONDITION_FAILED"));
    assert_eq!(change(&after).await.status, 200);
}

#[tokio::test]
async fn null_takes_a_person_out_of_their_company_and_is_no_role() {
    let f = Fixture::new();
    let user = f.user("ana@haus.example", Role::Tenant, Some(f.company), UserStatus::Active);
    let path = format!("/admin/users/{user}");
    let change = async |token: &str, body| f.send(Method::PATCH, token, &path, Some(body), &[]).await;
    assert_eq!(
        change(&f.admin, json!({ "role": null })).await.code(),
        (400, "VALIDATION_FAILED")
    );
    assert_eq!(
        change(&f.admin, json!({ "companyId": null })).await.code(),
        (403, "FORBIDDEN")
    );
    let moved = change(&f.owner, json!({ "companyId": null })).await;
    assert_eq!((moved.status.as_u16(), &moved.body["companyId"]), (200, &json!(null)));
}
