//! Methods that a resource has not, and what is deleted.

use super::*;

#[tokio::test]
async fn a_method_that_is_not_there_is_405_with_those_that_are() {
    let product = Product::start();
    let (_, token) = product.person(Role::Admin, Some(product.company()));
    for list in [
        "companies",
        "compounds",
        "apartments",
        "tenants",
        "occupancies",
        "invoices",
        "payments",
        "maintenance-requests",
    ] {
        let all = format!("/{list}");
        let one = format!("/{list}/019f0000-0000-7000-8000-00000000dead");
        // Payments are written once.
        let of_one = if list == "payments" {
            "GET,HEAD"
        } else {
            "DELETE,GET,HEAD,PATCH"
        };
        for (method, path, allowed) in [
            (Method::PUT, &all, "GET,HEAD,POST"),
            (Method::DELETE, &all, "GET,HEAD,POST"),
            (Method::PUT, &one, of_one),
            (Method::POST, &one, of_one),
        ] {
            let refused = product.send(method, path, &token, &[], Body::empty()).await.is(405);
            assert_eq!(refused.code(), "METHOD_NOT_ALLOWED");
            let mut told: Vec<_> = refused.headers["allow"].to_str().unwrap().split(',').collect();
            told.sort_unstable();
            assert_eq!(told.join(","), allowed, "{path}");
        }
    }
}

#[tokio::test]
async fn what_was_deleted_is_not_there_to_be_deleted_again() {
    let product = Product::start();
    let company = product.company();
    let (_, owner) = product.person(Role::SuperAdmin, None);
    let (_, token) = product.person(Role::Admin, Some(company));
    let (apartment, _, lease) = product.lease(&token).await;
    let compound = product
        .post("/compounds", &token, json!({"name": "Two"}))
        .await
        .is(201)
        .id();
    let spare = json!({"compoundId": compound, "apartmentNumber": "1", "monthlyRent": 1});
    let spare = product.post("/apartments", &token, spare).await.is(201).id();
    let tenant = json!({"fullName": "Ben", "email": "ben@example.org"});
    let tenant = product.post("/tenants", &token, tenant).await.is(201).id();
    let later = json!({"apartmentId": spare, "tenantId": tenant, "startDate": "2098-01-01"});
    let later = product.post("/occupancies", &token, later).await.is(201).id();
    let draft =
        json!({"occupancyId": lease, "dueDate": "2099-01-01", "lines": [{"description": "Rent", "unitAmount": 1}]});
    let draft = product.post("/invoices", &token, draft).await.is(201).id();
    let request = json!({"apartmentId": apartment, "title": "Leak", "description": "It drips."});
    let request = product
        .post("/maintenance-requests", &token, request)
        .await
        .is(201)
        .id();
    for path in [
        format!("/maintenance-requests/{request}"),
        format!("/invoices/{draft}"),
        format!("/occupancies/{later}"),
        format!("/tenants/{tenant}"),
        format!("/apartments/{spare}"),
        format!("/compounds/{compound}"),
        format!("/companies/{}", product.company()),
    ] {
        assert!(product.delete(&path, &owner).await.is(204).bytes.is_empty(), "{path}");
        assert_eq!(
            product.delete(&path, &owner).await.is(404).code(),
            "NOT_FOUND",
            "{path}"
        );
        product.get(&path, &owner).await.is(404);
    }
}
