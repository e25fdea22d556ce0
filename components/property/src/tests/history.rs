//! `GET /apartments/{id}/history`.

use super::*;

#[tokio::test]
async fn staff_read_what_changed_in_an_apartment_newest_first() {
    let product = Product::start();
    let company = product.company();
    let (manager_id, manager) = product.person(Role::Manager, Some(company));
    let (apartment, _, _) = product.lease(&manager).await;
    let path = format!("/apartments/{apartment}");
    for rent in [320_000, 330_000] {
        product
            .patch(&path, &manager, json!({ "monthlyRent": rent }))
            .await
            .is(200);
    }

    let page = product
        .get(&format!("{path}/history?limit=2&withTotal=true"), &manager)
        .await
        .is(200)
        .json;
    assert_eq!(page["total"], 3);
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!(
        items[0]["details"],
        json!({"changed": {"monthlyRent": [320_000, 330_000]}})
    );
    assert_eq!(items[0]["actorId"], manager_id.to_string());
    assert_eq!(items[0]["actorName"], "A");
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = product
        .get(&format!("{path}/history?limit=2&cursor={cursor}"), &manager)
        .await
        .is(200)
        .json;
    assert_eq!(rest["items"][0]["action"], "apartment.created");
    assert_eq!(rest["nextCursor"], Value::Null);

    let created = product
        .get(&format!("{path}/history?action=apartment.created"), &manager)
        .await
        .is(200)
        .json;
    assert_eq!(created["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_history_of_another_company_s_apartment_is_404_and_residents_get_403() {
    let product = Product::start();
    let company = product.company();
    let (_, manager) = product.person(Role::Manager, Some(company));
    let (apartment, _, _) = product.lease(&manager).await;
    let path = format!("/apartments/{apartment}/history");
    let (_, stranger) = product.person(Role::Admin, Some(product.company()));
    assert_eq!(product.get(&path, &stranger).await.is(404).code(), "NOT_FOUND");
    let (_, resident) = product.person(Role::Tenant, Some(company));
    assert_eq!(product.get(&path, &resident).await.is(403).code(), "FORBIDDEN");
    product.get(&path, "").await.is(401);
}

#[tokio::test]
async fn a_cursor_of_one_apartment_is_not_good_for_another() {
    let product = Product::start();
    let company = product.company();
    let (_, manager) = product.person(Role::Manager, Some(company));
    let (apartment, _, _) = product.lease(&manager).await;
    let other = product.get(&format!("/apartments/{apartment}"), &manager).await.json;
    let body = json!({"compoundId": other["compoundId"], "apartmentNumber": "B2", "monthlyRent": 1});
    let second = product.post("/apartments", &manager, body).await.is(201).id();
    let path = format!("/apartments/{apartment}");
    product.patch(&path, &manager, json!({"floor": 3})).await.is(200);
    let page = product
        .get(&format!("{path}/history?limit=1"), &manager)
        .await
        .is(200)
        .json;
    let cursor = page["nextCursor"].as_str().unwrap();
    let answer = product
        .get(&format!("/apartments/{second}/history?cursor={cursor}"), &manager)
        .await
        .is(400);
    assert_eq!(answer.code(), "BAD_CURSOR");
}
