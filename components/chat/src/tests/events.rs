use nexus_domain::chat::{Chat, ChatType, MAX_MEMBERS, Member};
use nexus_domain::ids::{AttachmentId, ChatId, MessageId};
use nexus_domain::message::{Attachment, MAX_ATTACHMENTS, MAX_CHARACTERS, Message, MessageType, TempId};
use nexus_protocol::relay::{MAX_EVENTS_BYTES, RelayEvent, RelayEvents};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::events;

/// Listens in the relay's place.
struct Relay {
    url: String,
    told: mpsc::UnboundedReceiver<Value>,
}

impl Relay {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Some(body) = take_call(stream).await else { continue };
                tell.send(serde_json::from_slice::<Value>(&body).unwrap()["events"].take())
                    .unwrap();
            }
        });
        Self { url, told }
    }

    /// The events of the next call.
    async fn next(&mut self) -> Value {
        self.told.recv().await.unwrap()
    }
}

/// The body of a call that tells of events. Everybody may send as much as they like.
async fn take_call(mut stream: TcpStream) -> Option<Vec<u8>> {
    let mut call = Vec::new();
    loop {
        stream.read_buf(&mut call).await.unwrap();
        let Some(end) = call.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(call[..end].to_vec()).unwrap().to_lowercase();
        let asks = head.starts_with("post /relay/admit ");
        assert!(asks || head.starts_with("post /relay/events ") && head.contains("x-nexus-signature:"));
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if call.len() >= end + 4 + length {
            let answer: &[u8] = match asks {
                true => b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 19\r\n\r\n{\"waitMillis\":null}",
                false => b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
            };
            stream.write_all(answer).await.unwrap();
            return (!asks).then(|| call.split_off(end + 4));
        }
    }
}

/// Whom a chat is told to, in the order of their ids.
fn told_to(event: &Value) -> Vec<String> {
    let pairs = event["unread"].as_array().unwrap();
    let mut users: Vec<_> = pairs.iter().map(|pair| pair[0].as_str().unwrap().to_owned()).collect();
    users.sort();
    users
}

fn ids(people: &[&Person]) -> Vec<String> {
    let mut ids: Vec<_> = people.iter().map(|person| person.id.to_string()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn what_rest_does_to_a_group_is_told_to_whom_it_concerns() {
    let mut relay = Relay::listen().await;
    let Scene { house, anna, ben, .. } = scene_in(house_with(&[("relay_url", &relay.url)]));
    let company = house.company_of(&anna);
    let cleo = house.person("Cleo", Role::Manager, company);
    let body = json!({"type": "GROUP", "name": "One", "memberIds": [ben.id]});
    let (_, chat) = house.call(&anna, "POST", "/chats", Some(body)).await;
    let (id, path) = (chat["id"].clone(), format!("/chats/{}", chat["id"].as_str().unwrap()));
    let told = relay.next().await;
    assert_eq!(
        (&told[0]["kind"], &told[0]["userIds"]),
        (&json!("joined"), &json!([anna.id, ben.id]))
    );
    assert_eq!((&told[1]["event"], &told[1]["chat"]), (&json!("CHAT_CREATED"), &chat));
    assert_eq!(told_to(&told[1]), ids(&[&anna, &ben]));

    let body = json!({"userIds": [cleo.id, ben.id]});
    house.call(&anna, "POST", &format!("{path}/members"), Some(body)).await;
    let told = relay.next().await;
    assert_eq!(
        (&told[0]["kind"], &told[0]["userIds"]),
        (&json!("joined"), &json!([cleo.id]))
    );
    assert_eq!(told[1]["event"], "CHAT_CREATED");
    assert_eq!(told_to(&told[1]), ids(&[&cleo]), "the others have it");
    let added =
        json!({"kind": "toChat", "chatId": id, "event": "MEMBER_ADDED", "data": {"chatId": id, "userId": cleo.id}});
    assert_eq!((&told[2], told.as_array().unwrap().len()), (&added, 3));

    house
        .call(
            &anna,
            "POST",
            &format!("{path}/messages"),
            Some(json!({"content": "x"})),
        )
        .await;
    assert_eq!(relay.next().await[0]["kind"], "messageStored");
    house.call(&ben, "PATCH", &path, Some(json!({"name": "Two"}))).await;
    let told = relay.next().await;
    assert_eq!(
        (&told[0]["event"], &told[0]["chat"]["name"]),
        (&json!("CHAT_UPDATED"), &json!("Two"))
    );
    assert_eq!(told_to(&told[0]), ids(&[&anna, &ben, &cleo]));
    let of_anna = json!([anna.id, 0]);
    let unread = told[0]["unread"].as_array().unwrap();
    assert!(
        unread.contains(&of_anna) && unread.contains(&json!([cleo.id, 1])),
        "{unread:?}"
    );

    let read = |seq: i64| Some(json!({"seq": seq}));
    for seq in [1, 1, 0] {
        let (status, _) = house.call(&ben, "POST", &format!("{path}/read"), read(seq)).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    let told = relay.next().await;
    let marked = json!({"chatId": id, "userId": ben.id, "seq": 1});
    assert_eq!(
        told,
        json!([{"kind": "toChat", "chatId": id, "event": "MESSAGE_READ", "data": marked}]),
        "to all connections of the room"
    );

    let member = format!("{path}/members/{}", cleo.id);
    house.call(&anna, "DELETE", &member, None).await;
    let told = relay.next().await;
    let gone = json!({"chatId": id, "userId": cleo.id});
    assert_eq!(
        told,
        json!([
            {"kind": "toChat", "chatId": id, "event": "MEMBER_REMOVED", "data": gone},
            {"kind": "left", "chatId": id, "userId": cleo.id}
        ]),
        "and nothing between: marks that did not move are no event"
    );
    for (method, path, body) in [
        ("GET", path.clone(), None),
        ("GET", format!("{path}/messages"), None),
        ("POST", format!("{path}/messages"), Some(json!({"content": "x"}))),
        ("POST", format!("{path}/read"), read(1)),
        ("PATCH", path.clone(), Some(json!({"name": "x"}))),
        ("DELETE", member, None),
    ] {
        let (status, _) = house.call(&cleo, method, &path, body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}");
    }
}

/// What may be unsent to one client (`native/sidecar/src/sockets/flow.rs`).
const MAX_UNSENT: usize = 1024 * 1024;

/// A chat of as many people as there can be, all with the longest names, and the longest last message.
fn largest_chat() -> Chat {
    let longest = |characters: usize| "😀".repeat(characters);
    let member = |last_read_seq: i64| Member {
        user_id: clock::new_id(UserId::generate),
        name: longest(100),
        role: Role::Manager,
        last_read_seq,
    };
    let file = Attachment {
        id: clock::new_id(AttachmentId::generate),
        file_name: longest(255),
        content_type: "x".repeat(100),
        size: 10 * 1024 * 1024,
        width: Some(u32::MAX),
        height: Some(u32::MAX),
    };
    let id = clock::new_id(ChatId::generate);
    let members: Vec<_> = (1_000_000..).take(MAX_MEMBERS).map(member).collect();
    let last_message = Message {
        id: clock::new_id(MessageId::generate),
        chat_id: id,
        seq: 1_002_000,
        sender_id: members[0].user_id,
        // Of all characters those that JSON writes with the most bytes.
        content: "\u{1}".repeat(MAX_CHARACTERS),
        message_type: MessageType::File,
        attachments: vec![file; MAX_ATTACHMENTS],
        temp_id: TempId::try_from(longest(128)).ok(),
        created_at: clock::now(),
        edited_at: Some(clock::now()),
        deleted_at: None,
    };
    Chat {
        id,
        kind: ChatType::Group,
        name: Some(longest(100)),
        members,
        last_seq: 1_002_000,
        last_change: 1_000_000,
        last_message: Some(last_message),
        unread_count: 0,
        created_at: clock::now(),
    }
}

#[test]
fn the_largest_group_s_events_are_taken_by_the_relay_and_by_clients() {
    let chat = largest_chat();
    let people: Vec<_> = chat.members.iter().map(|member| member.user_id).collect();
    // Each has another number of messages unread.
    let unread: Vec<_> = people.iter().copied().zip(0..).collect();
    for told in [
        events::chat_created(&chat, &unread),
        events::chat_updated(&chat, &unread),
        events::members_added(&chat, &unread, &people),
    ] {
        let body = serde_json::to_vec(&RelayEvents { events: told.clone() }).unwrap();
        assert!(body.len() < MAX_EVENTS_BYTES, "{} bytes", body.len());
        for event in told {
            let RelayEvent::ChatToUsers { event, chat, unread } = event else {
                continue;
            };
            let mut told = nexus_protocol::relay::to_each(event, *chat, unread);
            let Some(RelayEvent::ToUsers { event, data, .. }) = told.next() else {
                panic!("nobody is told")
            };
            let frame = json!({"event": event, "data": data}).to_string();
            assert!(frame.len() < MAX_UNSENT, "{} bytes", frame.len());
        }
    }
}
