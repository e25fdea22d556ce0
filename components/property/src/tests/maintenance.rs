//! Photos of maintenance requests.

use super::papers::upload;
use super::*;

#[tokio::test]
async fn a_photo_is_named_once() {
    let product = Product::start();
    let company = product.company();
    let (user, manager) = product.person(Role::Manager, Some(company));
    let (apartment, _, _) = product.lease(&manager).await;
    let first = upload(&product, user, b"one".to_vec(), "image/png").await;
    let second = upload(&product, user, b"two".to_vec(), "image/png").await;
    let request = |photos: Value| json!({"apartmentId": apartment, "title": "Leak", "description": "Sink", "attachments": photos});
    let twice = json!([first, second, first]);
    let refused = |answer: Answer| {
        let answer = answer.is(400);
        assert_eq!(
            (answer.code(), &answer.json["errors"][0]["field"]),
            ("VALIDATION_FAILED", &json!("attachments[2]"))
        );
    };
    refused(
        product
            .post("/maintenance-requests", &manager, request(twice.clone()))
            .await,
    );
    let made = product
        .post("/maintenance-requests", &manager, request(json!([first, second])))
        .await
        .is(201);
    let path = format!("/maintenance-requests/{}", made.id());
    refused(product.patch(&path, &manager, json!({"attachments": twice})).await);

    // One from before this was refused can be worked on, and mended.
    product
        .app
        .database()
        .execute(
            "UPDATE maintenance_requests SET attachments = ?1",
            params![twice.to_string()],
        )
        .unwrap();
    let moved = json!({"status": "IN_PROGRESS"});
    product.patch(&path, &manager, moved).await.is(200);
    let mended = product
        .patch(&path, &manager, json!({"attachments": [second]}))
        .await
        .is(200);
    assert_eq!(mended.json["attachments"], json!([second]));
}
