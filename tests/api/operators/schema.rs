//! A database that a newer program has brought up to date.

use std::time::{Duration, Instant};

use nexus_store::Database;
use nexus_tests::TestApp;
use serde_json::Value;

/// Asks until it is answered so, for as long as the product may take to notice.
async fn await_status(app: &TestApp, path: &str, status: u16) -> Value {
    let asked = Instant::now();
    loop {
        let answer = app.client().get(path).await;
        if answer.status == status {
            return answer.json();
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{path}: {}", answer.text());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_program_stops_working_with_a_database_that_it_may_not_change() {
    let mut app = TestApp::start().await;
    let sign_in = "/auth/me";
    let before = app.client().get(sign_in).await.status;
    let database = Database::open_file(&app.database_file()).expect("the database");
    database
        .execute(
            "INSERT INTO schema_migrations (name, checksum) VALUES ('9999_later', 'x')",
            &[],
        )
        .expect("a row");

    let ready = await_status(&app, "/health/ready", 503).await;
    assert_eq!(ready["status"], "unavailable");
    let detail = ready["checks"]["database"]["detail"].as_str().expect("a reason");
    assert!(
        detail.contains("newer than this program") && detail.contains("9999_later"),
        "{detail}"
    );
    for path in [sign_in, "/chats", "/companies", "/dashboard/stats", "/admin/users"] {
        await_status(&app, path, 503).await;
    }
    app.client().get("/health").await.expect(200);

    let data = app.data();
    let data = data.to_str().expect("UTF-8");
    for command in ["migrate", "demo"] {
        let output = app.command(&[command, "--data", data]).output().expect("nexus runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("9999_later"), "{said}");
    }

    // A migration that this program can work with.
    database
        .execute(
            "INSERT INTO schema_compatibility (migration, since) VALUES ('9999_later', 1)",
            &[],
        )
        .expect("a row");
    await_status(&app, "/health/ready", 200).await;
    await_status(&app, sign_in, before).await;
    app.restart().await;
    database
        .execute("DELETE FROM schema_compatibility WHERE migration = '9999_later'", &[])
        .expect("no row");
    app.kill_9();
    let output = app
        .command(&["serve", "--listen", "127.0.0.1:0", "--data", data])
        .output()
        .expect("nexus runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("start the newer program"), "{said}");
}
