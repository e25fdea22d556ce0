use futures::future::join_all;
use nexus_tests::TestApp;
use serde_json::json;

use super::{credentials, resident};

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_get_one_successor_and_an_older_token_ends_the_family() {
    let app = TestApp::start().await;
    let account = resident(&app, "ana@example.org");
    let client = app.client();
    let signed_in = client
        .post("/auth/login", &credentials(&account.email, &account.password))
        .await
        .expect(200)
        .json();
    let first = json!({ "refreshToken": signed_in["refreshToken"] });
    let tabs = join_all([0, 1].map(|_| client.post("/auth/refresh", &first))).await;
    let successors: Vec<_> = tabs
        .into_iter()
        .map(|tab| tab.expect(200).json()["refreshToken"].clone())
        .collect();
    assert_eq!(successors[0], successors[1]);
    let second = json!({ "refreshToken": successors[0] });
    let third = client.post("/auth/refresh", &second).await.expect(200).json();
    client
        .post("/auth/refresh", &first)
        .await
        .expect_problem(401, "TOKEN_REUSED");
    let last = json!({ "refreshToken": third["refreshToken"] });
    assert_eq!(client.post("/auth/refresh", &last).await.status, 401);
    let session = client.with_token(third["accessToken"].as_str().expect("a token"));
    session.get("/auth/me").await.expect_problem(401, "INVALID_TOKEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_is_seen_by_every_component_at_once() {
    let app = TestApp::start().await;
    let account = resident(&app, "ana@example.org");
    let session = app.sign_in(&account).await;
    for path in ["/auth/me", "/chats", "/documents"] {
        session.get(path).await.expect(200);
    }
    session.post_empty("/auth/logout").await.expect(204);
    for path in ["/auth/me", "/chats", "/documents"] {
        session.get(path).await.expect_problem(401, "INVALID_TOKEN");
    }
}
