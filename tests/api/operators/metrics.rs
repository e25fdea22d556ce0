//! Metrics: what is there is measured.

use std::time::{Duration, Instant};

use nexus_tests::TestApp;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_is_in_the_histogram_by_its_own_time() {
    let app = TestApp::start().await;
    let client = app.client();
    for _ in 0..2 {
        let unknown = serde_json::json!({"email": "nobody@example.org", "password": "Quiet-River-42"});
        client.post("/auth/login", &unknown).await.expect(401);
    }
    let text = client.get("/metrics").await.expect(200).text();
    let value = |name: &str| -> f64 {
        let line = text
            .lines()
            .find(|line| line.split(' ').next() == Some(name))
            .expect(name);
        line.rsplit(' ')
            .next()
            .and_then(|value| value.parse().ok())
            .expect("a number")
    };
    let queries = value("db_queries_total");
    assert!(queries > 0.0);
    assert_eq!(value("db_query_duration_seconds_count"), queries);
    assert!(value("db_query_duration_seconds_sum") > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn companies_are_shown_with_their_tenants_and_their_revenue() {
    let mut app = TestApp::start().await;
    let accounts = app.demo();
    // It looks at once after a start, and once a minute from then on.
    app.restart().await;
    let (_, manager) = accounts.iter().find(|(role, _)| role == "MANAGER").expect("a manager");
    let manager = manager.sign_in(&app.client()).await;
    let stats = manager.get("/dashboard/stats").await.expect(200).json();
    let asked = Instant::now();
    loop {
        let text = app.client().get("/metrics").await.expect(200).text();
        let expected = [
            format!(
                r#"active_tenants_total{{company="demo"}} {}"#,
                stats["tenants"]["active"]
            ),
            format!(
                r#"active_occupancies_total{{company="demo"}} {}"#,
                stats["occupancies"]["active"]
            ),
            format!(r#"total_revenue{{company="demo"}} {}"#, stats["revenue"]["total"]),
        ];
        if expected.iter().all(|line| text.lines().any(|found| found == line)) {
            break;
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "{expected:?}: {text}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(stats["revenue"]["total"].as_i64() > Some(0), "{stats}");
}
