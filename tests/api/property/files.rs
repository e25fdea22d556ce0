//! Large files in and out, against the running product: what it holds of them at once stays small.

use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;

use nexus_tests::{Answer, Client, TestApp};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::json;

use super::estate;

const ROWS: usize = 100_000;
/// In bytes; the file has 6.6 million, and its rows as values several times that.
const MORE_MEMORY: u64 = 48 << 20;

/// The answer, and how much more memory than before the product held while it was made.
async fn watched<T>(app: &TestApp, work: impl Future<Output = T>) -> (T, u64) {
    let before = app.resident_memory();
    let mut most = before;
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return (done, most - before),
            _ = ticks.tick() => most = most.max(app.resident_memory()),
        }
    }
}

fn import(client: &Client, query: &str, file: &str) -> impl Future<Output = Answer> + use<> {
    let request = client
        .request(Method::POST, &format!("/tenants/import{query}"))
        .header("content-type", "text/csv")
        .body(file.to_owned());
    Answer::of(request)
}

fn export(client: &Client) -> impl Future<Output = Answer> + use<> {
    Answer::of(client.request(Method::GET, "/tenants").header("accept", "text/csv"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_rows_go_in_and_come_out() {
    let app = TestApp::start().await;
    let place = estate(&app, "haus").await;
    let admin = &place.admin;
    let mut file = String::from("fullName,email,phone,nationalId\n");
    for row in 0..ROWS {
        writeln!(file, "Resident {row},r{row}@example.org,+2010{row:08},N{row:09}").expect("a string takes it");
    }
    // What the first requests cost is not what a file costs.
    import(
        admin,
        "?dryRun=true",
        "fullName,email,phone\nA B,a@example.org,+201000000000\n",
    )
    .await
    .expect(200);

    let mut spoilt = file.clone();
    spoilt.push_str("Last One,nobody,+201000000000,N1\n");
    let (refused, memory) = watched(&app, import(admin, "", &spoilt)).await;
    let refused = refused.expect(200).json();
    assert_eq!(refused["created"], 0);
    assert_eq!(
        (&refused["errors"][0]["line"], &refused["errors"][0]["field"]),
        (&json!(ROWS + 2), &json!("email"))
    );
    assert!(memory < MORE_MEMORY, "{memory} bytes while a file was refused");
    let total = || async { admin.get("/tenants?limit=1&withTotal=true").await.expect(200).json()["total"].clone() };
    assert_eq!(total().await, 1, "nothing of a file with an error");

    let form = Form::new().part("file", Part::text(file.clone()).file_name("people.csv"));
    let request = admin
        .request(Method::POST, "/tenants/import?dryRun=true")
        .multipart(form);
    let (tried, memory) = watched(&app, Answer::of(request)).await;
    assert_eq!(tried.expect(200).json(), json!({"created": ROWS, "errors": []}));
    assert!(memory < MORE_MEMORY, "{memory} bytes while a form was read");

    let (made, memory) = watched(&app, import(admin, "", &file)).await;
    assert_eq!(made.expect(200).json(), json!({"created": ROWS, "errors": []}));
    assert!(memory < MORE_MEMORY, "{memory} bytes while a file was taken in");
    assert_eq!(total().await, ROWS + 1);

    let (listed, memory) = watched(&app, export(admin)).await;
    let listed = listed.expect(200).text();
    // The header's line, and the tenant who was there before.
    assert_eq!(listed.lines().count(), ROWS + 2);
    for row in [0, 499, 500, ROWS - 1] {
        let cells = format!(",Resident {row},r{row}@example.org,");
        assert_eq!(listed.matches(&cells).count(), 1, "{cells}");
    }
    assert!(memory < MORE_MEMORY, "{memory} bytes while the list went out");
}
