use super::*;

#[tokio::test]
async fn lists_page_filter_search_and_count() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let compound = product
        .post("/compounds", &manager, json!({"name": "One"}))
        .await
        .is(201)
        .id();
    for number in 0..7 {
        let apartment = json!({"compoundId": compound, "apartmentNumber": format!("=A{number}"), "monthlyRent": 100 * (number % 3), "floor": -1});
        product.post("/apartments", &manager, apartment).await.is(201);
    }
    for sort in [
        "apartmentNumber",
        "-apartmentNumber",
        "monthlyRent",
        "-monthlyRent",
        "createdAt",
        "-updatedAt",
        "floor",
        "-bedrooms",
    ] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = product
                .get(
                    &format!("/apartments?limit=3&withTotal=true&sort={sort}{cursor}"),
                    &manager,
                )
                .await
                .is(200);
            assert_eq!(page.json["total"], 7);
            seen.extend(
                page.json["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            match page.json["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let count = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!((count, seen.len()), (7, 7), "{sort}");
    }
    let filtered = product
        .get(
            &format!("/apartments?compoundId={compound}&status=VACANT&monthlyRent=0&withTotal=true"),
            &manager,
        )
        .await
        .is(200);
    assert_eq!(filtered.json["total"], 3);
    assert_eq!(
        product.get("/apartments?q=A6", &manager).await.json["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        product.get("/apartments?surprise=1", &manager).await.is(400).json["errors"][0]["field"],
        "surprise"
    );
    assert_eq!(
        product.get("/apartments?cursor=x", &manager).await.is(400).code(),
        "BAD_CURSOR"
    );
    assert_eq!(
        product.get("/apartments?limit=101", &manager).await.is(400).code(),
        "VALIDATION_FAILED"
    );
    let csv = product
        .send(
            Method::GET,
            "/apartments?sort=apartmentNumber",
            &manager,
            &[("accept", "text/csv")],
            Body::empty(),
        )
        .await
        .is(200);
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(csv.text.lines().count(), 8);
    assert!(csv.text.lines().nth(1).unwrap().contains(",'=A0,-1,"), "{}", csv.text);
}

#[tokio::test]
async fn versions_guard_changes() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let made = product
        .post(
            "/compounds",
            &manager,
            json!({"name": "One", "address": {"city": "Cairo"}}),
        )
        .await
        .is(201);
    let path = format!("/compounds/{}", made.id());
    let tag = made.etag();
    assert_eq!(product.get(&path, &manager).await.is(200).etag(), tag);
    product
        .send(Method::GET, &path, &manager, &[("if-none-match", &tag)], Body::empty())
        .await
        .is(304);
    assert_eq!(
        product.patch(&path, &manager, json!({})).await.is(200).etag(),
        tag,
        "an empty patch changes nothing"
    );
    product.patch(&path, &manager, json!({"name": "Two"})).await.is(200);
    let stale = [("content-type", "application/json"), ("if-match", tag.as_str())];
    let refused = product
        .send(
            Method::PATCH,
            &path,
            &manager,
            &stale,
            json!({"name": "Three"}).to_string(),
        )
        .await
        .is(412);
    assert_eq!(refused.code(), "PRECONDITION_FAILED");
    assert_eq!(
        product.patch(&path, &manager, json!({"name": null})).await.is(400).json["errors"][0]["code"],
        "WRONG_TYPE"
    );
    assert_eq!(
        product.patch(&path, &manager, json!({"colour": 1})).await.is(400).json["errors"][0]["code"],
        "UNKNOWN_PROPERTY"
    );
    let apartment = json!({"compoundId": made.id(), "apartmentNumber": "1", "monthlyRent": 5});
    let apartment_path = format!(
        "/apartments/{}",
        product
            .post("/apartments", &manager, apartment.clone())
            .await
            .is(201)
            .id()
    );
    assert_eq!(
        product.post("/apartments", &manager, apartment).await.is(409).code(),
        "CONFLICT"
    );
    for alike in ["1\u{200b}", "\u{feff}1", "\u{202e}1", "1\u{3164}\u{a0}"] {
        let apartment = json!({"compoundId": made.id(), "apartmentNumber": alike, "monthlyRent": 5});
        product.post("/apartments", &manager, apartment).await.is(409);
    }
    let blank = json!({"compoundId": made.id(), "apartmentNumber": "\u{3164}", "monthlyRent": 5});
    product.post("/apartments", &manager, blank).await.is(400);
    assert_eq!(product.delete(&path, &manager).await.is(409).code(), "CONFLICT");
    assert_eq!(
        product
            .patch(&apartment_path, &manager, json!({"status": "OCCUPIED"}))
            .await
            .is(422)
            .code(),
        "INVALID_TRANSITION"
    );
    assert_eq!(
        product
            .patch(&apartment_path, &manager, json!({"status": "MAINTENANCE", "floor": 3}))
            .await
            .is(200)
            .json["floor"],
        3
    );
    assert_eq!(
        product
            .patch(&apartment_path, &manager, json!({"status": "VACANT", "floor": null}))
            .await
            .is(200)
            .json["floor"],
        Value::Null
    );
    product.delete(&apartment_path, &manager).await.is(204);
    product.delete(&path, &manager).await.is(204);
    product.get(&path, &manager).await.is(404);
}

#[tokio::test]
async fn an_empty_patch_changes_nothing_with_or_without_a_type() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    let (apartment, ..) = product.lease(&manager).await;
    let path = format!("/apartments/{apartment}");
    let before = product.get(&path, &manager).await.is(200).json;
    for headers in [&[][..], &[("content-type", "application/json")][..]] {
        let answer = product
            .send(Method::PATCH, &path, &manager, headers, Body::empty())
            .await
            .is(200);
        assert_eq!(answer.json, before);
    }
    let untyped = product.send(Method::PATCH, &path, &manager, &[], "{}").await.is(415);
    assert_eq!(untyped.code(), "UNSUPPORTED_MEDIA_TYPE");
}

#[tokio::test]
async fn a_list_that_did_not_change_is_not_sent_again() {
    let product = Product::start();
    let (_, manager) = product.person(Role::Manager, Some(product.company()));
    product.lease(&manager).await;
    let path = "/apartments?sort=apartmentNumber";
    let first = product.get(path, &manager).await.is(200);
    let tag = first.etag();
    assert!(tag.starts_with("W/"), "{tag}");
    let known = [("if-none-match", tag.as_str())];
    let again = product.send(Method::GET, path, &manager, &known, Body::empty()).await;
    assert!(again.is(304).bytes.is_empty());
    let id = first.json["items"][0]["id"].as_str().unwrap();
    product
        .patch(&format!("/apartments/{id}"), &manager, json!({"floor": 9}))
        .await
        .is(200);
    let changed = product.send(Method::GET, path, &manager, &known, Body::empty()).await;
    assert_ne!(changed.is(200).etag(), tag);
}
