//! Changes of objects within a resource (RFC 7396), and what refusals say of other things.

use super::*;

#[tokio::test]
async fn a_part_of_an_address_is_changed_and_the_rest_stays() {
    let product = Product::start();
    let (_, token) = product.person(Role::Manager, Some(product.company()));
    let made = json!({"name": "Green Hills", "address": {"line1": "1 Nile St", "line2": "2nd floor", "city": "Cairo", "country": "EG"}});
    let path = format!(
        "/compounds/{}",
        product.post("/compounds", &token, made).await.is(201).id()
    );
    let change = async |address: Value| product.patch(&path, &token, json!({"address": address})).await;
    let whole = change(json!({"line2": "3rd floor"})).await.is(200);
    assert_eq!(
        whole.json["address"],
        json!({"line1": "1 Nile St", "line2": "3rd floor", "city": "Cairo", "region": null, "postalCode": null, "country": "EG"})
    );
    let emptied = change(json!({"line2": null})).await.is(200);
    assert_eq!(
        (&emptied.json["address"]["line2"], &emptied.json["address"]["city"]),
        (&Value::Null, &json!("Cairo"))
    );
    let unchanged = change(json!({})).await.is(200);
    assert_eq!(unchanged.etag(), emptied.etag(), "an empty object changes nothing");
    for (address, field) in [
        (json!({"city": 5}), "address.city"),
        (json!({"city": ""}), "address.city"),
        (json!({"street": null}), "address.street"),
        (json!(null), "address"),
        (json!([]), "address"),
    ] {
        let refused = change(address.clone()).await.is(400);
        assert_eq!(refused.json["errors"][0]["field"], field, "{address}");
    }
}

#[tokio::test]
async fn a_part_of_a_company_s_settings_is_changed_and_the_rest_stays() {
    let product = Product::start();
    let company = product.company();
    let (_, token) = product.person(Role::Admin, Some(company));
    let path = format!("/companies/{company}");
    let change = async |body: Value| product.patch(&path, &token, body).await;
    let settings = json!({
        "billing": {"dueDays": 9, "reminderDays": 2, "automatic": false},
        "lateFee": {"type": "FIXED", "value": 500, "graceDays": 4},
        "deposit": {"months": 2},
        "branding": {"primaryColor": "#112233", "letterhead": ["One", "Two"]}
    });
    change(settings.clone()).await.is(200);
    let changed = json!({
        "billing": {"dueDays": 12}, "lateFee": {"value": 700}, "deposit": {}, "branding": {"primaryColor": "#445566"}
    });
    let now = change(changed).await.is(200).json;
    assert_eq!(
        now["billing"],
        json!({"dueDays": 12, "reminderDays": 2, "automatic": false})
    );
    assert_eq!(now["lateFee"], json!({"type": "FIXED", "value": 700, "graceDays": 4}));
    assert_eq!(now["deposit"], json!({"months": 2}));
    assert_eq!(
        now["branding"],
        json!({"primaryColor": "#445566", "letterhead": ["One", "Two"]})
    );
    // A list is one value: it is replaced.
    let lines = json!({"branding": {"letterhead": ["Three"], "primaryColor": null}});
    assert_eq!(
        change(lines).await.is(200).json["branding"],
        json!({"letterhead": ["Three"]})
    );
    // The whole is judged, not the part alone.
    let too_much = change(json!({"lateFee": {"type": "PERCENT"}})).await.is(400);
    assert_eq!(too_much.json["errors"][0]["field"], "lateFee");
    for (body, field) in [
        (json!({"billing": {"automatic": null}}), "billing.automatic"),
        (json!({"billing": {"dueDays": null}}), "billing.dueDays"),
        (json!({"lateFee": {"type": null}}), "lateFee.type"),
        (json!({"branding": null}), "branding"),
    ] {
        let refused = change(body).await.is(400);
        assert_eq!(refused.json["errors"][0]["field"], field);
    }
    // To end a fee, its type is enough.
    let ended = change(json!({"lateFee": {"type": "NONE"}})).await.is(200);
    assert_eq!(
        ended.json["lateFee"],
        json!({"type": "NONE", "value": 0, "graceDays": 4})
    );
}

#[tokio::test]
async fn an_id_in_a_body_that_names_nothing_is_404_with_its_field() {
    let product = Product::start();
    let (_, token) = product.person(Role::Admin, Some(product.company()));
    let (apartment, tenant, lease) = product.lease(&token).await;
    let nobody = "019f0000-0000-7000-8000-00000000dead";
    let request = json!({"apartmentId": apartment, "title": "Lift", "description": "Stuck."});
    let request = product
        .post("/maintenance-requests", &token, request)
        .await
        .is(201)
        .id();
    for (path, body, field) in [
        ("/apartments", json!({"compoundId": nobody}), "compoundId"),
        ("/tenants", json!({"userId": nobody}), "userId"),
        ("/occupancies", json!({"apartmentId": nobody}), "apartmentId"),
        (
            "/occupancies",
            json!({"apartmentId": apartment, "tenantId": nobody}),
            "tenantId",
        ),
        ("/invoices", json!({"occupancyId": nobody}), "occupancyId"),
        ("/payments", json!({"invoiceId": nobody}), "invoiceId"),
        ("/maintenance-requests", json!({"apartmentId": nobody}), "apartmentId"),
        ("/maintenance-requests", json!({"assigneeId": nobody}), "assigneeId"),
    ] {
        let refused = product.post(path, &token, body).await.is(404);
        assert_eq!(refused.json["errors"][0]["field"], field, "{path}: {}", refused.text);
        assert_eq!(refused.json["errors"][0]["code"], "NOT_FOUND");
    }
    for (path, body, field) in [
        (
            format!("/apartments/{apartment}"),
            json!({"compoundId": nobody}),
            "compoundId",
        ),
        (format!("/tenants/{tenant}"), json!({"userId": nobody}), "userId"),
        (
            format!("/maintenance-requests/{request}"),
            json!({"attachments": [nobody]}),
            "attachments",
        ),
    ] {
        let refused = product.patch(&path, &token, body).await.is(404);
        assert_eq!(refused.json["errors"][0]["field"], field, "{path}: {}", refused.text);
    }
    // Of an id in the path there is no field to name.
    let unknown = product.get(&format!("/occupancies/{nobody}"), &token).await.is(404);
    assert!(unknown.json["errors"].is_null());
    product.get(&format!("/occupancies/{lease}"), &token).await.is(200);
}

#[tokio::test]
async fn a_thing_that_others_refer_to_stays_and_says_which() {
    let product = Product::start();
    let company = product.company();
    let (_, token) = product.person(Role::Admin, Some(company));
    let (apartment, tenant, lease) = product.lease(&token).await;
    let compound = product.get(&format!("/apartments/{apartment}"), &token).await.json["compoundId"].clone();
    let invoice =
        json!({"occupancyId": lease, "dueDate": "2099-01-01", "lines": [{"description": "Rent", "unitAmount": 1000}]});
    product.post("/invoices", &token, invoice).await.is(201);
    let deposit = json!({"action": "RECEIVE", "amount": 1000});
    product
        .post(&format!("/occupancies/{lease}/deposit"), &token, deposit)
        .await
        .is(200);
    let (_, owner) = product.person(Role::SuperAdmin, None);
    for (path, who, expected) in [
        (
            format!("/compounds/{}", compound.as_str().unwrap()),
            &token,
            json!([{"resource": "apartments", "count": 1}]),
        ),
        (
            format!("/apartments/{apartment}"),
            &token,
            json!([{"resource": "occupancies", "count": 1}]),
        ),
        (
            format!("/tenants/{tenant}"),
            &token,
            json!([{"resource": "occupancies", "count": 1}, {"resource": "invoices", "count": 1}]),
        ),
        (
            format!("/occupancies/{lease}"),
            &token,
            json!([{"resource": "invoices", "count": 1}, {"resource": "deposit", "count": 1}]),
        ),
    ] {
        let refused = product.delete(&path, who).await.is(409);
        assert_eq!(refused.code(), "CONFLICT");
        assert_eq!(refused.json["references"], expected, "{path}");
        assert!(
            refused.json["detail"].as_str().unwrap().contains("1 "),
            "{}",
            refused.text
        );
    }
    let refused = product.delete(&format!("/companies/{company}"), &owner).await.is(409);
    let resources: Vec<_> = refused.json["references"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reference| reference["resource"].as_str().unwrap())
        .collect();
    assert_eq!(
        resources,
        ["users", "compounds", "apartments", "tenants", "occupancies", "invoices"]
    );
}

#[tokio::test]
async fn lists_take_ranges_and_several_values_of_an_enumeration() {
    let product = Product::start();
    let (_, token) = product.person(Role::Admin, Some(product.company()));
    let compound = product
        .post("/compounds", &token, json!({"name": "Green Hills"}))
        .await
        .is(201)
        .id();
    for (number, rent, status) in [
        ("A1", 100, "VACANT"),
        ("A2", 200, "MAINTENANCE"),
        ("A3", 300, "INACTIVE"),
    ] {
        let body = json!({"compoundId": compound, "apartmentNumber": number, "monthlyRent": rent, "status": status});
        product.post("/apartments", &token, body).await.is(201);
    }
    let numbers = async |query: &str| -> Vec<String> {
        let found = product
            .get(&format!("/apartments?sort=apartmentNumber&{query}"), &token)
            .await
            .is(200);
        let items = found.json["items"].as_array().unwrap().clone();
        items
            .iter()
            .map(|item| item["apartmentNumber"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(numbers("monthlyRentFrom=200").await, ["A2", "A3"]);
    assert_eq!(numbers("monthlyRentFrom=100&monthlyRentTo=200").await, ["A1", "A2"]);
    assert_eq!(numbers("status=VACANT,INACTIVE").await, ["A1", "A3"]);
    assert_eq!(numbers("status=VACANT,VACANT").await, ["A1"]);
    assert_eq!(numbers("createdAtTo=2020-01-01T00:00:00.000Z").await, [""; 0]);
    for query in [
        "status=VACANT,",
        "statusFrom=VACANT",
        "monthlyRentFrom=x",
        "floor=9007199254740992",
    ] {
        let refused = product.get(&format!("/apartments?{query}"), &token).await.is(400);
        assert_eq!(refused.json["errors"][0]["field"], query.split('=').next().unwrap());
    }
}
