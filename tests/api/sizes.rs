//! Bodies of every size on every kind of route: whole and byte for byte, or refused with the right error. By HTTP/1.1 and HTTP/2,
//! from `nexus serve` and through a relay.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nexus_tests::{Answer, Protocol, Relay, TestApp, Wire};
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::{company, owner};
use crate::property::{estate, made};

const MIB: usize = 1 << 20;
const SIZES: [usize; 5] = [1, 64 << 10, MIB - 1, MIB, MIB + 1];
const MAX: usize = 10 * MIB;
const BOUNDARY: &str = "--a-boundary--";

/// The product, and a relay before it.
async fn places() -> (TestApp, Relay) {
    let app = TestApp::builder().env("MESSAGE_RATE", "100000/1s").start().await;
    let relay = app.relay_with(&[("MESSAGE_RATE", "100000/1s")]).await;
    (app, relay)
}

async fn wires(app: &TestApp, relay: &Relay, token: &str) -> [Wire; 4] {
    [
        Wire::connect(app.url(), Protocol::Http1, token).await,
        Wire::connect(app.url(), Protocol::Http2, token).await,
        Wire::connect(relay.url(), Protocol::Http1, token).await,
        Wire::connect(relay.url(), Protocol::Http2, token).await,
    ]
}

fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index % 251) as u8).collect()
}

/// Without printing megabytes when it isn't so.
#[track_caller]
fn assert_same(answer: &Answer, expected: &[u8]) {
    assert_eq!(answer.body.len(), expected.len());
    assert!(answer.body == expected, "other bytes than were sent");
}

/// One part of a form. Its content type is what the product finds in it.
fn part(name: &str, file_name: Option<&str>, content: &[u8]) -> Vec<u8> {
    let file_name = file_name
        .map(|name| format!("; filename=\"{name}\""))
        .unwrap_or_default();
    let mut part = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{file_name}\r\n");
    match file_name.ends_with(".pdf\"") {
        true => part.push_str("content-type: application/pdf\r\n\r\n"),
        false => part.push_str("\r\n"),
    }
    let mut part = part.into_bytes();
    part.extend_from_slice(content);
    part.extend_from_slice(b"\r\n");
    part
}

async fn send_form(wire: &mut Wire, path: &str, parts: &[Vec<u8>]) -> Answer {
    let mut form = parts.concat();
    form.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    wire.ask(Method::POST, path, &[("content-type", &kind)], form).await
}

async fn attach(wire: &mut Wire, content: &[u8]) -> Answer {
    send_form(wire, "/attachments", &[part("file", Some("data.bin"), content)]).await
}

async fn attached_and_read(wire: &mut Wire, size: usize) {
    let content = bytes(size);
    let made = attach(wire, &content).await.expect(201).json();
    assert_eq!(made["size"], size);
    let id = made["id"].as_str().expect("an id");
    assert_same(&wire.get(&format!("/attachments/{id}")).await.expect(200), &content);
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_of_every_size_come_back_as_they_went() {
    let (app, relay) = places().await;
    let owner = owner(&app).await;
    let mut wires = wires(&app, &relay, owner.token()).await;
    for wire in &mut wires {
        for size in SIZES {
            attached_and_read(wire, size).await;
        }
        attach(wire, b"").await.expect_problem(400, "VALIDATION_FAILED");
    }
    for wire in [0, 3] {
        attached_and_read(&mut wires[wire], MAX).await;
    }
    for wire in &mut wires {
        // The second is refused while most of it is still being sent.
        for size in [MAX + 1, 50 * MIB] {
            let refused = attach(wire, &bytes(size)).await;
            refused.expect_problem(413, "PAYLOAD_TOO_LARGE");
        }
    }
}

/// A PDF with one page and one stream, of so many bytes in all.
fn pdf(size: usize) -> Vec<u8> {
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Contents 4 0 R >>".to_owned(),
    ];
    let around = written(&objects).len();
    // The length of the stream is a number in the file: its digits count too.
    let mut fill = size.saturating_sub(around + 60);
    loop {
        objects.truncate(3);
        objects.push(format!("<< /Length {fill} >>\nstream\n{}\nendstream", " ".repeat(fill)));
        let file = written(&objects);
        match size.cmp(&file.len()) {
            std::cmp::Ordering::Equal => return file,
            std::cmp::Ordering::Greater => fill += size - file.len(),
            std::cmp::Ordering::Less => fill -= file.len() - size,
        }
    }
}

fn written(objects: &[String]) -> Vec<u8> {
    let mut file = String::from("%PDF-1.7\n");
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        write!(file, "{} 0 obj\n{object}\nendobj\n", index + 1).expect("a string takes it");
    }
    let table = file.len();
    write!(file, "xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).expect("a string takes it");
    for place in &places {
        writeln!(file, "{place:010} 00000 n ").expect("a string takes it");
    }
    let size = places.len() + 1;
    write!(
        file,
        "trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table:010}\n%%EOF\n"
    )
    .expect("a string takes it");
    file.into_bytes()
}

fn account(email: &str) -> Value {
    json!({ "email": email, "password": "Quiet-River-42", "name": "Ana Kos" })
}

fn as_json(content: &[u8]) -> Value {
    json!({ "type": "PASSPORT", "fileName": "pass.pdf", "contentType": "application/pdf", "data": STANDARD.encode(content) })
}

fn document_ids(registered: &Answer) -> Vec<String> {
    let documents = registered.json()["user"]["documents"].clone();
    let ids = documents.as_array().expect("documents").iter();
    ids.map(|document| document["id"].as_str().expect("an id").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_every_size_come_back_as_they_were_handed_in() {
    let (app, relay) = places().await;
    let owner = owner(&app).await;
    let mut wires = wires(&app, &relay, owner.token()).await;
    for (index, wire) in wires.iter_mut().enumerate() {
        let documents: Vec<Vec<u8>> = [64 << 10, MIB - 1, MIB, MIB + 1].map(pdf).into();
        let mut body = account(&format!("json{index}@example.org"));
        body["documents"] = documents.iter().map(|content| as_json(content)).collect();
        let kind = [("content-type", "application/json")];
        let registered = wire.ask(Method::POST, "/auth/register", &kind, body.to_string()).await;
        for (id, content) in document_ids(&registered.expect(201)).iter().zip(&documents) {
            let path = format!("/admin/documents/{id}/content");
            assert_same(&wire.get(&path).await.expect(200), content);
        }
    }
    // As many and as large as may be, in a form; and what is too large for JSON.
    let largest = pdf(MAX);
    for index in [0, 3] {
        let account = account(&format!("form{index}@example.org")).to_string();
        let mut parts = vec![part("account", None, account.as_bytes())];
        parts.extend((0..5).map(|_| part("documents", Some("pass.pdf"), &largest)));
        let registered = send_form(&mut wires[index], "/auth/register", &parts).await.expect(201);
        let ids = document_ids(&registered);
        assert_eq!(ids.len(), 5);
        for id in ids {
            let path = format!("/admin/documents/{id}/content");
            assert_same(&wires[index].get(&path).await.expect(200), &largest);
        }
    }
    for index in [1, 2] {
        let mut body = account(&format!("large{index}@example.org"));
        body["documents"] = json!([as_json(&largest), as_json(&largest)]);
        let kind = [("content-type", "application/json")];
        let refused = wires[index]
            .ask(Method::POST, "/auth/register", &kind, body.to_string())
            .await;
        refused.expect_problem(413, "PAYLOAD_TOO_LARGE");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_longest_messages_arrives_whole() {
    let (app, relay) = places().await;
    let owner = owner(&app).await;
    company(&owner, "haus").await;
    let [one, two] =
        ["one@haus.example", "two@haus.example"].map(|email| app.admin_create(email, "MANAGER", Some("haus")));
    let (one, two) = (one.sign_in(&app.client()).await, two.sign_in(&app.client()).await);
    let other = two.get("/auth/me").await.expect(200).json()["user"]["id"].clone();
    let chat = json!({ "type": "GROUP", "name": "Long", "memberIds": [other] });
    let chat = made(&one, "/chats", chat).await;
    // 4,000 characters of four bytes each, and each another.
    let content = |index: usize| {
        let first = char::from_u32(0x1F600 + index as u32 % 64).expect("a character");
        format!("{first}{}", "😀".repeat(3_999))
    };
    for index in 0..100 {
        let message = json!({ "content": content(index) });
        one.post(&format!("/chats/{chat}/messages"), &message).await.expect(201);
    }
    for wire in &mut wires(&app, &relay, two.token()).await {
        let page = wire.get(&format!("/chats/{chat}/messages?limit=100")).await.expect(200);
        assert!(page.body.len() > 3 * MIB / 2, "{}", page.body.len());
        let page = page.json();
        let mut items: Vec<(i64, String)> = page["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|item| {
                (
                    item["seq"].as_i64().expect("a seq"),
                    item["content"].as_str().expect("text").to_owned(),
                )
            })
            .collect();
        items.sort();
        assert_eq!(items.len(), 100);
        assert!(
            items
                .iter()
                .enumerate()
                .all(|(index, (_, text))| *text == content(index))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_and_the_description_arrive_whole() {
    const ROWS: usize = 20_000;
    let (app, relay) = places().await;
    let place = estate(&app, "haus").await;
    let mut file = String::from("fullName,email,phone\n");
    for row in 0..ROWS {
        writeln!(file, "Resident {row},r{row}@example.org,+2010{row:08}").expect("a string takes it");
    }
    let mut wires = wires(&app, &relay, place.admin.token()).await;
    let kind = [("content-type", "text/csv")];
    let imported = wires[3].ask(Method::POST, "/tenants/import", &kind, file).await;
    assert_eq!(imported.expect(200).json()["created"], ROWS);
    let mut seen = Vec::new();
    for wire in &mut wires {
        let export = wire
            .ask(Method::GET, "/tenants", &[("accept", "text/csv")], "")
            .await
            .expect(200);
        assert_eq!(export.text().lines().count(), ROWS + 2);
        let compressed = [("accept", "text/csv"), ("accept-encoding", "gzip")];
        let small = wire.ask(Method::GET, "/tenants", &compressed, "").await.expect(200);
        assert!(small.body.starts_with(b"\x1f\x8b") && small.body.len() < export.body.len() / 2);
        let description = wire.get("/openapi.json").await.expect(200);
        assert!(description.json()["paths"].is_object());
        seen.push((export.body, description.body));
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]));
}
