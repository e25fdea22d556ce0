//! Ready is what can be written to.

use std::process::Command;
use std::time::{Duration, Instant};

use nexus_tests::TestApp;
use serde_json::json;

/// How large files of a running process may become; `unlimited` again for none.
fn limit_files(process: u32, limit: &str) {
    let limited = Command::new("prlimit")
        .args(["--pid", &process.to_string(), &format!("--fsize={limit}:unlimited")])
        .status();
    assert!(limited.expect("prlimit runs").success());
}

async fn await_readiness(app: &TestApp, status: u16) -> serde_json::Value {
    let asked = Instant::now();
    loop {
        let answer = app.client().get("/health/ready").await;
        if answer.status == status {
            return answer.json();
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_can_t_write_is_not_ready_until_it_can_again() {
    let app = TestApp::builder().survives_file_limits().start().await;
    await_readiness(&app, 200).await;
    limit_files(app.pid(), "4096");
    let body = json!({"email": "ana@example.org", "password": "Quiet-River-42", "name": "Ana Kos"});
    let refused = app.client().post("/auth/register", &body).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    let ready = await_readiness(&app, 503).await;
    assert_eq!(ready["status"], "unavailable");
    assert_eq!(ready["checks"]["database"]["status"], "failed");
    assert_eq!(ready["checks"]["keyValue"]["status"], "failed");
    app.client().get("/health").await.expect(200);

    limit_files(app.pid(), "unlimited");
    await_readiness(&app, 200).await;
    app.client().post("/auth/register", &body).await.expect(201);
}
