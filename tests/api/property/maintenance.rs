use nexus_tests::{Answer, TestApp};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;

use super::{estate, made};

#[tokio::test(flavor = "multi_thread")]
async fn a_resident_s_photo_reaches_the_staff_and_nobody_else() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let resident = app.admin_create("mariam@example.org", "STUDENT", Some("haus"));
    let resident = resident.sign_in(&app.client()).await;
    let neighbour = app.admin_create("omar@example.org", "STUDENT", Some("haus"));
    let neighbour = neighbour.sign_in(&app.client()).await;
    let user = resident.get("/auth/me").await.expect(200).json()["user"]["id"].clone();
    let tenant = format!("/tenants/{}", place.tenant);
    place.admin.patch(&tenant, &json!({"userId": user})).await.expect(200);

    let photo = Part::bytes(b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()).file_name("leak.gif");
    let upload = resident
        .request(Method::POST, "/attachments")
        .multipart(Form::new().part("file", photo));
    let photo = Answer::of(upload).await.expect(201).json()["id"].clone();
    let content = format!("/attachments/{}", photo.as_str().expect("an id"));
    place.admin.get(&content).await.expect(404);
    let request = json!({"apartmentId": place.apartment, "title": "Leak", "description": "Under the sink", "attachments": [photo]});
    let request = made(&resident, "/maintenance-requests", request).await;
    assert!(place.admin.get(&content).await.expect(200).body.starts_with(b"GIF89a"));
    neighbour.get(&content).await.expect(404);

    let path = format!("/maintenance-requests/{request}");
    place
        .admin
        .patch(&path, &json!({"status": "IN_PROGRESS"}))
        .await
        .expect(200);
    let told = resident.get("/notifications").await.expect(200).json();
    assert_eq!(told["items"][0]["kind"], "MAINTENANCE_UPDATE", "{told}");
}
