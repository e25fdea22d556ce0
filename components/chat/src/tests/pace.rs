//! How many messages one person may send by REST.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Nobody listens there.
const NO_RELAY: (&str, &str) = ("relay_url", "http://127.0.0.1:9");

async fn send(scene: &Scene, who: &Person, chat: &str) -> (StatusCode, Option<u64>) {
    let request = Request::post(format!("/api/v1/chats/{chat}/messages"))
        .header(header::AUTHORIZATION, format!("Bearer {}", who.token))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"content":"x"}"#))
        .unwrap();
    let answer = scene.house.router.clone().oneshot(request).await.unwrap();
    let wait = answer.headers().get(header::RETRY_AFTER);
    let wait = wait.map(|wait| wait.to_str().unwrap().parse().unwrap());
    (answer.status(), wait)
}

#[tokio::test]
async fn without_a_relay_the_database_counts_and_refuses_what_is_too_much() {
    let scene = scene_in(house_with(&[NO_RELAY, ("message_rate", "3/10s")]));
    let chat = scene.house.direct(&scene.anna, &scene.ben).await;
    for _ in 0..3 {
        assert_eq!(send(&scene, &scene.anna, &chat).await, (StatusCode::CREATED, None));
    }
    let (status, wait) = send(&scene, &scene.anna, &chat).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=10).contains(&wait.unwrap()), "{wait:?}");
    assert_eq!(send(&scene, &scene.ben, &chat).await.0, StatusCode::CREATED);
    // What isn't let in isn't counted either.
    assert_eq!(send(&scene, &scene.stranger, &chat).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn where_there_is_a_relay_it_says_how_long_to_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut call = Vec::new();
            while !call.ends_with(b"}") {
                stream.read_buf(&mut call).await.unwrap();
            }
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 19\r\n\r\n{\"waitMillis\":4200}";
            stream.write_all(answer).await.unwrap();
        }
    });
    let scene = scene_in(house_with(&[("relay_url", &url)]));
    let chat = chats_between(&scene);
    assert_eq!(
        send(&scene, &scene.anna, &chat).await,
        (StatusCode::TOO_MANY_REQUESTS, Some(5))
    );
}

/// Made in the store: this relay listens to questions only.
fn chats_between(scene: &Scene) -> String {
    use nexus_domain::chat::{ChatType, Viewer};
    let new = nexus_store::chat::chats::NewChat {
        id: clock::new_id(nexus_domain::ids::ChatId::generate),
        kind: ChatType::Direct,
        name: None,
        others: vec![scene.ben.id],
    };
    let viewer = Viewer {
        user: scene.anna.id,
        role: Role::Tenant,
        company: scene.house.company_of(&scene.anna),
    };
    let (chat, _) = nexus_store::chat::chats::create(scene.house.app.database(), viewer, &new, clock::now()).unwrap();
    chat.id.to_string()
}
