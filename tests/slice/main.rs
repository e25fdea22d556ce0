//! The slice: from sign-up to a stored, acknowledged chat message, over the public contracts only.
//!
//! Alone it starts the product itself, and kills it in the middle. Pointed at another installation
//! (`nexus relay` before `spin up`, say) it runs there:
//!
//! ```text
//! NEXUS_SLICE_URL=http://127.0.0.1:3000 NEXUS_SLICE_ADMIN=admin@demo.example:PASSWORD \
//! NEXUS_SLICE_MANAGER=manager@demo.example:PASSWORD [NEXUS_SLICE_RESTART='command that kills and restarts it'] \
//! cargo test --release -p nexus-tests --test slice
//! ```
//!
//! Both accounts belong to the company `demo`, as `nexus demo` makes it.

// A test fails at once, where it went wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod documents;
mod place;

use nexus_tests::{Account, Client, PlainSocket, SocketIo};
use place::Place;
use serde_json::{Value, json};
use uuid::Uuid;

const FIRST_PASSWORD: &str = "First-Choice-7";
const OWN_PASSWORD: &str = "Quiet-River-42";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_gets_from_sign_up_to_a_stored_and_acknowledged_message() {
    let mut place = Place::find().await;
    let client = place.client();
    let email = format!("resident.{}@demo.example", Uuid::now_v7().simple());

    let user_id = register(&client, &email).await;
    let admin = place.admin.sign_in(&client).await;
    approve(&admin, &user_id).await;
    let resident = sign_in_first_time(&client, &email).await;
    let manager = place.manager.sign_in(&client).await;

    let chat = open_chat(&resident, &[&admin, &manager]).await;
    let spoken = converse(&place, &chat, [&admin, &resident, &manager]).await;

    place.kill_and_restart().await;

    let client = place.client();
    let resident = Account::new(&email, OWN_PASSWORD).sign_in(&client).await;
    let kept = history(&resident, &chat).await;
    assert_eq!(kept, spoken, "every acknowledged message is there, in order");
    let next = json!({ "content": "Back again", "tempId": Uuid::now_v7().to_string() });
    let sent = resident
        .post(&format!("/chats/{chat}/messages"), &next)
        .await
        .expect(201);
    assert_eq!(sent.json()["seq"], 4, "seq goes on");
}

async fn register(client: &Client, email: &str) -> String {
    let answer = client
        .post(
            "/auth/register",
            &json!({
                "email": email,
                "password": FIRST_PASSWORD,
                "name": "Rosa Resident",
                "companySlug": "demo",
                "documents": [{
                    "type": "PASSPORT",
                    "fileName": "passport.pdf",
                    "contentType": "application/pdf",
                    "data": documents::base64(&documents::pdf("Passport of Rosa Resident")),
                }],
            }),
        )
        .await
        .expect(201);
    let user = answer.json()["user"].clone();
    assert_eq!(user["status"], "PENDING");
    assert_eq!(user["documents"][0]["contentType"], "application/pdf");
    user["id"].as_str().expect("an id").to_owned()
}

async fn approve(admin: &Client, user_id: &str) {
    let queue = admin
        .get("/admin/verifications?status=PENDING&limit=100")
        .await
        .expect(200)
        .json();
    let case = queue["items"]
        .as_array()
        .and_then(|items| items.iter().find(|case| case["userId"] == user_id))
        .unwrap_or_else(|| panic!("the case is not in the queue: {queue}"));
    let document = case["documents"][0]["id"].as_str().expect("a document");
    let content = admin
        .get(&format!("/admin/documents/{document}/content"))
        .await
        .expect(200);
    assert!(content.body.starts_with(b"%PDF-"));
    let answer = admin
        .post(&format!("/admin/verifications/{user_id}/approve"), &json!({}))
        .await
        .expect(200)
        .json();
    assert_eq!(answer["user"]["status"], "ACTIVE");
    assert_eq!(answer["documents"][0]["verificationStatus"], "APPROVED");
    admin
        .post(&format!("/admin/verifications/{user_id}/approve"), &json!({}))
        .await
        .expect_problem(409, "ALREADY_DECIDED");
}

async fn sign_in_first_time(client: &Client, email: &str) -> Client {
    let mail = client.await_mail(email, "account-approved").await;
    let temporary = mail
        .line(|line| line.chars().count() == 14 && !line.contains(' '))
        .to_owned();
    let credentials = json!({ "email": email, "password": temporary });
    let answer = client.post("/auth/login", &credentials).await.expect(200).json();
    assert_eq!(answer["mustChangePassword"], true);
    let confined = client.with_token(answer["accessToken"].as_str().expect("a token"));
    confined
        .get("/chats")
        .await
        .expect_problem(403, "PASSWORD_CHANGE_REQUIRED");
    let change = json!({ "currentPassword": temporary, "newPassword": OWN_PASSWORD });
    confined.post("/auth/change-password", &change).await.expect(204);
    Account::new(email, OWN_PASSWORD).sign_in(client).await
}

async fn open_chat(owner: &Client, others: &[&Client]) -> String {
    let mut ids = Vec::new();
    for other in others {
        let me = other.get("/auth/me").await.expect(200).json();
        ids.push(me["user"]["id"].as_str().expect("an id").to_owned());
    }
    let chat = json!({ "type": "GROUP", "name": "Moving in", "memberIds": ids });
    let answer = owner.post("/chats", &chat).await.expect(201).json();
    answer["id"].as_str().expect("an id").to_owned()
}

/// Two Socket.IO clients and a plain WebSocket; each says one thing and hears all three. Gives what was
/// acknowledged: seq and content.
async fn converse(place: &Place, chat: &str, [admin, resident, manager]: [&Client; 3]) -> Vec<(i64, String)> {
    let url = place.url();
    let mut first = SocketIo::connect(url, admin.token(), json!({ "transports": ["websocket"] })).await;
    let mut second = SocketIo::connect(url, resident.token(), json!({})).await;
    let mut plain = PlainSocket::connect(url, manager.token()).await;
    let hello = first.next("CONNECTED").await;
    let known = hello["chats"]
        .as_array()
        .expect("chats")
        .iter()
        .any(|known| known["chatId"] == chat);
    assert!(known, "{hello}");
    second.next("CONNECTED").await;
    plain.next("CONNECTED").await;

    let say = |content: &str| json!({ "chatId": chat, "content": content, "tempId": Uuid::now_v7().to_string() });
    let mut spoken = Vec::new();
    for (turn, content) in [
        "Hello from the admin",
        "Hello from the resident",
        "Hello from the manager",
    ]
    .into_iter()
    .enumerate()
    {
        let message = say(content);
        let sent = match turn {
            0 => {
                first.send_with_ack("NEW_MESSAGE", message.clone()).await;
                first.next("ack").await
            }
            1 => {
                second.send("NEW_MESSAGE", message.clone()).await;
                second.next("MESSAGE_SENT").await
            }
            _ => {
                plain.send("NEW_MESSAGE", message.clone()).await;
                plain.next("MESSAGE_SENT").await
            }
        };
        assert_eq!(sent["tempId"], message["tempId"]);
        // Acknowledged is stored: it is in the history before anybody goes on.
        let stored = history(resident, chat).await;
        assert!(
            stored.iter().any(|(seq, text)| sent["seq"] == *seq && text == content),
            "{sent} {stored:?}"
        );
        spoken.push((sent["seq"].as_i64().expect("a seq"), content.to_owned()));
    }
    for (seq, content) in &spoken {
        for heard in [
            next_message(&mut first).await,
            next_message(&mut second).await,
            plain.next("NEW_MESSAGE").await,
        ] {
            assert_eq!((&heard["seq"], &heard["content"]), (&json!(seq), &json!(content)));
        }
    }
    spoken
}

async fn next_message(client: &mut SocketIo) -> Value {
    client.next("NEW_MESSAGE").await
}

async fn history(client: &Client, chat: &str) -> Vec<(i64, String)> {
    let page = client
        .get(&format!("/chats/{chat}/messages?after=0&limit=100"))
        .await
        .expect(200)
        .json();
    let items = page["items"].as_array().expect("items");
    items
        .iter()
        .map(|message| {
            let content = message["content"].as_str().expect("text").to_owned();
            (message["seq"].as_i64().expect("a seq"), content)
        })
        .collect()
}
