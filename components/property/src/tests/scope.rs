use super::*;

#[tokio::test]
async fn another_company_s_ids_are_404_before_anything_else() {
    let product = Product::start();
    let (_, theirs) = product.person(Role::Manager, Some(product.company()));
    let (apartment, tenant, lease) = product.lease(&theirs).await;
    let own = product.company();
    let (_, manager) = product.person(Role::Admin, Some(own));
    for path in [
        format!("/apartments/{apartment}"),
        format!("/tenants/{tenant}"),
        format!("/occupancies/{lease}"),
    ] {
        product.get(&path, &manager).await.is(404);
        product.get(&format!("{path}?surprise=1"), &manager).await.is(404);
        product.patch(&path, &manager, json!({"surprise": 1})).await.is(404);
        product.delete(&path, &manager).await.is(404);
    }
    let (mine, someone, _) = product.lease(&manager).await;
    for (path, body) in [
        (
            "/apartments",
            json!({"compoundId": product.get("/compounds", &theirs).await.json["items"][0]["id"], "surprise": 1}),
        ),
        (
            "/occupancies",
            json!({"apartmentId": apartment, "tenantId": someone, "startDate": "never"}),
        ),
        (
            "/occupancies",
            json!({"apartmentId": mine, "tenantId": tenant, "startDate": "2026-01-01"}),
        ),
        ("/invoices", json!({"occupancyId": lease})),
        ("/maintenance-requests", json!({"apartmentId": apartment})),
    ] {
        product.post(path, &manager, body).await.is(404);
    }
    assert_eq!(
        product
            .get(&format!("/occupancies?apartmentId={apartment}"), &manager)
            .await
            .is(200)
            .json["items"],
        json!([])
    );
    product
        .get(&format!("/apartments?companyId={}", product.company()), &manager)
        .await
        .is(404);
    let (_, owner) = product.person(Role::SuperAdmin, None);
    for list in [
        "companies",
        "compounds",
        "apartments",
        "tenants",
        "occupancies",
        "invoices",
        "payments",
    ] {
        let nobody = clock::new_id(CompanyId::generate);
        let answer = product.get(&format!("/{list}?companyId={nobody}"), &owner).await;
        if list == "companies" {
            assert_eq!(answer.is(200).json["items"], json!([]));
        } else {
            answer.is(404);
        }
    }
    product.get("/apartments", &owner).await.is(400);
    assert_eq!(
        product
            .get(&format!("/apartments?companyId={own}"), &owner)
            .await
            .is(200)
            .json["items"][0]["id"],
        json!(mine)
    );
    product.get(&format!("/apartments/{apartment}"), &owner).await.is(200);
    product
        .get(&format!("/apartments/{apartment}?companyId={own}"), &owner)
        .await
        .is(404);
    product.get("/apartments", "").await.is(401);
}

#[tokio::test]
async fn residents_see_what_is_theirs() {
    let product = Product::start();
    let company = product.company();
    let (_, manager) = product.person(Role::Manager, Some(company));
    let (_, admin) = product.person(Role::Admin, Some(company));
    let (user, resident) = product.person(Role::Student, Some(company));
    let (_, neighbour) = product.person(Role::Tenant, Some(company));
    let (apartment, tenant, lease) = product.lease(&manager).await;
    assert_eq!(
        product.get(&format!("/tenants/{tenant}"), &manager).await.json["nationalId"],
        "**********4567"
    );
    assert_eq!(
        product.get(&format!("/tenants/{tenant}"), &admin).await.json["nationalId"],
        "29801011234567"
    );
    assert_eq!(
        product.get("/occupancies", &resident).await.is(200).json["items"],
        json!([])
    );
    product
        .patch(&format!("/tenants/{tenant}"), &manager, json!({"userId": user}))
        .await
        .is(200);
    assert_eq!(
        product.get("/occupancies", &resident).await.json["items"][0]["id"],
        json!(lease)
    );
    product.get(&format!("/occupancies/{lease}"), &resident).await.is(200);
    product.get(&format!("/occupancies/{lease}"), &neighbour).await.is(404);
    product.get("/apartments", &resident).await.is(403);
    product.get("/tenants", &resident).await.is(403);
    product.post("/occupancies", &resident, json!({})).await.is(403);
    product
        .post("/invoices/generate", &manager, json!({"month": "2026-01"}))
        .await
        .is(200);
    assert_eq!(
        product.get("/invoices", &resident).await.json["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(product.get("/invoices", &neighbour).await.json["items"], json!([]));

    let request = json!({"apartmentId": apartment, "title": "Leak", "description": "Under the sink"});
    product
        .post("/maintenance-requests", &neighbour, request.clone())
        .await
        .is(404);
    let made = product.post("/maintenance-requests", &resident, request).await.is(201);
    let path = format!("/maintenance-requests/{}", made.id());
    product.get(&path, &neighbour).await.is(404);
    product
        .patch(&path, &resident, json!({"status": "RESOLVED"}))
        .await
        .is(403);
    let moved = product
        .patch(&path, &manager, json!({"status": "IN_PROGRESS"}))
        .await
        .is(200);
    assert_eq!(moved.json["history"].as_array().unwrap().len(), 2);
    product
        .patch(&path, &resident, json!({"status": "CLOSED"}))
        .await
        .is(200);
    assert_eq!(
        product
            .patch(&path, &manager, json!({"status": "OPEN"}))
            .await
            .is(422)
            .code(),
        "INVALID_TRANSITION"
    );
}

#[tokio::test]
async fn companies_are_made_by_the_owner_and_settled_by_their_admins() {
    let product = Product::start();
    let (_, owner) = product.person(Role::SuperAdmin, None);
    let body = json!({"name": "Acme", "slug": "acme", "currency": "EGP", "timezone": "Africa/Cairo"});
    let made = product.post("/companies", &owner, body.clone()).await.is(201);
    assert_eq!(
        made.json["lateFee"],
        json!({"type": "NONE", "value": 0, "graceDays": 0})
    );
    assert_eq!(
        product.post("/companies", &owner, body.clone()).await.is(409).code(),
        "CONFLICT"
    );
    let company: CompanyId = made.id().parse().unwrap();
    let (_, admin) = product.person(Role::Admin, Some(company));
    product.post("/companies", &admin, body).await.is(403);
    let path = format!("/companies/{company}");
    let fee = json!({"lateFee": {"type": "PERCENT", "value": 5, "graceDays": 3}, "allowedEmailDomains": ["Uni.edu"]});
    let settled = product.patch(&path, &admin, fee).await.is(200);
    assert_eq!(settled.json["allowedEmailDomains"], json!(["uni.edu"]));
    let wrong = product
        .patch(
            &path,
            &admin,
            json!({"lateFee": {"type": "PERCENT", "value": 101}, "currency": "XXX"}),
        )
        .await
        .is(400);
    assert_eq!(wrong.json["errors"].as_array().unwrap().len(), 2, "{}", wrong.text);
    product.patch(&path, &admin, json!({"isActive": false})).await.is(403);
    assert_eq!(
        product.get("/companies", &admin).await.is(200).json["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    product
        .get(&format!("/companies/{}", product.company()), &admin)
        .await
        .is(404);
    assert_eq!(
        product.delete(&path, &owner).await.is(409).code(),
        "CONFLICT",
        "its admin belongs to it"
    );
}
